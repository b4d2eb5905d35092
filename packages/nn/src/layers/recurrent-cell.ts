import { formatShape, optionsOf, ShapeError, type Tensor } from "@sconce/core";
import { uniform_ } from "../init.js";
import { Module } from "../module.js";
import type { Parameter } from "../parameter.js";
import { pyBool } from "../repr.js";
import { type BiasOptions, checkSizes, filledParameter } from "./factory.js";
import type { LSTMState } from "./recurrent.js";
import { GATES, nonlinearityOf, type RecurrentMode, recurrentStep, type State } from "./recurrent-loop.js";

/** One step of a recurrent layer. State: `weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`. */
export abstract class RNNCellBase extends Module {
  static override readonly stateKeys: Readonly<Record<string, string>> = {
    weightIh: "weight_ih",
    weightHh: "weight_hh",
    biasIh: "bias_ih",
    biasHh: "bias_hh",
  };

  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly bias: boolean;
  weightIh: Parameter;
  weightHh: Parameter;
  biasIh: Parameter | null;
  biasHh: Parameter | null;

  constructor(mode: RecurrentMode, inputSize: number, hiddenSize: number, options: BiasOptions) {
    const { bias } = optionsOf(new.target, options, { bias: true });
    super();
    checkSizes(new.target.name, { inputSize, hiddenSize });
    const gates = GATES[mode] * hiddenSize;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.bias = bias;
    this.weightIh = filledParameter([gates, inputSize], 0, options);
    this.weightHh = filledParameter([gates, hiddenSize], 0, options);
    this.biasIh = bias ? filledParameter([gates], 0, options) : null;
    this.biasHh = bias ? filledParameter([gates], 0, options) : null;
    this.resetParameters();
  }

  /** Draws new weights, as the constructor does. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** The next state of `[N, inputSize]` or `[inputSize]` from one that may be missing. */
  protected step(mode: RecurrentMode, input: Tensor, hx: State | null): State {
    this.check(input, hx);
    const { weightIh, weightHh, biasIh, biasHh } = this;
    const batched = input.ndim === 2;
    const x = batched ? input : input.unsqueeze(0);
    const zeros = (): Tensor => x.newFull([x.shape[0], this.hiddenSize], 0);
    const parts = mode === "LSTM" ? 2 : 1;
    const given = hx ?? Array.from({ length: parts }, zeros);
    const state = batched || hx === null ? given : given.map((s) => s.unsqueeze(0));
    const next = recurrentStep(mode, x, state, { weightIh, weightHh, biasIh, biasHh, weightHr: null });
    return batched ? next : next.map((s) => s.squeeze(0));
  }

  private check(input: Tensor, hx: State | null): void {
    const op = this.constructor.name;
    const refuse = (message: string, shape: readonly number[]): never => {
      throw new ShapeError(`${op}: ${message}, ${formatShape(shape)}`, { shapes: [input.shape, shape] });
    };
    if (input.ndim !== 1 && input.ndim !== 2) {
      refuse(`Expected input to be 1-D or 2-D but received ${input.ndim}-D tensor`, input.shape);
    }
    const size = input.shape[input.ndim - 1];
    if (size !== this.inputSize) refuse(`input has inconsistent input_size: got ${size}, expected ${this.inputSize}`, input.shape);
    for (const { shape } of hx ?? []) {
      if (shape.length !== input.ndim) refuse(`Expected hidden to be ${input.ndim}-D but received ${shape.length}-D tensor`, shape);
      const got = shape[shape.length - 1];
      if (got !== this.hiddenSize) refuse(`hidden has inconsistent hidden_size: got ${got}, expected ${this.hiddenSize}`, shape);
      if (input.ndim === 2 && shape[0] !== input.shape[0]) {
        refuse(`Input batch size ${input.shape[0]} doesn't match hidden batch size ${shape[0]}`, shape);
      }
    }
  }

  override extraRepr(): string {
    return `${this.inputSize}, ${this.hiddenSize}${this.bias ? "" : `, bias=${pyBool(this.bias)}`}`;
  }
}

/** Settings of {@link RNNCell}. */
export interface RNNCellOptions extends BiasOptions {
  /** What acts on the sum of input and hidden state; tanh unless given. */
  readonly nonlinearity?: "tanh" | "relu";
}

/**
 * One step of an RNN: inputs `[N, inputSize]` and hidden state `[N, hiddenSize]`, zeros unless given, to the next hidden state.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.RNNCell.html
 * @throws ValueError for an unknown nonlinearity. @throws ShapeError if the sizes do not fit.
 */
export class RNNCell extends RNNCellBase {
  readonly nonlinearity: "tanh" | "relu";

  constructor(inputSize: number, hiddenSize: number, options: RNNCellOptions = {}) {
    const nonlinearity = nonlinearityOf(new.target, options);
    super("RNN_TANH", inputSize, hiddenSize, options);
    this.nonlinearity = nonlinearity;
  }

  override forward(input: Tensor, hx: Tensor | null = null): Tensor {
    return this.step(this.nonlinearity === "tanh" ? "RNN_TANH" : "RNN_RELU", input, hx === null ? null : [hx])[0];
  }

  override extraRepr(): string {
    return super.extraRepr() + (this.nonlinearity === "tanh" ? "" : `, nonlinearity=${this.nonlinearity}`);
  }
}

/**
 * One step of an LSTM: inputs `[N, inputSize]`, hidden and cell state `[N, hiddenSize]`, zeros unless given, to the next ones.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html
 * @throws ShapeError if the sizes do not fit.
 * @example
 * const cell = new nn.LSTMCell(10, 20);
 * let [h, c] = cell(randn([3, 10])); // [3, 20] and [3, 20]
 * [h, c] = cell(randn([3, 10]), [h, c]);
 */
export class LSTMCell extends RNNCellBase {
  constructor(inputSize: number, hiddenSize: number, options: BiasOptions = {}) {
    super("LSTM", inputSize, hiddenSize, options);
  }

  override forward(input: Tensor, hx: LSTMState | null = null): LSTMState {
    const [hidden, cell] = this.step("LSTM", input, hx);
    return [hidden, cell];
  }
}

/**
 * One step of a GRU: inputs `[N, inputSize]` and hidden state `[N, hiddenSize]`, zeros unless given, to the next hidden state.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.GRUCell.html
 * @throws ShapeError if the sizes do not fit.
 */
export class GRUCell extends RNNCellBase {
  constructor(inputSize: number, hiddenSize: number, options: BiasOptions = {}) {
    super("GRU", inputSize, hiddenSize, options);
  }

  override forward(input: Tensor, hx: Tensor | null = null): Tensor {
    return this.step("GRU", input, hx === null ? null : [hx])[0];
  }
}
