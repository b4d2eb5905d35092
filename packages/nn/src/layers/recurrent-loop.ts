import {
  applyFused,
  applyKernel,
  cat,
  type FusedOp,
  type KernelOp,
  optionsOf,
  type RecurrentAttrs,
  type RnnAttrs,
  type Spec,
  type Tensor,
  ValueError,
} from "@sconce/core";
import { linear } from "@sconce/core/nn";

/** The gates of a recurrent layer and what acts on them. */
export type RecurrentMode = "RNN_TANH" | "RNN_RELU" | "GRU" | "LSTM";

/** Rows of gates for each hidden unit. */
export const GATES: { readonly [M in RecurrentMode]: number } = { RNN_TANH: 1, RNN_RELU: 1, GRU: 3, LSTM: 4 };

/** What acts on the sums of an RNN. @throws ValueError if it is unknown. */
export function nonlinearityOf(owner: { readonly name: string }, options: { readonly nonlinearity?: "tanh" | "relu" }): "tanh" | "relu" {
  const { nonlinearity } = optionsOf(owner, options, { nonlinearity: "tanh" });
  if (nonlinearity === "tanh" || nonlinearity === "relu") return nonlinearity;
  throw new ValueError(`${owner.name}: Unknown nonlinearity '${nonlinearity}'; there are tanh, relu`);
}

/** Weights of one layer in one direction, or of a cell. */
export interface RecurrentWeights {
  readonly weightIh: Tensor;
  readonly weightHh: Tensor;
  readonly biasIh: Tensor | null;
  readonly biasHh: Tensor | null;
  /** Projection of the hidden state of an LSTM. */
  readonly weightHr: Tensor | null;
}

/** Hidden state `[N, H]`, and the cell state of an LSTM. */
export type State = readonly Tensor[];

/** The next state from what the input gives to the gates, `[N, gates]`, and the state before. */
type Step = (gates: Tensor, state: State) => State;

/** What all inputs `[..., inputSize]` give to the gates: one matrix product for the whole sequence. */
function projected(mode: RecurrentMode, x: Tensor, { weightIh, biasIh, biasHh }: RecurrentWeights): Tensor {
  // A GRU scales what the hidden state gives to a gate, with its bias, so the two biases stay apart there.
  const bias = mode === "GRU" || biasIh === null || biasHh === null ? biasIh : biasIh.add(biasHh);
  return linear(x, weightIh, bias);
}

function lstmStep({ weightHh, weightHr }: Pick<RecurrentWeights, "weightHh" | "weightHr">): Step {
  const hidden = weightHh.t();
  const projection = weightHr?.t();
  return (gates, [h, c]) => {
    const [i, f, g, o] = gates.addmm(h, hidden).chunk(4, 1);
    const cell = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()));
    const output = o.sigmoid().mul(cell.tanh());
    return [projection === undefined ? output : output.matmul(projection), cell];
  };
}

function gruStep({ weightHh, biasHh }: Pick<RecurrentWeights, "weightHh" | "biasHh">): Step {
  const hidden = weightHh.t();
  return (gates, [h]) => {
    const [inputR, inputZ, inputN] = gates.chunk(3, 1);
    const [hiddenR, hiddenZ, hiddenN] = (biasHh === null ? h.matmul(hidden) : biasHh.addmm(h, hidden)).chunk(3, 1);
    const reset = inputR.add(hiddenR).sigmoid();
    const update = inputZ.add(hiddenZ).sigmoid();
    const fresh = inputN.add(reset.mul(hiddenN)).tanh();
    return [fresh.add(update.mul(h.sub(fresh)))];
  };
}

function rnnStep(weightHh: Tensor, relu: boolean): Step {
  const hidden = weightHh.t();
  return (gates, [h]) => {
    const sum = gates.addmm(h, hidden);
    return [relu ? sum.relu() : sum.tanh()];
  };
}

/** One step of a batch `[N, inputSize]`. */
export function recurrentStep(mode: RecurrentMode, x: Tensor, state: State, weights: RecurrentWeights): State {
  return runLayer(mode, x, [x.shape[0]], state, weights, false).state;
}

/** A run over all steps: outputs `[total, H]` in the order of the inputs, and the last state of every sequence. */
export interface RecurrentRun {
  readonly output: Tensor;
  readonly state: State;
}

/**
 * Runs one layer in one direction over a packed batch `[total, inputSize]`: the `batchSizes[0]` sequences' first steps, then the
 * `batchSizes[1]` second steps of those that are longer, and so on.
 */
export function runLayer(
  mode: RecurrentMode,
  x: Tensor,
  batchSizes: readonly number[],
  start: State,
  weights: RecurrentWeights,
  reverse: boolean,
): RecurrentRun {
  const gates = projected(mode, x, weights);
  const attrs = { batchSizes, reverse };
  const { weightHh, biasHh, weightHr } = weights;
  if (weightHr !== null) return runSteps(gates, attrs, start, lstmStep(weights));
  const inputs = [gates, ...start, weightHh];
  const [output, ...state] =
    mode === "LSTM"
      ? applyFused(lstm, inputs, attrs)
      : mode === "GRU"
        ? applyFused(gru, biasHh === null ? inputs : [...inputs, biasHh], attrs)
        : applyFused(rnn, inputs, { ...attrs, relu: mode === "RNN_RELU" });
  return { output, state };
}

function runSteps(gates: Tensor, { batchSizes, reverse }: RecurrentAttrs, start: State, step: Step): RecurrentRun {
  const parts = gates.split(batchSizes);
  return reverse ? runBackward(parts, start, step) : runForward(parts, start, step);
}

const lstmGrad: KernelOp<"lstmGrad"> = {
  name: "LstmBackward",
  kernel: "lstmGrad",
  infer: ([, h, c, gates]) => [gates, h, c],
};

/** A layer of long short-term memory in one direction, without a projection. */
const lstm: FusedOp<"lstm"> = {
  name: "Lstm",
  kernel: "lstm",
  results: 3,
  infer: ([gates, h, c]) => {
    const output: Spec = { shape: [gates.shape[0], h.shape[1]], dtype: gates.dtype };
    return [output, h, c, gates, output, output];
  },
  composed: ([gates, h, c, weightHh], attrs) => {
    const step = lstmStep({ weightHh, weightHr: null });
    const { output, state } = runSteps(gates, attrs, [h, c], step);
    return [output, ...state];
  },
  vjp: (grads, { inputs, outputs, params, needs }) => {
    const [, , , activated, hidden, cells] = outputs;
    const given = outputs.slice(0, 3).map((y, i) => grads[i] ?? y.newZeros(y.shape));
    const [gates, h, c] = applyKernel(lstmGrad, [...given, activated, cells, inputs[3]], params as RecurrentAttrs);
    return [gates, h, c, needs[3] ? gates.t().matmul(hidden) : null];
  },
};

const gruGrad: KernelOp<"gruGrad"> = {
  name: "GruBackward",
  kernel: "gruGrad",
  infer: ([output, h]) => {
    const gates: Spec = { shape: [output.shape[0], 3 * h.shape[1]], dtype: h.dtype };
    return [gates, gates, h];
  },
};

/** Gated recurrent units in one direction. */
const gru: FusedOp<"gru"> = {
  name: "Gru",
  kernel: "gru",
  results: 2,
  infer: ([{ shape, dtype }, h]) => {
    const [total, size] = [shape[0], h.shape[1]];
    const output: Spec = { shape: [total, size], dtype };
    return [output, h, { shape: [total, 4 * size], dtype }, output];
  },
  composed: ([gates, h, weightHh, biasHh = null], attrs) => {
    const { output, state } = runSteps(gates, attrs, [h], gruStep({ weightHh, biasHh }));
    return [output, ...state];
  },
  vjp: (grads, { inputs, outputs, params, needs }) => {
    const [, , work, hidden] = outputs;
    const given = outputs.slice(0, 2).map((y, i) => grads[i] ?? y.newZeros(y.shape));
    const [gates, through, h] = applyKernel(gruGrad, [...given, work, hidden, inputs[2]], params as RecurrentAttrs);
    const weights = [needs[2] ? through.t().matmul(hidden) : null, needs[3] ? through.sum(0) : null];
    return [gates, h, ...weights.slice(0, inputs.length - 2)];
  },
};

const rnnGrad: KernelOp<"rnnGrad"> = { name: "RnnBackward", kernel: "rnnGrad", infer: ([output, h]) => [output, h] };

/** A recurrent layer without gates in one direction. */
const rnn: FusedOp<"rnn"> = {
  name: "Rnn",
  kernel: "rnn",
  results: 2,
  infer: ([gates, h]) => [gates, h, gates],
  composed: ([gates, h, weightHh], attrs) => {
    const { output, state } = runSteps(gates, attrs, [h], rnnStep(weightHh, attrs.relu));
    return [output, ...state];
  },
  vjp: (grads, { inputs, outputs, params, needs }) => {
    const [output, , hidden] = outputs;
    const given = outputs.slice(0, 2).map((y, i) => grads[i] ?? y.newZeros(y.shape));
    const [gates, h] = applyKernel(rnnGrad, [...given, output, inputs[2]], params as RnnAttrs);
    return [gates, h, needs[2] ? gates.t().matmul(hidden) : null];
  },
};

function rows(state: State, from: number, count: number): State {
  return state.map((x) => (from === 0 && count === x.shape[0] ? x : x.narrow(0, from, count)));
}

function join(parts: readonly Tensor[]): Tensor {
  return parts.length === 1 ? parts[0] : cat(parts);
}

/** Sequences are sorted by length, so that those that end are the last rows. */
function runForward(gates: readonly Tensor[], start: State, step: Step): RecurrentRun {
  const outputs: Tensor[] = [];
  const ended: State[] = [];
  let state = start;
  for (const gate of gates) {
    const [count] = gate.shape;
    const [before] = state[0].shape;
    if (count < before) {
      ended.unshift(rows(state, count, before - count));
      state = rows(state, 0, count);
    }
    state = step(gate, state);
    outputs.push(state[0]);
  }
  ended.unshift(state);
  return { output: join(outputs), state: state.map((_, k) => join(ended.map((part) => part[k]))) };
}

/** Starts with the longest sequences; the others join where they end. */
function runBackward(gates: readonly Tensor[], start: State, step: Step): RecurrentRun {
  const outputs = new Array<Tensor>(gates.length);
  let state = rows(start, 0, gates[gates.length - 1].shape[0]);
  for (let t = gates.length - 1; t >= 0; t--) {
    const [count] = gates[t].shape;
    const [before] = state[0].shape;
    if (count > before) {
      const joining = rows(start, before, count - before);
      state = state.map((x, k) => cat([x, joining[k]]));
    }
    state = step(gates[t], state);
    outputs[t] = state[0];
  }
  return { output: join(outputs), state };
}
