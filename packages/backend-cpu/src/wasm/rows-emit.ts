/**
 * The convolution kernel for few channels: vectors run along the last dimension of the result, where neighbours are neighbours in the image,
 * so that nothing is packed or transposed, which with few steps takes the larger part of the time.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type ModuleBuilder, V128 } from "./asm.js";

/** Vectors of a tile side by side, the most first. */
const WIDTHS = [4, 2, 1] as const;
/** Columns from which the kernel can work. */
export const LEAST_COLUMNS: number = 4;
/** Filters of the widest tiles, the most first: 8 sums leave room for the loads of a step; 24 are 12 where vectors have 256 bits. */
export const ROW_FILTERS: readonly number[] = [2, 1];
export const WIDE_ROW_FILTERS: readonly number[] = [6, 4, 2, 1];

/**
 * Emits `rows(rows, columns, steps, x, rowTable, stepTable, weights, filters, out, outFilter, bias)` for float32 and at least 4 columns:
 * `out[filter][row][column] = bias[filter] + sum over step of weights[filter][step] * x[rowTable[row][0] + 4 * column + stepTable[step]]`,
 * with an address of zeros for no bias. The last tile of a row overlaps the one before it.
 */
export function emitRows(module: ModuleBuilder, fma: boolean, heights: readonly number[]): void {
  const f = module.function("rows", 11);
  const [rows, columns, steps, x, rowTable, stepTable, weights, filters, out, outFilter, bias] = f.params;
  const [filter, row, left, entry, line, start, column, step, table, weight, next, from, to] = f.locals(I32, 13);
  const sums = f.locals(V128, WIDTHS[0] * heights[0]);
  const inputs = f.locals(V128, WIDTHS[0]);
  const starts = f.locals(V128, heights[0]);
  const factor = f.local(V128);
  const { add, ge, lit, min, mul, sub } = arithmetic(f);
  const [weightBytes, across] = [mul(steps, lit(4)), mul(column, lit(4))];
  const tile = (width: number, height: number): void => {
    const lines = Array.from({ length: height }, (_, i) => sums.slice(i * width, (i + 1) * width));
    for (const [i, own] of lines.entries()) for (const sum of own) f.assign(sum, starts[i]);
    f.assign(table, stepTable).assign(weight, weights).assign(left, add(start, across));
    f.countDown(step, steps, () => {
      f.assign(
        from,
        add(left, () => f.load("i32.load", table)),
      );
      const load = (v: number): FunctionBuilder => f.load("v128.load", from, 16 * v);
      if (height > 1) for (let v = 0; v < width; v++) load(v).set(inputs[v]);
      for (const [i, own] of lines.entries()) {
        if (i > 0) f.assign(next, add(i === 1 ? weight : next, weightBytes));
        f.load("v128.load32_splat", i > 0 ? next : weight).set(factor);
        for (const [v, sum] of own.entries()) f.mulAdd("f32x4", fma, factor, height > 1 ? inputs[v] : () => load(v), sum).set(sum);
      }
      f.inc(table, 4).inc(weight, 4);
    });
    f.assign(to, add(line, across));
    for (const own of lines) {
      for (const [v, sum] of own.entries()) f.store("v128.store", to, sum, 16 * v);
      f.addTo(to, outFilter);
    }
  };
  const rowOf = ([width, ...less]: readonly number[], height: number): void => {
    f.push(ge(columns, lit(4 * width))).if(
      () =>
        f.forRange(column, columns, 4 * width, () => {
          f.assign(column, min(column, sub(columns, lit(4 * width))));
          tile(width, height);
        }),
      () => less.length > 0 && rowOf(less, height),
    );
  };
  for (const height of heights) {
    f.forRange(filter, sub(filters, lit(height - 1)), height, () => {
      for (let i = 0; i < height; i++) f.load("v128.load32_splat", bias, 4 * i).set(starts[i]);
      f.assign(entry, rowTable).assign(line, out);
      f.countDown(row, rows, () => {
        f.assign(
          start,
          add(x, () => f.load("i32.load", entry)),
        );
        f.assign(column, lit(0));
        rowOf(WIDTHS, height);
        for (const pointer of [entry, line]) f.addTo(pointer, mul(columns, lit(4)));
      });
      f.addTo(out, mul(outFilter, lit(height)))
        .addTo(weights, mul(weightBytes, lit(height)))
        .get(bias)
        .if(() => f.inc(bias, 4 * height));
    });
  }
}
