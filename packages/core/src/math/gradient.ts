import { ValueError } from "../errors.js";
import { cat } from "../functions.js";
import { normalizeDim } from "../shape.js";
import type { Tensor } from "../tensor/tensor.js";

/** What {@link gradient} takes. */
export interface GradientOptions {
  /** The distance of neighbours: one for all dimensions, one for each, or coordinates along each. */
  readonly spacing?: number | readonly (number | Tensor)[];
  /** The dimensions, all if left out. */
  readonly dim?: number | readonly number[] | null;
  /** Order of the differences at both ends. */
  readonly edgeOrder?: 1 | 2;
}

/**
 * Finite differences along dimensions: central ones inside, one-sided ones of `edgeOrder` at the ends.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.gradient.html
 *
 * @throws ValueError if a dimension is too short, or spacings and dimensions differ in number.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { gradient } from "@sconce/core/math";
 * const [slope] = gradient(tensor([1, 2, 4, 7])); // [1, 1.5, 2.5, 3]
 */
export function gradient(x: Tensor, { spacing = 1, dim, edgeOrder = 1 }: GradientOptions = {}): Tensor[] {
  const op = "gradient";
  const dims = dim == null ? x.shape.map((_, d) => d) : [dim].flat().map((d) => normalizeDim(d, x.ndim, op));
  const spacings = typeof spacing === "number" ? dims.map(() => spacing) : spacing;
  if (spacings.length !== dims.length) {
    throw new ValueError(`${op}: expected spacing to be unspecified, a scalar or a list of length ${dims.length}, got ${spacings.length}`);
  }
  if (edgeOrder !== 1 && edgeOrder !== 2) throw new ValueError(`${op}: only supports edgeOrder=1 and edgeOrder=2, got ${edgeOrder}`);
  return dims.map((d, i) => {
    if (x.shape[d] < edgeOrder + 1)
      throw new ValueError(`${op}: expected each dimension size to be at least edgeOrder+1`, { shapes: [x.shape] });
    return along(x, d, spacings[i], edgeOrder);
  });
}

/** Distances of neighbours, as numbers that broadcast along `d`. */
function stepsOf(x: Tensor, d: number, spacing: number | Tensor): { at: (start: number, length: number) => Tensor | number } {
  if (typeof spacing === "number") return { at: () => spacing };
  const n = x.shape[d];
  const steps = spacing.narrow(0, 1, n - 1).sub(spacing.narrow(0, 0, n - 1));
  const trailing = new Array<number>(x.ndim - 1 - d).fill(1);
  return { at: (start, length) => steps.narrow(0, start, length).reshape([length, ...trailing]) };
}

function along(x: Tensor, d: number, spacing: number | Tensor, edgeOrder: 1 | 2): Tensor {
  const n = x.shape[d];
  const part = (start: number, length = 1): Tensor => x.narrow(d, start, length);
  const steps = stepsOf(x, d, spacing);
  const parts: Tensor[] = [edge(part, steps.at, 0, 1, 2, edgeOrder, 0, 1)];
  if (n > 2) parts.push(inner(part(0, n - 2), part(1, n - 2), part(2, n - 2), steps.at(0, n - 2), steps.at(1, n - 2)));
  parts.push(edge(part, steps.at, n - 1, n - 2, n - 3, edgeOrder, n - 2, n - 3).neg());
  return cat(parts, d);
}

type Step = Tensor | number;

const times = (a: Step, b: Step): Step => (typeof a === "number" ? (typeof b === "number" ? a * b : b.mul(a)) : a.mul(b));
const plus = (a: Step, b: Step): Step => (typeof a === "number" ? (typeof b === "number" ? a + b : b.add(a)) : a.add(b));
const over = (a: Step, b: Step): Step => (typeof a === "number" ? (typeof b === "number" ? a / b : b.reciprocal().mul(a)) : a.div(b));

/** The slope of the parabola through three points, at the one in the middle. */
function inner(left: Tensor, middle: Tensor, right: Tensor, before: Step, after: Step): Tensor {
  if (typeof before === "number") return right.sub(left).div(2 * before);
  const total = plus(before, after);
  const a = over(times(after, -1), times(before, total));
  const b = over(plus(after, times(before, -1)), times(before, after));
  const c = over(before, times(after, total));
  return left.mul(a).add(middle.mul(b)).add(right.mul(c));
}

/** The slope at an end, away from it: of the line to the next point, or of the parabola through three. */
function edge(
  part: (start: number) => Tensor,
  step: (start: number, length: number) => Step,
  first: number,
  second: number,
  third: number,
  order: 1 | 2,
  near: number,
  far: number,
): Tensor {
  const h = step(near, 1);
  if (order === 1) return part(second).sub(part(first)).div(h);
  const k = step(far, 1);
  const total = plus(h, k);
  const a = over(times(plus(times(h, 2), k), -1), times(h, total));
  const b = over(total, times(h, k));
  const c = over(times(h, -1), times(k, total));
  return part(first).mul(a).add(part(second).mul(b)).add(part(third).mul(c));
}
