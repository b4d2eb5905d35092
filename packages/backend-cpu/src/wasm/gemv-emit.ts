/**
 * Products with a single row or column: every matrix element is used once, so nothing is packed.
 *
 * @module
 */
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, V128 } from "./asm.js";
import { type Element, horizontalSum, zeroVector } from "./element.js";
import { ACCUMULATE, RELU } from "./gemm-emit.js";

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
  f.get(k)
    .i32(-2 * element.lanes)
    .op("i32.and")
    .set(state.wholeSteps);
  f.get(n).i32(-DOT_ROWS).op("i32.and").set(whole);
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
  rows.forEach((row, r) => {
    f.get(r === 0 ? matrix : rows[r - 1]);
    if (r > 0) f.get(stride).op("i32.add");
    f.set(row);
    for (const sum of sums.slice(2 * r, 2 * r + 2)) zeroVector(f).set(sum);
  });
  f.get(input).set(x).i32(0).set(i);
  f.forRange(i, state.wholeSteps, 2 * element.lanes, () => {
    inputs.forEach((vector, h) =>
      f
        .get(x)
        .mem("v128.load", 16 * h)
        .set(vector),
    );
    rows.forEach((row, r) => {
      inputs.forEach((vector, h) => {
        const sum = sums[2 * r + h];
        f.mulAdd(element.vector, fma, vector, () => f.get(row).mem("v128.load", 16 * h), sum).set(sum);
      });
    });
    advance(32);
  });
  f.forRange(i, k, 1, () => {
    f.get(x).mem(element.loadZero).set(inputs[0]);
    rows.forEach((row, r) => {
      f.mulAdd(element.vector, fma, inputs[0], () => f.get(row).mem(element.loadZero), sums[2 * r]).set(sums[2 * r]);
    });
    advance(element.bytes);
  });
}

/** Stores a scalar to `y + offset` as the mode in parameter 6 says. */
function storeScalar(f: FunctionBuilder, element: Element, y: Local, offset: number, value: () => unknown): void {
  const { scalar, type } = element;
  const mode = 6;
  f.get(y).push(value);
  f.get(mode)
    .i32(ACCUMULATE)
    .op("i32.and")
    .if(
      () => f.get(y).mem(element.load, offset),
      () => f[scalar](0),
      type,
    )
    .op(element.add);
  f[scalar](-Infinity);
  f[scalar](0);
  f.get(mode).i32(RELU).op("i32.and", "i32.eqz", "select", `${scalar}.max`);
  f.mem(element.store, offset);
}

/**
 * Emits `gemvColumns(n, k, x, matrix, columnStride, y, mode)`: `y[j] = sum over i of x[i] matrix[i][j]` where neighbours in j are
 * neighbours in memory and `columnStride` leads from i to i + 1; eight vectors of y stay in registers.
 */
export function emitGemvColumns(module: ModuleBuilder, element: Element, fma: boolean): void {
  const f = module.function("gemvColumns", Array(7).fill(I32));
  const [n, k, x, matrix, stride, y, mode] = [0, 1, 2, 3, 4, 5, 6];
  const [j, i, input, row, whole] = f.locals(I32, 5);
  const sums = f.locals(V128, COLUMN_VECTORS);
  const left = f.local(V128);
  const { bytes, lanes, vector } = element;
  const eachStep = (body: () => void): void => {
    f.get(x).set(input).get(matrix).set(row);
    f.countDown(i, k, () => {
      f.get(input).mem(element.loadSplat).set(left);
      body();
      f.inc(input, bytes).addTo(row, stride);
    });
  };
  const columns = (count: number): void => {
    const own = sums.slice(0, count);
    for (const sum of own) zeroVector(f).set(sum);
    eachStep(() => own.forEach((sum, v) => f.mulAdd(vector, fma, left, () => f.get(row).mem("v128.load", 16 * v), sum).set(sum)));
    f.get(mode)
      .i32(ACCUMULATE)
      .op("i32.and")
      .if(() => {
        own.forEach((sum, v) =>
          f
            .get(sum)
            .get(y)
            .mem("v128.load", 16 * v)
            .op(`${vector}.add`)
            .set(sum),
        );
      });
    f.get(mode)
      .i32(RELU)
      .op("i32.and")
      .if(() => {
        for (const sum of own) zeroVector(f.get(sum)).op(`${vector}.pmax`).set(sum);
      });
    own.forEach((sum, v) =>
      f
        .get(y)
        .get(sum)
        .mem("v128.store", 16 * v),
    );
    f.inc(matrix, 16 * count).inc(y, 16 * count);
  };
  for (const count of [COLUMN_VECTORS, 1]) {
    f.get(n)
      .i32(-count * lanes)
      .op("i32.and")
      .set(whole);
    f.forRange(j, whole, count * lanes, () => columns(count));
  }
  f.forRange(j, n, 1, () => {
    zeroVector(f).set(sums[0]);
    eachStep(() => f.mulAdd(vector, fma, left, () => f.get(row).mem(element.loadZero), sums[0]).set(sums[0]));
    storeScalar(f, element, y, 0, () => f.get(sums[0]).lane(`${vector}.extract_lane`, 0));
    f.inc(matrix, bytes).inc(y, bytes);
  });
}
