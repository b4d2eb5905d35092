import { cat, exposed, formatShape, hidden, ShapeError, stack, type Tensor, ValueError } from "@sconce/core";
import { dropout } from "../functional/dropout.js";
import { uniform_ } from "../init.js";
import { Module } from "../module.js";
import { settle } from "../options.js";
import { PackedSequence } from "../packed.js";
import type { Parameter } from "../parameter.js";
import { pyBool, pyFloat } from "../repr.js";
import { warn } from "../warn.js";
import { type BiasOptions, checkSizes, filledParameter } from "./factory.js";
import { GATES, nonlinearityOf, type RecurrentMode, type RecurrentWeights, runLayer, type State } from "./recurrent-loop.js";

/** Settings of {@link GRU}, and those that all recurrent layers have. */
export interface RecurrentOptions extends BiasOptions {
  /** Layers on top of each other; 1 unless given. */
  readonly numLayers?: number;
  /** Takes and returns sequences as `[N, T, ...]` where it would be `[T, N, ...]`. */
  readonly batchFirst?: boolean;
  /** Probability of dropout after every layer but the last. */
  readonly dropout?: number;
  /** Runs a second set of weights from the end to the start, whose outputs follow those of the first. */
  readonly bidirectional?: boolean;
}

/** Settings of {@link RNN}. */
export interface RNNOptions extends RecurrentOptions {
  /** What acts on the sum of input and hidden state; tanh unless given. */
  readonly nonlinearity?: "tanh" | "relu";
}

/** Settings of {@link LSTM}. */
export interface LSTMOptions extends RecurrentOptions {
  /** Size that the hidden state is projected to; 0, the default, for no projection. */
  readonly projSize?: number;
}

/** Hidden and cell state of an {@link LSTM}. */
export type LSTMState = readonly [hidden: Tensor, cell: Tensor];

type WeightName = `weight${"Ih" | "Hh" | "Hr"}L${string}` | `bias${"Ih" | "Hh"}L${string}`;

/**
 * A recurrent layer. State: for layer 0 `weight_ih_l0` `[gates * hiddenSize, inputSize]`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`
 * and, with a projection, `weight_hr_l0`; likewise for the others, with `_reverse` after the number for the way back. As fields they
 * are `weightIhL0`, `weightIhL0Reverse` and so on.
 */
export abstract class RNNBase extends Module {
  readonly mode: RecurrentMode;
  readonly inputSize: number;
  readonly hiddenSize: number;
  declare readonly numLayers: number;
  declare readonly bias: boolean;
  declare readonly batchFirst: boolean;
  declare readonly dropout: number;
  declare readonly bidirectional: boolean;
  declare readonly projSize: number;
  [weight: WeightName]: Parameter;

  protected static override stateKey(field: string): string {
    const parts = /^(weight|bias)(Ih|Hh|Hr)L(\d+)(Reverse)?$/.exec(field);
    // biome-ignore lint/complexity/noThisInStatic: subclasses may have fields of their own
    if (parts === null) return super.stateKey(field);
    const [, kind, from, layer, reverse] = parts;
    return `${kind}_${from.toLowerCase()}_l${layer}${reverse === undefined ? "" : "_reverse"}`;
  }

  constructor(mode: RecurrentMode, inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    super();
    const defaults = { numLayers: 1, bias: true, batchFirst: false, dropout: 0, bidirectional: false, projSize: 0 };
    const { numLayers } = settle(this, options, defaults);
    checkSizes(new.target.name, { inputSize, hiddenSize, numLayers });
    checkSettings(new.target.name, this, hiddenSize, mode);
    this.mode = mode;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    for (let layer = 0; layer < numLayers; layer++) {
      for (const suffix of this.directions) this.addWeights(layer, suffix, options);
    }
    this.resetParameters();
  }

  private addWeights(layer: number, suffix: string, options: LSTMOptions): void {
    const gates = GATES[this.mode] * this.hiddenSize;
    const input = layer === 0 ? this.inputSize : this.outputSize * this.directions.length;
    const add = (name: string, shape: readonly number[]): void =>
      this.registerParameter(`${name}L${layer}${suffix}`, filledParameter(shape, 0, options));
    add("weightIh", [gates, input]);
    add("weightHh", [gates, this.outputSize]);
    if (this.bias) {
      add("biasIh", [gates]);
      add("biasHh", [gates]);
    }
    if (this.projSize > 0) add("weightHr", [this.projSize, this.hiddenSize]);
  }

  /** What follows the layer's number in the names of the weights of each direction. */
  protected get directions(): readonly string[] {
    return this.bidirectional ? ["", "Reverse"] : [""];
  }

  /** Size of the hidden state. */
  protected get outputSize(): number {
    return this.projSize > 0 ? this.projSize : this.hiddenSize;
  }

  /** Draws new weights, as the constructor does. */
  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize);
    for (const parameter of this.parameters()) uniform_(parameter, -bound, bound);
  }

  /** The weights of a layer in a direction. */
  protected weights(layer: number, suffix: string): RecurrentWeights {
    const at = `L${layer}${suffix}` as const;
    return {
      weightIh: this[`weightIh${at}`],
      weightHh: this[`weightHh${at}`],
      biasIh: this.bias ? this[`biasIh${at}`] : null,
      biasHh: this.bias ? this[`biasHh${at}`] : null,
      weightHr: this.projSize > 0 ? this[`weightHr${at}`] : null,
    };
  }

  /** Runs all layers over a tensor or a packed batch, from a state that may be missing. */
  protected run<I extends Tensor | PackedSequence>(input: I, hx: State | null): [output: I, state: State] {
    return (input instanceof PackedSequence ? this.runPacked(input, hx) : hidden(() => this.runTensor(input as Tensor, hx))) as [I, State];
  }

  private runPacked(input: PackedSequence, hx: State | null): [PackedSequence, State] {
    const { data, batchSizes, sortedIndices, unsortedIndices } = input;
    this.checkInput(data, 2);
    const sort = (x: Tensor): Tensor => (sortedIndices === null ? x : x.indexSelect(1, sortedIndices));
    const unsort = (x: Tensor): Tensor => (unsortedIndices === null ? x : x.indexSelect(1, unsortedIndices));
    const start = hx === null ? this.zeros(data, batchSizes[0]) : this.checkedState(hx, batchSizes[0]).map(sort);
    const [output, state] = hidden(() => this.runLayers(data, batchSizes, start));
    return [input.withData(output), state.map(unsort)];
  }

  private runTensor(input: Tensor, hx: State | null): [Tensor, State] {
    const name = this.constructor.name;
    if (input.ndim !== 2 && input.ndim !== 3) {
      throw new ShapeError(`${name}: Expected input to be 2-D or 3-D but received ${input.ndim}-D tensor, ${formatShape(input.shape)}`, {
        shapes: [input.shape],
      });
    }
    const batched = input.ndim === 3;
    this.checkInput(input, input.ndim);
    const given = hx === null ? null : this.batchedState(hx, batched);
    // [T, N, inputSize]
    const x = !batched ? input.unsqueeze(1) : this.batchFirst ? input.transpose(0, 1) : input;
    const [steps, count] = x.shape;
    if (steps === 0) throw new ShapeError(`${name}: Expected sequence length to be larger than 0 in RNN`, { shapes: [x.shape] });
    const start = given === null ? this.zeros(x, count) : this.checkedState(given, count);
    const sizes = new Array<number>(steps).fill(count);
    const [packed, state] = this.runLayers(x.reshape([steps * count, this.inputSize]), sizes, start);
    const output = packed.reshape([steps, count, packed.shape[1]]);
    if (!batched) return [output.squeeze(1), state.map((s) => s.squeeze(1))];
    return [this.batchFirst ? output.transpose(0, 1) : output, state];
  }

  private runLayers(x: Tensor, batchSizes: readonly number[], start: State): [output: Tensor, state: State] {
    const { mode, numLayers, training, directions } = this;
    const starts = start.map((s) => s.unbind(0));
    const states: State[] = [];
    let output = x;
    for (let layer = 0; layer < numLayers; layer++) {
      const runs = directions.map((suffix, d) => {
        const from = starts.map((list) => list[layer * directions.length + d]);
        const weights = exposed(null, () => this.weights(layer, suffix));
        return runLayer(mode, output, batchSizes, from, weights, d === 1);
      });
      for (const run of runs) states.push(run.state);
      output = runs.length === 1 ? runs[0].output : cat([runs[0].output, runs[1].output], 1);
      if (this.dropout > 0 && training && layer < numLayers - 1) output = dropout(output, this.dropout);
    }
    return [output, start.map((_, k) => stack(states.map((state) => state[k])))];
  }

  /** Sizes of each part of the state of `count` sequences. */
  private stateShapes(count: number): number[][] {
    const layers = this.numLayers * this.directions.length;
    const hidden = [layers, count, this.outputSize];
    return this.mode === "LSTM" ? [hidden, [layers, count, this.hiddenSize]] : [hidden];
  }

  private zeros(like: Tensor, count: number): State {
    return this.stateShapes(count).map((shape) => like.newFull(shape, 0));
  }

  private checkInput(x: Tensor, rank: number): void {
    const name = this.constructor.name;
    const problem =
      x.ndim !== rank
        ? `input must have ${rank} dimensions, got ${x.ndim}`
        : x.shape[rank - 1] !== this.inputSize
          ? `input.size(-1) must be equal to input_size. Expected ${this.inputSize}, got ${x.shape[rank - 1]}`
          : null;
    if (problem !== null) throw new ShapeError(`${name}: ${problem}, ${formatShape(x.shape)}`, { shapes: [x.shape] });
  }

  private batchedState(hx: State, batched: boolean): State {
    const name = this.constructor.name;
    const rank = batched ? 3 : 2;
    const wrong = hx.find((s) => s.ndim !== rank);
    if (wrong !== undefined) {
      throw new ShapeError(
        `${name}: For ${batched ? "batched 3-D" : "unbatched 2-D"} input, hx should also be ${rank}-D but got ${wrong.ndim}-D tensor`,
        { shapes: [wrong.shape] },
      );
    }
    return batched ? hx : hx.map((s) => s.unsqueeze(1));
  }

  private checkedState(hx: State, count: number): State {
    const name = this.constructor.name;
    this.stateShapes(count).forEach((shape, i) => {
      const got = hx[i]?.shape ?? [];
      if (formatShape(got) === formatShape(shape)) return;
      const part = this.mode === "LSTM" ? `hidden[${i}]` : "hidden";
      throw new ShapeError(`${name}: Expected ${part} size ${formatShape(shape)}, got ${formatShape(got)}`, { shapes: [got] });
    });
    return hx;
  }

  override extraRepr(): string {
    let text = `${this.inputSize}, ${this.hiddenSize}`;
    if (this.projSize !== 0) text += `, proj_size=${this.projSize}`;
    if (this.numLayers !== 1) text += `, num_layers=${this.numLayers}`;
    if (!this.bias) text += `, bias=${pyBool(this.bias)}`;
    if (this.batchFirst) text += `, batch_first=${pyBool(this.batchFirst)}`;
    if (this.dropout !== 0) text += `, dropout=${pyFloat(this.dropout)}`;
    if (this.bidirectional) text += `, bidirectional=${pyBool(this.bidirectional)}`;
    return text;
  }
}

type Settings = Required<Pick<LSTMOptions, "numLayers" | "dropout" | "projSize">>;

function checkSettings(op: string, { numLayers, dropout: p, projSize }: Settings, hiddenSize: number, mode: RecurrentMode): void {
  const refuse = (message: string): never => {
    throw new ValueError(`${op}: ${message}`);
  };
  if (!(p >= 0 && p <= 1)) {
    refuse(`dropout should be a number in range [0, 1] representing the probability of an element being zeroed, got ${p}`);
  }
  if (p > 0 && numLayers === 1) {
    warn(
      "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater than 1, " +
        `but got dropout=${p} and num_layers=${numLayers}`,
    );
  }
  if (projSize !== 0 && mode !== "LSTM") refuse("proj_size argument is only supported for LSTM, not RNN or GRU");
  if (projSize < 0) refuse(`proj_size should be a positive integer or zero to disable projections, got ${projSize}`);
  if (projSize >= hiddenSize) refuse(`proj_size has to be smaller than hidden_size, got ${projSize} and ${hiddenSize}`);
}

/** Calling a recurrent layer on packed sequences gives packed outputs. */
export interface RNN {
  // biome-ignore lint/style/useShorthandFunctionType: it merges with the class
  (input: PackedSequence, hx?: Tensor | null): [output: PackedSequence, hidden: Tensor];
}

/**
 * Elman's network: `h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`. Takes `[T, N, inputSize]`, `[T, inputSize]` or a packed batch, and the
 * first hidden state `[layers * directions, N, hiddenSize]`, zeros unless given. Returns the outputs `[T, N, directions * hiddenSize]`
 * of the last layer and the last hidden state of each.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.RNN.html
 * @throws ValueError for a dropout outside of [0, 1] or an unknown nonlinearity. @throws ShapeError if the sizes do not fit.
 * @example
 * const rnn = new nn.RNN(10, 20, { numLayers: 2 });
 * const [output, hidden] = rnn(randn([5, 3, 10])); // [5, 3, 20] and [2, 3, 20]
 */
export class RNN extends RNNBase {
  static override readonly transient: boolean = true;

  readonly nonlinearity: "tanh" | "relu";

  constructor(inputSize: number, hiddenSize: number, options: RNNOptions = {}) {
    const nonlinearity = nonlinearityOf(new.target, options);
    super(nonlinearity === "tanh" ? "RNN_TANH" : "RNN_RELU", inputSize, hiddenSize, options);
    this.nonlinearity = nonlinearity;
  }

  /** `[L, N, in]` (`[N, L, in]` with `batchFirst`, `[L, in]` without a batch) or a packed sequence to all hidden states of the last layer, and the last ones of every layer. */
  override forward(input: PackedSequence, hx?: Tensor | null): [output: PackedSequence, hidden: Tensor];
  override forward(input: Tensor, hx?: Tensor | null): [output: Tensor, hidden: Tensor];
  override forward(input: Tensor | PackedSequence, hx: Tensor | null = null): [output: Tensor | PackedSequence, hidden: Tensor] {
    const [output, [hidden]] = this.run(input, hx === null ? null : [hx]);
    return [output, hidden];
  }
}

/** Calling a recurrent layer on packed sequences gives packed outputs. */
export interface GRU {
  // biome-ignore lint/style/useShorthandFunctionType: it merges with the class
  (input: PackedSequence, hx?: Tensor | null): [output: PackedSequence, hidden: Tensor];
}

/**
 * Gated recurrent units. Inputs and outputs are those of {@link RNN}.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.GRU.html
 * @throws ValueError for a dropout outside of [0, 1]. @throws ShapeError if the sizes do not fit.
 * @example
 * const gru = new nn.GRU(10, 20, { batchFirst: true });
 * const [output, hidden] = gru(randn([3, 5, 10])); // [3, 5, 20] and [1, 3, 20]
 */
export class GRU extends RNNBase {
  static override readonly transient: boolean = true;

  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super("GRU", inputSize, hiddenSize, options);
  }

  /** `[L, N, in]` (`[N, L, in]` with `batchFirst`, `[L, in]` without a batch) or a packed sequence to all hidden states of the last layer, and the last ones of every layer. */
  override forward(input: PackedSequence, hx?: Tensor | null): [output: PackedSequence, hidden: Tensor];
  override forward(input: Tensor, hx?: Tensor | null): [output: Tensor, hidden: Tensor];
  override forward(input: Tensor | PackedSequence, hx: Tensor | null = null): [output: Tensor | PackedSequence, hidden: Tensor] {
    const [output, [hidden]] = this.run(input, hx === null ? null : [hx]);
    return [output, hidden];
  }
}

/** Calling a recurrent layer on packed sequences gives packed outputs. */
export interface LSTM {
  // biome-ignore lint/style/useShorthandFunctionType: it merges with the class
  (input: PackedSequence, hx?: LSTMState | null): [output: PackedSequence, state: LSTMState];
}

/**
 * Long short-term memory. Takes `[T, N, inputSize]`, `[T, inputSize]` or a packed batch, and the first hidden and cell state
 * `[layers * directions, N, hiddenSize]`, zeros unless given. Returns the outputs `[T, N, directions * hiddenSize]` of the last layer and
 * the last states of each. With `projSize`, hidden states and outputs have that size.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html
 * @throws ValueError for a dropout outside of [0, 1] or a projection that is not smaller. @throws ShapeError if the sizes do not fit.
 * @example
 * const lstm = new nn.LSTM(10, 20, { bidirectional: true });
 * const [output, [hidden, cell]] = lstm(randn([5, 3, 10])); // [5, 3, 40], [2, 3, 20] and [2, 3, 20]
 */
export class LSTM extends RNNBase {
  static override readonly transient: boolean = true;

  constructor(inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    super("LSTM", inputSize, hiddenSize, options);
  }

  /** `[L, N, in]` (`[N, L, in]` with `batchFirst`, `[L, in]` without a batch) or a packed sequence to all hidden states of the last layer, and the last ones of every layer. */
  override forward(input: PackedSequence, hx?: LSTMState | null): [output: PackedSequence, state: LSTMState];
  override forward(input: Tensor, hx?: LSTMState | null): [output: Tensor, state: LSTMState];
  override forward(input: Tensor | PackedSequence, hx: LSTMState | null = null): [output: Tensor | PackedSequence, state: LSTMState] {
    const [output, state] = this.run(input, hx);
    return [output, [state[0], state[1]]];
  }
}
