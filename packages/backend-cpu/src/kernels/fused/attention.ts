/**
 * Attention by blocks of queries and keys, so that no more than one block of scores is in memory for each thread. Heads are dealt out to
 * threads, forward also blocks of queries. The reference for float64.
 *
 * @module
 */

import type { AttentionAttrs, Spec, View } from "@sconce/core";
import { type Block, type Machine, perMachine, pointerOf } from "../../machine.js";
import { emitAttention } from "../../reduce/attention.js";
import * as reference from "../../reference/attention.js";
import { type Calls, shareItems } from "../../threads/share.js";
import { type Exports, instantiate } from "../../wasm/asm.js";
import { ACCUMULATE, callPacked, type GemmKernels, LEFT, type Product, RESULT } from "../../wasm/gemm.js";
import type { Pointer } from "../../wasm/memory.js";
import { copyView } from "../copy.js";
import { type Fill, twin } from "../kernel.js";
import { float32 } from "../matmul.js";
import { withDense } from "./dense.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitAttention(options), heap.memory));

/** Queries and keys of a block: 128 KiB of scores. */
const QUERIES = 128;
const KEYS = 256;
const BLOCK_BYTES = 4 * QUERIES * KEYS;

/** For the choice of threads alone. */
const NANOSECONDS_PER_STEP = 0.04;
const NANOSECONDS_PER_SCORE = 2;

const general = { attention: twin(reference.attention), attentionGrad: twin(reference.attentionGrad) };

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

const addressOf = ({ at, skip }: Matrix, item: number): Pointer => at[item] + skip;

/** Rows and columns of one block of scores of one item. */
interface Range {
  readonly item: number;
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
}

/** Bits of the arguments of the kernels that lie in a thread's own memory. */
const [SCORES, TOTAL, DOTS, SUMS] = [1 << 4, 1 << 9, 1 << 4, 1 << 4];
const SLOPES: number = (1 << 3) | (1 << 4) | (1 << 6);

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

  /** Calls `body` for the blocks of keys that some queries see. */
  eachRange(item: number, row: number, body: (range: Range) => void): void {
    const rows = Math.min(QUERIES, this.length - row);
    const end = this.#causal ? Math.min(this.keys, row + rows) : this.keys;
    for (let column = 0; column < end; column += KEYS) body({ item, row, rows, column, columns: Math.min(KEYS, end - column) });
  }

  /** `c = a b`, or added to c, of the sizes m, n, k; `own` says which of them lie in a thread's memory. */
  multiply(calls: Calls, [m, n, k]: readonly number[], item: number, a: Matrix, b: Matrix, c: Matrix, mode: number, own: number): void {
    const [left, right, target] = [addressOf(a, item), addressOf(b, item), addressOf(c, item)];
    const p: Product = {
      m,
      n,
      k,
      a: left,
      aRow: a.row,
      aColumn: a.column,
      b: right,
      bRow: b.row,
      bColumn: b.column,
      c: target,
      cRow: c.row,
      mode,
      bias: 0,
    };
    callPacked(calls, this.#gemm, p, this.#workspace, own);
  }

  /** The arguments of a kernel for the scores of a range and their mask. */
  maskArguments({ item, row, rows, column, columns }: Range, mask: Matrix | undefined): number[] {
    const seen = this.#causal ? row - column + 1 : this.keys;
    const own = mask === undefined ? [0, 0] : [addressOf(mask, item) + 4 * (row * mask.row + column), 4 * mask.row];
    return [rows, columns, seen, this.scale, this.scores, 4 * KEYS, ...own];
  }
}

/** Calls `use` with a mask whose columns are neighbours, a copy of it, or none. */
function withMask(machine: Machine, mask: View | undefined, use: (mask: Matrix | undefined) => void): void {
  if (mask === undefined || mask.strides[mask.strides.length - 1] === 1) {
    use(mask === undefined ? undefined : matrixOf(mask));
    return;
  }
  const block: Block = machine.allocate(mask);
  try {
    copyView(machine, mask, block);
    const [rows, columns] = mask.shape.slice(-2);
    use(denseOf(block.pointer, product(mask.shape.slice(0, -2)), rows, columns));
  } finally {
    machine.free(block);
  }
}

export const attention: Fill<"attention"> = (machine, inputs, outputs, blocks, attrs) => {
  if (outputs[0].dtype !== "float32" || product(inputs[1].shape) * product(outputs[0].shape) === 0) {
    general.attention(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const b = new Blocks(machine, inputs[0], inputs[2], attrs);
  const { batch, length, keys, size, width, kernels, scores } = b;
  const [q, k, v] = inputs.slice(0, 3).map(matrixOf);
  const [result, logs] = [denseOf(blocks[0].pointer, batch, length, width), denseOf(blocks[1].pointer, batch, length, 1)];
  const [block, parts] = [scoreBlock(scores, batch), Math.ceil(length / QUERIES)];
  const nanoseconds = batch * length * keys * ((size + width) * NANOSECONDS_PER_STEP + NANOSECONDS_PER_SCORE);
  withMask(machine, inputs[3], (mask) => {
    const weigh = mask === undefined ? kernels.weigh : kernels.weighMasked;
    shareItems(machine.pool, nanoseconds, batch * parts, 3 * Math.ceil(keys / KEYS) + 1, (calls, part) => {
      const [item, row] = [Math.floor(part / parts), (part % parts) * QUERIES];
      const [target, high] = [from(result, row), addressOf(logs, item) + 4 * row];
      b.eachRange(item, row, (range) => {
        const { rows, column, columns } = range;
        const first = column === 0;
        b.multiply(calls, [rows, columns, size], item, from(q, row), turned(from(k, column)), block, 0, RESULT);
        calls.call(weigh, SCORES | TOTAL, [...b.maskArguments(range, mask), high, b.each, addressOf(target, item), width, Number(first)]);
        b.multiply(calls, [rows, width, columns], item, block, from(v, column), target, first ? 0 : ACCUMULATE, LEFT);
      });
      calls.call(kernels.finish, SUMS, [Math.min(QUERIES, length - row), width, addressOf(target, item), high, b.each, high]);
    });
  });
};

export const attentionGrad: Fill<"attentionGrad"> = (machine, inputs, outputs, blocks, attrs) => {
  if (outputs[0].dtype !== "float32" || product(outputs[0].shape) * product(outputs[2].shape) === 0) {
    general.attentionGrad(machine, inputs, outputs, blocks, attrs);
    return;
  }
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
  const add = (calls: Calls, sizes: readonly number[], item: number, own: Matrix, right: Matrix, into: Matrix, first: boolean): void =>
    b.multiply(calls, sizes, item, own, right, into, first ? 0 : ACCUMULATE, LEFT);
  withMask(machine, inputs[6], (mask) => {
    const reweigh = mask === undefined ? kernels.reweigh : kernels.reweighMasked;
    withDense(machine, [inputs[0], inputs[4], inputs[5]], ([gradAt, resultAt, logAt]) => {
      const grad = denseOf(gradAt, batch, length, width);
      shareItems(machine.pool, nanoseconds, batch, callsEach, (calls, item) => {
        calls.call(kernels.dots, DOTS, [length, width, addressOf(grad, item), resultAt + 4 * item * length * width, b.each]);
        for (let row = 0; row < length; row += QUERIES) {
          b.eachRange(item, row, (range) => {
            const { rows, column, columns } = range;
            const [queries, grads] = [from(q, row), from(grad, row)];
            const first = row === 0 && !attrs.causal;
            b.multiply(calls, [rows, columns, size], item, queries, turned(from(k, column)), scores, 0, RESULT);
            calls.call(reweigh, SCORES, [...b.maskArguments(range, mask), logAt + 4 * (item * length + row)]);
            b.multiply(calls, [rows, columns, width], item, grads, turned(from(v, column)), slopes, 0, RESULT);
            add(calls, [columns, width, rows], item, turned(scores), grads, from(dv, column), first);
            calls.call(kernels.slope, SLOPES, [rows, columns, b.scale, b.scores, b.slopes, 4 * KEYS, b.each + 4 * row]);
            add(calls, [rows, size, columns], item, slopes, from(k, column), from(dq, row), column === 0);
            add(calls, [columns, size, rows], item, turned(slopes), queries, from(dk, column), first);
          });
        }
      });
    });
  });
};
