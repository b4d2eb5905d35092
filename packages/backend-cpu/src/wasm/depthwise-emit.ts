/**
 * The kernel of convolutions where each channel has one filter of its own: nothing is shared between channels, so vectors run along the
 * last dimension of the result and read the image in place.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { I32, type ModuleBuilder, V128 } from "./asm.js";
import { zeroVector } from "./element.js";

/** Vectors side by side, the most first. */
const WIDTHS = [4, 2, 1] as const;

/** Columns from which {@link emitDepthwise} can work. */
export const LEAST_COLUMNS = 4;

/**
 * Emits `depthwise(rows, columns, steps, x, rowStride, stepTable, weights, out, bias)` for float32 and at least 4 columns:
 * `out[row][column] = bias + sum over step of weights[step] * x[row * rowStride + 4 * column + stepTable[step]]`, with `bias` the address of
 * a number or 0 and the rest in bytes. The last vectors of a row overlap those before them.
 */
export function emitDepthwise(module: ModuleBuilder, fma: boolean): void {
  const f = module.function("depthwise", 9);
  const [rows, columns, steps, x, rowStride, stepTable, weights, out, bias] = f.params;
  const [row, column, last, step, table, weight, from, to] = f.locals(I32, 8);
  const [start, factor] = f.locals(V128, 2);
  const sums = f.locals(V128, WIDTHS[0]);
  const { add, ge, lit, min, mul, sub } = arithmetic(f);
  const block = (own: readonly number[]): void => {
    for (const sum of own) f.assign(sum, start);
    f.assign(table, stepTable).assign(weight, weights);
    f.countDown(step, steps, () => {
      f.assign(
        from,
        add(x, mul(column, lit(4)), () => f.load("i32.load", table)),
      );
      f.load("v128.load32_splat", weight).set(factor);
      for (const [i, sum] of own.entries()) f.mulAdd("f32x4", fma, factor, () => f.load("v128.load", from, 16 * i), sum).set(sum);
      f.inc(table, 4).inc(weight, 4);
    });
    f.assign(to, add(out, mul(column, lit(4))));
    for (const [i, sum] of own.entries()) f.store("v128.store", to, sum, 16 * i);
  };
  const rowOf = (width: number): void => {
    f.assign(last, sub(columns, lit(4 * width))).assign(column, lit(0));
    f.loop(() => {
      block(sums.slice(0, width));
      // The next block, or the last one that fits; none after that.
      f.push(ge(column, last)).if(
        () => f.assign(column, columns),
        () => f.assign(column, add(column, lit(4 * width))).assign(column, min(column, last)),
      );
      f.get(column).get(columns).op("i32.lt_s").brIf(0);
    });
  };
  const choose = ([width, ...less]: readonly number[]): void => {
    if (less.length === 0) rowOf(width);
    else
      f.push(ge(columns, lit(4 * width))).if(
        () => rowOf(width),
        () => choose(less),
      );
  };
  f.get(bias).if(
    () => f.load("v128.load32_splat", bias).set(start),
    () => zeroVector(f).set(start),
  );
  f.countDown(row, rows, () => {
    choose(WIDTHS);
    f.addTo(x, rowStride).addTo(out, mul(columns, lit(4)));
  });
}
