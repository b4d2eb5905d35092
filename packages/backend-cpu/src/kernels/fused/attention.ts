/**
 * Attention by blocks of queries and keys, so that no more than one block of scores is in memory for each thread. Heads are dealt out to
 * threads, forward also blocks of queries. The reference for float64.
 *
 * @module
 */

import type { AttentionAttrs, Spec, View } from "@sconce/core";
import { type Machine, perMachine, pointerOf } from "../../machine.js";
import { emitAttention } from "../../reduce/attention.js";
import { type Calls, shareItems } from "../../threads/share.js";
import { type Exports, instantiate, type WasmFunction } from "../../wasm/asm.js";
import { ACCUMULATE, type GemmKernels, LEFT, packedKernel, RESULT, WORKSPACE_ARGUMENT } from "../../wasm/gemm.js";
import type { Pointer } from "../../wasm/memory.js";
import { withDense } from "../copy.js";
import type { Fill } from "../kernel.js";
import { float32 } from "../matmul.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitAttention(options), heap.memory));

/** Queries and keys of a block: 128 KiB of scores. */
const QUERIES = 128;
const KEYS = 256;
const BLOCK_BYTES = 4 * QUERIES * KEYS;

/** For the choice of threads alone. */
const NANOSECONDS_PER_STEP = 0.04;
const NANOSECONDS_PER_SCORE = 2;

const product = (sizes: readonly number[]): number => sizes.reduce((n, d) => n * d, 1);

/** A matrix of a batch: where it lies in each item, the bytes from there to its first element, and its strides in elements. */
interface Matrix {
  readonly at: readonly Pointer[];
  readonly skip: number;
  readonly row: number;
  readonly column: number;
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

/** Row-major matrices one after the other. */
function denseOf(pointer: Pointer, batch: number, rows: number, columns: number): Matrix {
  return { at: Array.from({ length: batch }, (_, i) => pointer + 4 * i * rows * columns), skip: 0, row: columns, column: 1 };
}

/** Calls `use` with the matrices of views: of copies where columns are no neighbours, freed afterwards. */
function withNeighbours(machine: Machine, views: readonly View[], use: (matrices: readonly Matrix[]) => void): void {
  const apart = views.filter(({ strides }) => strides[strides.length - 1] !== 1);
  withDense(machine, apart, (pointers) =>
    use(
      views.map((x) => {
        const copy = apart.indexOf(x);
        const [rows, columns] = x.shape.slice(-2);
        return copy < 0 ? matrixOf(x) : denseOf(pointers[copy], product(x.shape.slice(0, -2)), rows, columns);
      }),
    ),
  );
}

/** A block of scores in a thread's memory. */
const scoreBlock = (pointer: Pointer, items: number): Matrix => ({
  at: new Array<Pointer>(items).fill(pointer),
  skip: 0,
  row: KEYS,
  column: 1,
});

/** Rows and columns of a matrix exchanged. */
const turned = ({ at, skip, row, column }: Matrix): Matrix => ({ at, skip, row: column, column: row });

/** A matrix from a row on. */
const from = ({ at, skip, row, column }: Matrix, first: number): Matrix => ({ at, skip: skip + 4 * first * row, row, column });

/** Rows and columns of one block of scores. */
interface Range {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

/** Bits of the arguments of the kernels that lie in a thread's own memory. */
const [SCORES, TOTAL, DOTS, SUMS] = [1 << 4, 1 << 9, 1 << 6, 1 << 4];
const SLOPES: number = (1 << 3) | (1 << 4) | (1 << 6);

/** A call of a kernel for every item, with the bits of its own arguments; matrices stand for their addresses. */
type Step = readonly [kernel: WasmFunction, own: number, args: readonly (number | Matrix)[]];

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
  /** A thread's own memory: two blocks of scores, and a number for each query. */
  readonly scores: Pointer;
  readonly slopes: Pointer;
  readonly each: Pointer;
  /** The bits of the factor of the scores. */
  readonly scale: number;
  readonly #causal: boolean;
  readonly #gemm: GemmKernels;
  readonly #workspace: Pointer;

  constructor(machine: Machine, q: Spec, v: Spec, { scale, causal }: AttentionAttrs) {
    [this.length, this.size] = q.shape.slice(-2);
    [this.keys, this.width] = v.shape.slice(-2);
    this.batch = product(q.shape.slice(0, -2));
    this.kernels = kernelsOf(machine);
    this.scale = new Int32Array(Float32Array.of(scale).buffer)[0];
    this.#causal = causal;
    this.#gemm = float32(machine);
    const products = Math.ceil(this.#gemm.workspaceBytes / 64) * 64;
    this.#workspace = machine.pool.scratch(products + 2 * BLOCK_BYTES + 4 * Math.max(this.length, QUERIES));
    this.scores = this.#workspace + products;
    this.slopes = this.scores + BLOCK_BYTES;
    this.each = this.slopes + BLOCK_BYTES;
  }

  /** The blocks of keys that the queries from a row on see. */
  rangesFrom(row: number): Range[] {
    const rows = Math.min(QUERIES, this.length - row);
    const end = this.#causal ? Math.min(this.keys, row + rows) : this.keys;
    const count = Math.ceil(end / KEYS);
    return Array.from({ length: count }, (_, i) => ({ row, rows, column: i * KEYS, columns: Math.min(KEYS, end - i * KEYS) }));
  }

  /** `c = a b`, or added to c, of the sizes m, n, k; `own` says which of a and c lie in a thread's memory. */
  multiply([m, n, k]: readonly number[], a: Matrix, b: Matrix, c: Matrix, mode: number, own: number): Step {
    const kernel = packedKernel(this.#gemm, { n, mode, bias: 0 });
    const operands = [a, b].flatMap((x) => [x, 4 * x.row, 4 * x.column]);
    return [kernel, WORKSPACE_ARGUMENT | own, [m, n, k, ...operands, c, 4 * c.row, mode, 0, this.#workspace]];
  }

  /** The arguments of a kernel for the scores of a range and their mask. */
  shown({ row, rows, column, columns }: Range, mask: Matrix | undefined): (number | Matrix)[] {
    const seen = this.#causal ? row - column + 1 : this.keys;
    const added = mask === undefined ? [0, 0] : [{ ...mask, skip: 4 * (row * mask.row + column) }, 4 * mask.row];
    return [rows, columns, seen, this.scale, this.scores, 4 * KEYS, ...added];
  }
}

export const attention: Fill<"attention"> = (machine, inputs, outputs, blocks, attrs) => {
  if (outputs[0].dtype !== "float32" || product(inputs[1].shape) * product(outputs[0].shape) === 0) return false;
  const b = new Blocks(machine, inputs[0], inputs[2], attrs);
  const { batch, length, keys, size, width, kernels, scores } = b;
  const [q, k, v] = inputs.slice(0, 3).map(matrixOf);
  const [result, logs] = [denseOf(blocks[0].pointer, batch, length, width), denseOf(blocks[1].pointer, batch, length, 1)];
  const [block, parts] = [scoreBlock(scores, batch), Math.ceil(length / QUERIES)];
  const nanoseconds = batch * length * keys * ((size + width) * NANOSECONDS_PER_STEP + NANOSECONDS_PER_SCORE);
  withNeighbours(machine, inputs.slice(3), ([mask]) => {
    const weigh = mask === undefined ? kernels.weigh : kernels.weighMasked;
    const steps = Array.from({ length: parts }, (_, part) => {
      const row = part * QUERIES;
      const [queries, target, high] = [from(q, row), from(result, row), from(logs, row)];
      const each = b.rangesFrom(row).flatMap((range) => {
        const { rows, column, columns } = range;
        const first = column === 0;
        return [
          b.multiply([rows, columns, size], queries, turned(from(k, column)), block, 0, RESULT),
          [weigh, SCORES | TOTAL, [...b.shown(range, mask), high, b.each, target, width, Number(first)]] as const,
          b.multiply([rows, width, columns], block, from(v, column), target, first ? 0 : ACCUMULATE, LEFT),
        ];
      });
      return [...each, [kernels.finish, SUMS, [Math.min(QUERIES, length - row), width, target, high, b.each, high]] as const];
    });
    shareItems(machine.pool, nanoseconds, batch * parts, 3 * Math.ceil(keys / KEYS) + 1, (calls, part) =>
      perform(calls, steps[part % parts], Math.floor(part / parts)),
    );
  });
};

export const attentionGrad: Fill<"attentionGrad"> = (machine, inputs, outputs, blocks, attrs) => {
  if (outputs[0].dtype !== "float32" || product(outputs[0].shape) * product(outputs[2].shape) === 0) return false;
  const b = new Blocks(machine, inputs[1], inputs[3], attrs);
  const { batch, length, keys, size, width, kernels } = b;
  const [q, k, v] = inputs.slice(1, 4).map(matrixOf);
  const [dq, dk, dv] = outputs.map(({ shape }, i) => denseOf(blocks[i].pointer, batch, shape[shape.length - 2], shape[shape.length - 1]));
  // Keys that no query sees.
  if (attrs.causal)
    for (const i of [1, 2]) machine.heap.f32.fill(0, blocks[i].pointer / 4, blocks[i].pointer / 4 + product(outputs[i].shape));
  const [scores, slopes] = [scoreBlock(b.scores, batch), scoreBlock(b.slopes, batch)];
  const callsEach = 1 + 7 * Math.ceil(length / QUERIES) * Math.ceil(keys / KEYS);
  const nanoseconds = batch * length * keys * ((3 * size + 2 * width) * NANOSECONDS_PER_STEP + NANOSECONDS_PER_SCORE);
  const add = (sizes: readonly number[], own: Matrix, right: Matrix, into: Matrix, first: boolean): Step =>
    b.multiply(sizes, own, right, into, first ? 0 : ACCUMULATE, LEFT);
  withNeighbours(machine, [inputs[0], inputs[4], ...inputs.slice(6)], ([grad, result, mask]) => {
    const reweigh = mask === undefined ? kernels.reweigh : kernels.reweighMasked;
    withDense(machine, [inputs[5]], ([logAt]) => {
      const logs = denseOf(logAt, batch, length, 1);
      const ofRange = (range: Range): Step[] => {
        const { row, rows, column, columns } = range;
        const [queries, grads] = [from(q, row), from(grad, row)];
        const first = row === 0 && !attrs.causal;
        return [
          b.multiply([rows, columns, size], queries, turned(from(k, column)), scores, 0, RESULT),
          [reweigh, SCORES, [...b.shown(range, mask), from(logs, row)]],
          b.multiply([rows, columns, width], grads, turned(from(v, column)), slopes, 0, RESULT),
          add([columns, width, rows], turned(scores), grads, from(dv, column), first),
          [kernels.slope, SLOPES, [rows, columns, b.scale, b.scores, b.slopes, 4 * KEYS, b.each + 4 * row]],
          add([rows, size, columns], slopes, from(k, column), from(dq, row), column === 0),
          add([columns, size, rows], turned(slopes), queries, from(dk, column), first),
        ];
      };
      const steps: Step[] = [[kernels.dots, DOTS, [length, width, grad, 4 * grad.row, result, 4 * result.row, b.each]]];
      for (let row = 0; row < length; row += QUERIES) steps.push(...b.rangesFrom(row).flatMap(ofRange));
      shareItems(machine.pool, nanoseconds, batch, callsEach, (calls, item) => perform(calls, steps, item));
    });
  });
};
