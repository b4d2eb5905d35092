import type { Tensor } from "@sconce/core";
import { type Linear, MaxPool2d, Module, ModuleDict, ModuleList, Parameter, ReLU, Sequential } from "./index.js";

declare const x: Tensor;

class TwoInputs extends Module {
  readonly scale: Parameter = new Parameter(x);
  forward(left: Tensor, right: Tensor, flag = true): [Tensor, number] {
    return [flag ? left : right, 1];
  }
}

const net: TwoInputs = new TwoInputs();

// A call has the parameters and the result of `forward`.
export const pair: [Tensor, number] = net(x, x);
export const flagged: [Tensor, number] = net(x, x, false);
// @ts-expect-error: forward takes two tensors.
net(x);
// @ts-expect-error: a number is no tensor.
net(x, 1);
// @ts-expect-error: forward returns a pair.
export const wrong: Tensor = net(x, x);

// Methods that return the module keep its class.
export const same: TwoInputs = net
  .train()
  .eval()
  .to("float64")
  .cpu()
  .requiresGrad_()
  .apply(() => {});

// Hooks see the types of the module.
net.registerForwardHook((module, [left], [output]) => {
  const typed: TwoInputs = module;
  return [typed.scale.add(left), output.numel()];
});

// A module of any class can be called with anything.
declare const any: Module;
any(1, "two");

// @ts-expect-error: a module must define forward.
export class NoForward extends Module {}

declare const linear: Linear;
export const output: Tensor = new Sequential(linear, new ReLU())(x);
export const weight: Parameter = new Sequential<Linear>(linear, linear)[0].weight;
export const listed: Linear = new ModuleList([linear])[0];
export const found: Linear = new ModuleDict({ linear }).get("linear");
// @ts-expect-error: a list of modules is not called with tensors.
export const called: Tensor = new ModuleList([linear])(x) satisfies Tensor;

export const pooled: Tensor = new MaxPool2d(2)(x);
export const positions: Tensor = new MaxPool2d(2, { returnIndices: true })(x).indices;
