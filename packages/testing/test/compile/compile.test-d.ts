import { type Compiled, compile } from "@sconce/autograd/compile";
import type { Tensor } from "@sconce/core";
import { Linear, LSTM, type LSTMState, Sequential } from "@sconce/nn";

declare const x: Tensor;

// A compiled function is called as the function is.
const scaled: Compiled<(x: Tensor, k: number) => Tensor> = compile((a: Tensor, k: number) => a.mul(k));
export const product: Tensor = scaled(x, 2);
// @ts-expect-error: the number is missing.
scaled(x);
// @ts-expect-error: a text is no number.
scaled(x, "2");

// A compiled module has the parameters and the result of `forward`.
export const linear: Tensor = compile(new Linear(2, 3))(x);
export const stack: Tensor = compile(new Sequential(new Linear(2, 3)))(x);
export const [output, state]: [Tensor, LSTMState] = compile(new LSTM(2, 3))(x);
// @ts-expect-error: an LSTM gives a pair.
export const wrong: Tensor = compile(new LSTM(2, 3))(x);

// @ts-expect-error: a tensor is no function.
compile(x);
