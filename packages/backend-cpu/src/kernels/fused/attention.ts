/**
 * Attention by blocks of queries and keys, so that no more than one block of scores is in memory for each thread; the gradient makes the
 * scores again, unless their weights are a result. Heads are dealt out to threads, forward also blocks of queries. The reference for float64.
 *
 * @module
 */

import { type AttentionAttrs, type Spec, sizeOf, type View } from "@sconce/core";
import { type Machine, perMachine, pointerOf } from "../../machine.js";
import { emitAttention } from "../../reduce/attention.js";
import { type Calls, shareItems } from "../../threads/share.js";
import { type Exports, instantiate, type WasmFunction } from "../../wasm/asm.js";
import { ACCUMULATE, type GemmKernels, packedKernel } from "../../wasm/gemm.js";
import type { Pointer } from "../../wasm/memory.js";
import { withDense } from "../copy.js";
import type { Plan, Planner } from "../kernel.js";
import { float32 } from "../matmul.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitAttention(options), heap.memory));

/** Queries and keys of a block: 128 KiB of scores. Where weights are a result, all keys are in one block. */
const QUERIES = 128;
const KEYS = 256;

/** What forward saved among the inputs of the gradient. */
const SAVED = 5;

/** For the choice of threads alone. */
const NANOSECONDS_PER_STEP = 0.04;
const NANOSECONDS_PER_SCORE = 2;

/** A matrix of a batch: which operand it is, the bytes from there to each item and to its first element in it, and its strides in elements. */
interface Matrix {
  /** 0 for each thread's own memory, then inputs and results. */
  readonly operand: number;
  readonly at: readonly number[];
  readonly skip: number;
  readonly row: number;
  readonly column: number;
}

/** An operand whose dimensions but the last two are the batch's. */
function matrixOf(operand: number, { shape, strides }: View): Matrix {
  const [row, column] = strides.slice(-2);
  let at = [0];
  for (let d = 0; d < shape.length - 2; d++) {
    at = at.flatMap((start) => Array.from({ length: shape[d] }, (_, i) => start + 4 * i * strides[d]));
  }
  return { operand, at, skip: 0, row, column };
}

/** Rows and columns of a matrix exchanged. */
const turned = (x: Matrix): Matrix => ({ ...x, row: x.column, column: x.row });

/** A matrix from a row on. */
const from = (x: Matrix, first: number): Matrix => ({ ...x, skip: x.skip + 4 * first * x.row });

/** Rows and columns of one block of scores. */
interface Range {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

/** A call of a kernel for every item: bits for the arguments in a thread's own memory, the arguments, and the matrices whose addresses are among them. */
interface Step {
  readonly kernel: WasmFunction;
  readonly own: number;
  readonly args: number[];
  readonly places: readonly (readonly [at: number, x: Matrix])[];
}

function step(kernel: WasmFunction, list: readonly (number | Matrix)[]): Step {
  const places = list.flatMap((x, i) => (typeof x === "number" ? [] : [[i, x] as const]));
  const own = places.reduce((bits, [i, { operand }]) => (operand === 0 ? bits | (1 << i) : bits), 0);
  return { kernel, own, args: list.map(Number), places };
}

/** Calls the kernels of some steps for an item of operands at these addresses. */
function perform(calls: Calls, steps: readonly Step[], operands: readonly Pointer[], item: number): void {
  for (const { kernel, own, args, places } of steps) {
    for (const [i, x] of places) args[i] = operands[x.operand] + x.at[item] + x.skip;
    calls.call(kernel, own, args);
  }
}

/** What the blocks of one plan have in common; of its inputs, queries, keys and values begin at `first`. */
class Blocks {
  readonly batch: number;
  readonly length: number;
  readonly keys: number;
  /** Size of queries and keys, and of values. */
  readonly size: number;
  readonly width: number;
  readonly kernels: Exports;
  /** A thread's own memory: two blocks of scores, and a number for each query, after those of a block another one. */
  readonly scores: Matrix;
  readonly slopes: Matrix;
  readonly each: Matrix;
  /** The bits of the factor of the scores. */
  readonly scale: number;
  /** The inputs of which copies are used if they have gaps: columns have to be neighbours but for those of queries, keys and values. */
  readonly #dense: readonly boolean[];
  readonly #causal: boolean;
  /** Keys of a block. */
  readonly #most: number;
  readonly #gemm: GemmKernels;
  readonly #workspace: Matrix;
  readonly #bytes: number;

  constructor(machine: Machine, inputs: readonly View[], first: number, { scale, causal, weights }: AttentionAttrs) {
    const { shape } = inputs[first];
    [this.length, this.size] = shape.slice(-2);
    [this.keys, this.width] = inputs[first + 2].shape.slice(-2);
    this.batch = sizeOf(shape.slice(0, -2));
    this.kernels = kernelsOf(machine);
    this.scale = new Int32Array(Float32Array.of(scale).buffer)[0];
    this.#dense = inputs.map(({ strides }, i) => i === SAVED || ((i < first || i > first + 2) && strides[strides.length - 1] !== 1));
    this.#causal = causal;
    this.#gemm = float32(machine);
    this.#most = weights ? this.keys : Math.min(this.keys, KEYS);
    const products = Math.ceil(this.#gemm.workspaceBytes / 64) * 64;
    const block = 4 * Math.min(this.length, QUERIES) * this.#most;
    this.#bytes = products + 2 * block + 4 * (2 * QUERIES + this.length);
    const at = new Array<number>(this.batch).fill(0);
    const own = (skip: number, row: number): Matrix => ({ operand: 0, at, skip, row, column: 1 });
    this.#workspace = own(0, 1);
    this.scores = own(products, this.#most);
    this.slopes = own(products + block, this.#most);
    this.each = own(products + 2 * block, 1);
  }

  /** Row-major matrices of so many rows one after the other. */
  dense(operand: number, { shape }: Spec, rows: number = this.length): Matrix {
    const size = sizeOf(shape) / this.batch;
    return { operand, at: Array.from({ length: this.batch }, (_, i) => 4 * i * size), skip: 0, row: size / rows, column: 1 };
  }

  /** The inputs. */
  given(inputs: readonly View[]): Matrix[] {
    return inputs.map((x, i) => (this.#dense[i] ? this.dense(i + 1, x) : matrixOf(i + 1, x)));
  }

  /** A plan that gives `use` the addresses of all operands. */
  plan(machine: Machine, outputs: readonly Spec[], use: (operands: readonly Pointer[]) => void): Plan {
    return (inputs, blocks) => {
      // Keys that queries do not see.
      if (this.#causal) for (const i of outputs.keys()) if (i > 0) machine.output(blocks[i], outputs[i]).data.fill(0);
      const some = inputs.filter((_, i) => this.#dense[i]);
      withDense(machine, some, (pointers) => {
        let next = 0;
        const given = inputs.map((x, i) => (this.#dense[i] ? pointers[next++] : pointerOf(x)));
        use([machine.pool.scratch(this.#bytes), ...given, ...blocks.map(({ pointer }) => pointer)]);
      });
    };
  }

  /** The blocks of keys that the queries from a row on see. */
  rangesFrom(row: number): Range[] {
    const rows = Math.min(QUERIES, this.length - row);
    const end = this.#causal ? Math.min(this.keys, row + rows) : this.keys;
    const most = this.#most;
    const count = Math.ceil(end / most);
    return Array.from({ length: count }, (_, i) => ({ row, rows, column: i * most, columns: Math.min(most, end - i * most) }));
  }

  /** `c = a b`, or added to c, of the sizes m, n, k. */
  multiply([m, n, k]: readonly number[], a: Matrix, b: Matrix, c: Matrix, adds: boolean): Step {
    const mode = adds ? ACCUMULATE : 0;
    const operands = [a, b].flatMap((x) => [x, 4 * x.row, 4 * x.column]);
    return step(packedKernel(this.#gemm, { n, mode, bias: 0 }), [m, n, k, ...operands, c, 4 * c.row, mode, 0, this.#workspace]);
  }

  /** The arguments of a kernel for scores of a range and their mask. */
  shown({ row, rows, column, columns }: Range, scores: Matrix, mask: Matrix | undefined): (number | Matrix)[] {
    const seen = this.#causal ? row - column + 1 : this.keys;
    const added = mask === undefined ? [0, 0] : [{ ...mask, skip: 4 * (row * mask.row + column) }, 4 * mask.row];
    return [rows, columns, seen, this.scale, scores, 4 * scores.row, ...added];
  }
}

const isLeft = (all: readonly Spec[]): boolean => all.some(({ shape, dtype }) => dtype !== "float32" || sizeOf(shape) === 0);

export const attention: Planner<"attention"> = (machine, inputs, outputs, attrs) => {
  if (isLeft([...inputs, ...outputs])) return null;
  const b = new Blocks(machine, inputs, 0, attrs);
  const { batch, length, keys, size, width, kernels, each } = b;
  const [q, k, v, mask] = b.given(inputs);
  const [result, saved] = outputs.map((x, i) => b.dense(inputs.length + 1 + i, x));
  const { weights } = attrs;
  const weigh = mask === undefined ? kernels.weigh : kernels.weighMasked;
  const parts = Math.ceil(length / QUERIES);
  const steps = Array.from({ length: parts }, (_, part) => {
    const row = part * QUERIES;
    const [queries, target, own] = [from(q, row), from(result, row), from(saved, row)];
    const [scores, high] = weights ? [own, from(each, QUERIES)] : [b.scores, own];
    const count = Math.min(QUERIES, length - row);
    const ranges = b.rangesFrom(row).flatMap((range) => {
      const { rows, column, columns } = range;
      const first = column === 0;
      return [
        b.multiply([rows, columns, size], queries, turned(from(k, column)), scores, false),
        step(weigh, [...b.shown(range, scores, mask), high, each, target, width, Number(first)]),
        b.multiply([rows, width, columns], scores, from(v, column), target, !first),
      ];
    });
    const shares = weights ? [step(kernels.finish, [count, keys, scores, high, each, high])] : [];
    return [...ranges, ...shares, step(kernels.finish, [count, width, target, high, each, high])];
  });
  const nanoseconds = batch * length * keys * ((size + width) * NANOSECONDS_PER_STEP + NANOSECONDS_PER_SCORE);
  return b.plan(machine, outputs, (operands) =>
    shareItems(machine.pool, nanoseconds, batch * parts, 3 * Math.ceil(keys / KEYS) + 2, (calls, part) =>
      perform(calls, steps[part % parts], operands, Math.floor(part / parts)),
    ),
  );
};

export const attentionGrad: Planner<"attentionGrad"> = (machine, inputs, outputs, attrs) => {
  if (isLeft([...inputs, ...outputs])) return null;
  const b = new Blocks(machine, inputs, 1, attrs);
  const { batch, length, keys, size, width, kernels, slopes } = b;
  const [grad, q, k, v, result, saved, mask] = b.given(inputs);
  const [dq, dk, dv] = outputs.map((x, i) => b.dense(inputs.length + 1 + i, x, x.shape[x.shape.length - 2]));
  const { causal, weights } = attrs;
  const reweigh = mask === undefined ? kernels.reweigh : kernels.reweighMasked;
  const ofRange = (range: Range): Step[] => {
    const { row, rows, column, columns } = range;
    const [queries, grads, own] = [from(q, row), from(grad, row), from(saved, row)];
    const scores = weights ? own : b.scores;
    const again = [
      b.multiply([rows, columns, size], queries, turned(from(k, column)), scores, false),
      step(reweigh, [...b.shown(range, scores, mask), own]),
    ];
    const adds = row > 0 || causal;
    return [
      ...(weights ? [] : again),
      b.multiply([rows, columns, width], grads, turned(from(v, column)), slopes, false),
      step(kernels.slope, [rows, columns, b.scale, scores, slopes, 4 * slopes.row, from(b.each, row)]),
      b.multiply([columns, width, rows], turned(scores), grads, from(dv, column), adds),
      b.multiply([rows, size, columns], slopes, from(k, column), from(dq, row), column > 0),
      b.multiply([columns, size, rows], turned(slopes), queries, from(dk, column), adds),
    ];
  };
  const steps: Step[] = [step(kernels.dots, [length, width, grad, 4 * grad.row, result, 4 * result.row, b.each])];
  for (let row = 0; row < length; row += QUERIES) steps.push(...b.rangesFrom(row).flatMap(ofRange));
  const callsEach = 1 + 7 * Math.ceil(length / QUERIES) * Math.ceil(keys / KEYS);
  const nanoseconds = batch * length * keys * ((3 * size + 2 * width) * NANOSECONDS_PER_STEP + NANOSECONDS_PER_SCORE);
  return b.plan(machine, outputs, (operands) =>
    shareItems(machine.pool, nanoseconds, batch, callsEach, (calls, item) => perform(calls, steps, operands, item)),
  );
};
