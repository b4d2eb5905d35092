import { apply } from "../dispatch.js";
import { abs, eq, inWide, mul, ne, pow, safeSqrt, where } from "./compose.js";
import type { Tensor } from "./tensor.js";

/** The norm of order `p`, composed so that its gradient is 0 where the norm is 0, and shared by equals for infinite orders. */
export function vectorNorm(x: Tensor, p: number, dims: readonly number[], keepdim: boolean): Tensor {
  return inWide(x, (y) => normOf(y, p, dims, keepdim));
}

function normOf(x: Tensor, p: number, dims: readonly number[], keepdim: boolean): Tensor {
  const reduce = (y: Tensor, op: "sum" | "max" | "min") => apply("reduce", [y], { op, dims, keepdim });
  if (p === 2) return safeSqrt(reduce(mul(x, x), "sum"));
  if (p === 1) return reduce(abs(x), "sum");
  if (p === Number.POSITIVE_INFINITY) return reduce(abs(x), "max");
  if (p === Number.NEGATIVE_INFINITY) return reduce(abs(x), "min");
  if (p === 0) return reduce(where(ne(x, 0), 1, mul(x, 0)), "sum");
  const zero = eq(x, 0);
  const powers = where(zero, p > 0 ? 0 : Number.POSITIVE_INFINITY, pow(abs(where(zero, 1, x)), p));
  const total = reduce(powers, "sum");
  const none = eq(total, 0);
  return where(none, 0, pow(where(none, 1, total), 1 / p));
}
