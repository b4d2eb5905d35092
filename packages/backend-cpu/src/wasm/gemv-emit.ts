/**
 * Products with a single row or column: every matrix element is used once, so nothing is packed.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, type MemName, type ModuleBuilder, V128 } from "./asm.js";
import { ACCUMULATE, type Element, horizontalSum, RELU, storeNumber, zeroVector } from "./element.js";
import type { KernelOptions } from "./features.js";

/**
 * Rows of groups, each with two sums and two vectors of x: 12 sums, 2 vectors and 1 load stay within the 15 registers V8 can use, up to
 * version 12, which loads first, only 6 sums, 2 vectors and 6 loads. Where it joins pairs, 4 rows keep up with the cache.
 */
const dotRowsOf = ({ tile }: KernelOptions, joins: boolean): readonly number[] => (joins ? [4, 1] : tile === "tall" ? [6, 3, 1] : [3, 1]);
/** Rows added to y in one sweep over it, and vectors of each row at a time; 4 factors and 10 loads fit the registers likewise. */
const SWEEP_ROWS = 4;
const SWEEP_VECTORS = 2;

/**
 * Emits `gemvRows(n, k, x, matrix, rowStride, y, mode, workspace)`: `y[j] = sum over i of x[i] matrix[j][i]` with contiguous rows, several
 * rows at a time with two sums each. V8 with vectors of 256 bits `joins` the sums if they are stored side by side.
 */
export function emitGemvRows(module: ModuleBuilder, element: Element, options: KernelOptions, joins: boolean): void {
  const { fma } = options;
  const groups = dotRowsOf(options, joins);
  const f = module.function("gemvRows", 8);
  const [n, k, , matrix, stride, y, mode] = f.params;
  const result = f.local(element.type);
  const [j, whole] = f.locals(I32, 2);
  const [i, x, wholeSteps, ...rowPointers] = f.locals(I32, 3 + groups[0]);
  const state: DotState = { i, x, wholeSteps, rows: rowPointers, sums: f.locals(V128, 2 * groups[0]), inputs: f.locals(V128, 2) };
  const { and, lit, sub } = arithmetic(f);
  f.assign(state.wholeSteps, and(k, lit(-2 * element.lanes)));
  const rows = (count: number): void => {
    dotRows(f, element, fma, state, count, joins);
    for (let row = 0; row < count; row++) {
      const [even, odd] = [state.sums[2 * row], state.sums[2 * row + 1]];
      f.get(even).get(odd).op(`${element.vector}.add`).set(even);
      horizontalSum(f, element, even).set(result);
      storeNumber(f, element, mode, y, result, row * element.bytes);
    }
    for (let row = 0; row < count; row++) f.addTo(matrix, stride);
    f.inc(y, count * element.bytes);
  };
  for (const count of groups) {
    f.assign(
      whole,
      sub(n, () => f.apply("i32.rem_u", sub(n, j), lit(count))),
    );
    f.forRange(j, whole, count, () => rows(count));
  }
}

interface DotState {
  readonly i: Local;
  readonly x: Local;
  readonly wholeSteps: Local;
  readonly rows: readonly Local[];
  readonly sums: readonly Local[];
  readonly inputs: readonly Local[];
}

/** Dot products of `count` rows with x, left in the even and odd sums. */
function dotRows(f: FunctionBuilder, element: Element, fma: boolean, state: DotState, count: number, joins: boolean): void {
  const { i, x, inputs } = state;
  const sums = state.sums.slice(0, 2 * count);
  const [k, input, matrix, stride, workspace] = [1, 2, 3, 4, 7];
  const rows = state.rows.slice(0, count);
  const advance = (bytes: number): void => {
    for (const pointer of [...rows, x]) f.inc(pointer, bytes);
  };
  for (const [r, row] of rows.entries()) {
    f.get(r === 0 ? matrix : rows[r - 1]);
    if (r > 0) f.get(stride).op("i32.add");
    f.set(row);
  }
  for (const sum of sums) zeroVector(f).set(sum);
  f.get(input).set(x).i32(0).set(i);
  f.forRange(i, state.wholeSteps, 2 * element.lanes, () => {
    for (const [h, vector] of inputs.entries()) f.load("v128.load", x, 16 * h).set(vector);
    for (const [r, row] of rows.entries()) {
      for (const [h, vector] of inputs.entries()) {
        const sum = sums[2 * r + h];
        f.mulAdd(element.vector, fma, vector, () => f.load("v128.load", row, 16 * h), sum).set(sum);
      }
    }
    advance(32);
  });
  if (joins) {
    for (const [s, sum] of sums.entries()) f.store("v128.store", workspace, sum, 16 * s);
    for (const [s, sum] of sums.entries()) f.load("v128.load", workspace, 16 * s).set(sum);
  }
  f.forRange(i, k, 1, () => {
    f.load(element.loadZero, x).set(inputs[0]);
    for (const [r, row] of rows.entries()) {
      f.mulAdd(element.vector, fma, inputs[0], () => f.load(element.loadZero, row), sums[2 * r]).set(sums[2 * r]);
    }
    advance(element.bytes);
  });
}

/**
 * Emits `gemvColumns(n, k, x, matrix, stride, y, mode)`: `y[j] = sum over i of x[i] matrix[i][j]` where neighbours in j are neighbours in
 * memory and `stride` leads from i to i + 1. The matrix is read from front to back; y stays in the cache.
 */
export function emitGemvColumns(module: ModuleBuilder, element: Element, fma: boolean): void {
  const f = module.function("gemvColumns", 7);
  const [n, k, x, matrix, stride, y, mode] = f.params;
  const [i, whole] = f.locals(I32, 2);
  const sweep = emitSweep(f, element, fma);
  const { and, lit, mul } = arithmetic(f);
  f.ifBits(
    () => f.get(mode).i32(ACCUMULATE).op("i32.xor"),
    ACCUMULATE,
    () =>
      f
        .get(y)
        .i32(0)
        .push(mul(n, lit(element.bytes)))
        .memoryFill(),
  );
  for (const count of [SWEEP_ROWS, 1]) {
    f.assign(whole, and(k, lit(-count))).forRange(i, whole, count, () => {
      sweep(count);
      f.inc(x, count * element.bytes);
      for (let row = 0; row < count; row++) f.addTo(matrix, stride);
    });
  }
  f.ifBits(mode, RELU, () => sweep(0));
}

/** The code that adds the next `count` rows of the matrix to y, or for none clamps y at zero. */
function emitSweep(f: FunctionBuilder, element: Element, fma: boolean): (count: number) => void {
  const [n, x, matrix, stride, y] = [0, 2, 3, 4, 5];
  const [j, whole, target, ...pointers] = f.locals(I32, 3 + SWEEP_ROWS);
  const factors = f.locals(V128, SWEEP_ROWS);
  const sums = f.locals(V128, SWEEP_VECTORS);
  const { and, lit } = arithmetic(f);
  const { bytes, lanes, vector } = element;
  const add = (rows: readonly Local[], load: MemName, vectors: number): void => {
    const own = sums.slice(0, vectors);
    for (const [v, sum] of own.entries()) f.load(load, target, 16 * v).set(sum);
    for (const [r, row] of rows.entries()) {
      for (const [v, sum] of own.entries()) f.mulAdd(vector, fma, factors[r], () => f.load(load, row, 16 * v), sum).set(sum);
    }
    if (rows.length === 0) for (const sum of own) zeroVector(f.get(sum)).op(`${vector}.pmax`).set(sum);
  };
  return (count) => {
    const rows = pointers.slice(0, count);
    for (const [r, row] of rows.entries()) {
      f.load(element.loadSplat, x, r * bytes).set(factors[r]);
      f.push(
        r === 0
          ? matrix
          : () =>
              f
                .get(rows[r - 1])
                .get(stride)
                .op("i32.add"),
      ).set(row);
    }
    f.get(y).set(target).i32(0).set(j);
    const advance = (by: number): void => {
      for (const pointer of [...rows, target]) f.inc(pointer, by);
    };
    for (const vectors of [SWEEP_VECTORS, 1]) {
      f.assign(whole, and(n, lit(-vectors * lanes))).forRange(j, whole, vectors * lanes, () => {
        add(rows, "v128.load", vectors);
        for (let v = 0; v < vectors; v++) f.store("v128.store", target, sums[v], 16 * v);
        advance(16 * vectors);
      });
    }
    f.forRange(j, n, 1, () => {
      add(rows, element.loadZero, 1);
      f.get(target).get(sums[0]).memLane(element.storeLane, 0);
      advance(bytes);
    });
  };
}
