/**
 * Attention by blocks of queries and keys, so that no more than one block of scores is in memory for each thread; the gradient makes the
 * scores again, unless their weights are a result. Heads are dealt out to threads, forward also blocks of queries. The reference for float64.
 *
 * @module
 */

import { type AttentionAttrs, type Spec, sizeOf, type View } from "@sconce/core";
import { type Block, type Machine, perMachine, pointerOf } from "../../machine.js";
import { emitAttention } from "../../reduce/attention.js";
import { type Calls, shareItems } from "../../threads/share.js";
import { type Exports, instantiate, type WasmFunction } from "../../wasm/asm.js";
import { ACCUMULATE, type GemmKernels, packedKernel } from "../../wasm/gemm.js";
import type { Pointer } from "../../wasm/memory.js";
import { withDense } from "../copy.js";
import type { Fill } from "../kernel.js";
import { float32 } from "../matmul.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitAttention(options), heap.memory));

/** Queries and keys of a block: 128 KiB of scores. Where weights are a result, all keys are in one block. */
const QUERIES = 128;
const KEYS = 256;

/** For the choice of threads alone. */
const NANOSECONDS_PER_STEP = 0.04;
const NANOSECONDS_PER_SCORE = 2;

/** A matrix of a batch: where it lies in each item, the bytes from there to its first element, and its strides in elements. */
interface Matrix {
  readonly at: readonly Pointer[];
  readonly skip: number;
  readonly row: number;
  readonly column: number;
  /** It lies in each thread's own memory. */
  readonly own?: boolean;
}

/** The matrices of a view whose dimensions but the last two are the batch's. */
function matrixOf(x: View): Matrix {
  const [row, column] = x.strides.slice(-2);
  let at = [pointerOf(x)];
  for (let d = 0; d < x.shape.length - 2; d++) {
    at = at.flatMap((start) => Array.from({ length: x.shape[d] }, (_, i) => start + 4 * i * x.strides[d]));
  }
  return { at, skip: 0, row, column };
}

/** Row-major matrices of so many rows one after the other. */
function denseOf(pointer: Pointer, { shape }: Spec, batch: number, rows: number): Matrix {
  const size = sizeOf(shape) / batch;
  return { at: Array.from({ length: batch }, (_, i) => pointer + 4 * i * size), skip: 0, row: size / rows, column: 1 };
}

/** Calls `use` with the matrices of views: of copies where columns are no neighbours, freed afterwards. */
function withNeighbours(machine: Machine, views: readonly View[], use: (matrices: readonly Matrix[]) => void): void {
  const apart = views.filter(({ strides }) => strides[strides.length - 1] !== 1);
  withDense(machine, apart, (pointers) =>
    use(
      views.map((x) => {
        const copy = apart.indexOf(x);
        return copy < 0 ? matrixOf(x) : denseOf(pointers[copy], x, sizeOf(x.shape.slice(0, -2)), x.shape[x.shape.length - 2]);
      }),
    ),
  );
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

/** A call of a kernel for every item, with bits for the arguments in a thread's own memory; matrices stand for their addresses. */
type Step = readonly [kernel: WasmFunction, own: number, args: readonly (number | Matrix)[]];

const step = (kernel: WasmFunction, args: readonly (number | Matrix)[]): Step => [
  kernel,
  args.reduce<number>((bits, x, i) => ((x as Matrix).own ? bits | (1 << i) : bits), 0),
  args,
];

/** Calls the kernels of some steps for an item. */
function perform(calls: Calls, steps: readonly Step[], item: number): void {
  for (const [kernel, own, args] of steps) {
    calls.call(
      kernel,
      own,
      args.map((x) => (typeof x === "number" ? x : x.at[item] + x.skip)),
    );
  }
}

/** What the blocks of one call have in common. */
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
  readonly #causal: boolean;
  /** Keys of a block. */
  readonly #most: number;
  readonly #gemm: GemmKernels;
  readonly #workspace: Matrix;

  constructor(machine: Machine, q: Spec, v: Spec, { scale, causal, weights }: AttentionAttrs) {
    [this.length, this.size] = q.shape.slice(-2);
    [this.keys, this.width] = v.shape.slice(-2);
    this.batch = sizeOf(q.shape.slice(0, -2));
    this.kernels = kernelsOf(machine);
    this.scale = new Int32Array(Float32Array.of(scale).buffer)[0];
    this.#causal = causal;
    this.#gemm = float32(machine);
    this.#most = weights ? this.keys : Math.min(this.keys, KEYS);
    const products = Math.ceil(this.#gemm.workspaceBytes / 64) * 64;
    const block = 4 * Math.min(this.length, QUERIES) * this.#most;
    const workspace = machine.pool.scratch(products + 2 * block + 4 * (2 * QUERIES + this.length));
    const own = (skip: number, row: number): Matrix => ({
      at: new Array<Pointer>(this.batch).fill(workspace),
      skip,
      row,
      column: 1,
      own: true,
    });
    this.#workspace = own(0, 1);
    this.scores = own(products, this.#most);
    this.slopes = own(products + block, this.#most);
    this.each = own(products + 2 * block, 1);
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

/** Zeros for keys that queries do not see. */
function clear({ heap }: Machine, { pointer }: Block, { shape }: Spec): void {
  heap.f32.fill(0, pointer / 4, pointer / 4 + sizeOf(shape));
}

export const attention: Fill<"attention"> = (machine, inputs, outputs, blocks, attrs) => {
  if (outputs[0].dtype !== "float32" || sizeOf(inputs[1].shape) * sizeOf(outputs[0].shape) === 0) return false;
  const b = new Blocks(machine, inputs[0], inputs[2], attrs);
  const { batch, length, keys, size, width, kernels, each } = b;
  const [q, k, v] = inputs.slice(0, 3).map(matrixOf);
  const { weights } = attrs;
  const [result, saved] = outputs.map((x, i) => denseOf(blocks[i].pointer, x, batch, length));
  if (weights && attrs.causal) clear(machine, blocks[1], outputs[1]);
  const parts = Math.ceil(length / QUERIES);
  const nanoseconds = batch * length * keys * ((size + width) * NANOSECONDS_PER_STEP + NANOSECONDS_PER_SCORE);
  withNeighbours(machine, inputs.slice(3), ([mask]) => {
    const weigh = mask === undefined ? kernels.weigh : kernels.weighMasked;
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
    shareItems(machine.pool, nanoseconds, batch * parts, 3 * Math.ceil(keys / KEYS) + 2, (calls, part) =>
      perform(calls, steps[part % parts], Math.floor(part / parts)),
    );
  });
};

export const attentionGrad: Fill<"attentionGrad"> = (machine, inputs, outputs, blocks, attrs) => {
  if (outputs[0].dtype !== "float32" || sizeOf(outputs[0].shape) * sizeOf(outputs[2].shape) === 0) return false;
  const b = new Blocks(machine, inputs[1], inputs[3], attrs);
  const { batch, length, keys, size, width, kernels, slopes } = b;
  const [q, k, v] = inputs.slice(1, 4).map(matrixOf);
  const [dq, dk, dv] = outputs.map((x, i) => denseOf(blocks[i].pointer, x, batch, x.shape[x.shape.length - 2]));
  if (attrs.causal) for (const i of [1, 2]) clear(machine, blocks[i], outputs[i]);
  const callsEach = 1 + 7 * Math.ceil(length / QUERIES) * Math.ceil(keys / KEYS);
  const nanoseconds = batch * length * keys * ((3 * size + 2 * width) * NANOSECONDS_PER_STEP + NANOSECONDS_PER_SCORE);
  withNeighbours(machine, [inputs[0], inputs[4], ...inputs.slice(6)], ([grad, result, mask]) => {
    const reweigh = mask === undefined ? kernels.reweigh : kernels.reweighMasked;
    withDense(machine, [inputs[5]], ([savedAt]) => {
      const saved = denseOf(savedAt, inputs[5], batch, length);
      const ofRange = (range: Range): Step[] => {
        const { row, rows, column, columns } = range;
        const [queries, grads, own] = [from(q, row), from(grad, row), from(saved, row)];
        const scores = attrs.weights ? own : b.scores;
        const again = [
          b.multiply([rows, columns, size], queries, turned(from(k, column)), scores, false),
          step(reweigh, [...b.shown(range, scores, mask), own]),
        ];
        const adds = row > 0 || attrs.causal;
        return [
          ...(attrs.weights ? [] : again),
          b.multiply([rows, columns, width], grads, turned(from(v, column)), slopes, false),
          step(kernels.slope, [rows, columns, b.scale, scores, slopes, 4 * slopes.row, from(b.each, row)]),
          b.multiply([columns, width, rows], turned(scores), grads, from(dv, column), adds),
          b.multiply([rows, size, columns], slopes, from(k, column), from(dq, row), column > 0),
          b.multiply([columns, size, rows], turned(slopes), queries, from(dk, column), adds),
        ];
      };
      const steps: Step[] = [step(kernels.dots, [length, width, grad, 4 * grad.row, result, 4 * result.row, b.each])];
      for (let row = 0; row < length; row += QUERIES) steps.push(...b.rangesFrom(row).flatMap(ofRange));
      shareItems(machine.pool, nanoseconds, batch, callsEach, (calls, item) => perform(calls, steps, item));
    });
  });
};
