/**
 * Products with a single row or column: every matrix element is used once, so nothing is packed.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, type MemName, type ModuleBuilder, V128 } from "./asm.js";
import { ACCUMULATE, type Element, horizontalSum, RELU, zeroVector } from "./element.js";

const DOT_ROWS = 4;
const COLUMN_VECTORS = 8;

/**
 * Emits `gemvRows(n, k, x, matrix, rowStride, y, mode)`: `y[j] = sum over i of x[i] matrix[j][i]` with contiguous rows, four rows at a
 * time with two sums each.
 */
export function emitGemvRows(module: ModuleBuilder, element: Element, fma: boolean): void {
  const f = module.function("gemvRows", Array(7).fill(I32));
  const [n, k, , matrix, stride, y] = [0, 1, 2, 3, 4, 5];
  const [j, whole] = f.locals(I32, 2);
  const [i, x, wholeSteps, ...rowPointers] = f.locals(I32, 3 + DOT_ROWS);
  const state: DotState = { i, x, wholeSteps, rows: rowPointers, sums: f.locals(V128, 2 * DOT_ROWS), inputs: f.locals(V128, 2) };
  const { and, lit } = arithmetic(f);
  f.assign(state.wholeSteps, and(k, lit(-2 * element.lanes)));
  f.assign(whole, and(n, lit(-DOT_ROWS)));
  const rows = (count: number): void => {
    dotRows(f, element, fma, state, count);
    for (let row = 0; row < count; row++) {
      const [even, odd] = [state.sums[2 * row], state.sums[2 * row + 1]];
      f.get(even).get(odd).op(`${element.vector}.add`).set(even);
      storeScalar(f, element, y, row * element.bytes, () => horizontalSum(f, element, even));
    }
    for (let row = 0; row < count; row++) f.addTo(matrix, stride);
    f.inc(y, count * element.bytes);
  };
  f.forRange(j, whole, DOT_ROWS, () => rows(DOT_ROWS));
  f.forRange(j, n, 1, () => rows(1));
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
function dotRows(f: FunctionBuilder, element: Element, fma: boolean, state: DotState, count: number): void {
  const { i, x, sums, inputs } = state;
  const [k, input, matrix, stride] = [1, 2, 3, 4];
  const rows = state.rows.slice(0, count);
  const advance = (bytes: number): void => {
    for (const pointer of [...rows, x]) f.inc(pointer, bytes);
  };
  for (const [r, row] of rows.entries()) {
    f.get(r === 0 ? matrix : rows[r - 1]);
    if (r > 0) f.get(stride).op("i32.add");
    f.set(row);
    for (const sum of sums.slice(2 * r, 2 * r + 2)) zeroVector(f).set(sum);
  }
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
  f.forRange(i, k, 1, () => {
    f.load(element.loadZero, x).set(inputs[0]);
    for (const [r, row] of rows.entries()) {
      f.mulAdd(element.vector, fma, inputs[0], () => f.load(element.loadZero, row), sums[2 * r]).set(sums[2 * r]);
    }
    advance(element.bytes);
  });
}

/** Stores a scalar to `y + offset` as the mode in parameter 6 says. */
function storeScalar(f: FunctionBuilder, element: Element, y: Local, offset: number, value: () => unknown): void {
  const { scalar, type } = element;
  const [mode, result] = [6, f.local(type)];
  f.push(value).set(result);
  f.ifBits(mode, ACCUMULATE, () => f.load(element.load, y, offset).get(result).op(element.add).set(result));
  f.ifBits(mode, RELU, () => f.get(result)[scalar](0).op(`${scalar}.max`).set(result));
  f.store(element.store, y, result, offset);
}

/**
 * Emits `gemvColumns(n, k, x, matrix, stride, y, mode)`: `y[j] = sum over i of x[i] matrix[i][j]` where neighbours in j are neighbours in
 * memory and `stride` leads from i to i + 1; eight vectors of y stay in registers.
 */
export function emitGemvColumns(module: ModuleBuilder, element: Element, fma: boolean): void {
  const f = module.function("gemvColumns", Array(7).fill(I32));
  const [n, k, x, matrix, stride, y, mode] = [0, 1, 2, 3, 4, 5, 6];
  const [j, i, input, row, whole] = f.locals(I32, 5);
  const sums = f.locals(V128, COLUMN_VECTORS);
  const left = f.local(V128);
  const { bytes, lanes, vector } = element;
  const { and, lit } = arithmetic(f);
  const sumColumns = (own: readonly Local[], load: MemName): void => {
    for (const sum of own) zeroVector(f).set(sum);
    f.get(x).set(input).get(matrix).set(row);
    f.countDown(i, k, () => {
      f.load(element.loadSplat, input).set(left);
      for (const [v, sum] of own.entries()) f.mulAdd(vector, fma, left, () => f.load(load, row, 16 * v), sum).set(sum);
      f.inc(input, bytes).addTo(row, stride);
    });
  };
  const columns = (count: number): void => {
    const own = sums.slice(0, count);
    sumColumns(own, "v128.load");
    f.ifBits(mode, ACCUMULATE, () => {
      for (const [v, sum] of own.entries())
        f.load("v128.load", y, 16 * v)
          .get(sum)
          .op(`${vector}.add`)
          .set(sum);
    });
    f.ifBits(mode, RELU, () => {
      for (const sum of own) zeroVector(f.get(sum)).op(`${vector}.pmax`).set(sum);
    });
    for (const [v, sum] of own.entries()) f.store("v128.store", y, sum, 16 * v);
    f.inc(matrix, 16 * count).inc(y, 16 * count);
  };
  for (const count of [COLUMN_VECTORS, 1]) {
    const step = count * lanes;
    f.assign(whole, and(n, lit(-step))).forRange(j, whole, step, () => columns(count));
  }
  f.forRange(j, n, 1, () => {
    sumColumns([sums[0]], element.loadZero);
    storeScalar(f, element, y, 0, () => f.get(sums[0]).lane(`${vector}.extract_lane`, 0));
    f.inc(matrix, bytes).inc(y, bytes);
  });
}
