/**
 * Negative log likelihood of classes, and its gradient.
 *
 * @module
 */
import { contiguousStrides, ValueError } from "@sconce/core";
import { type ArrayView, type ReferenceKernel, type Steps, walk } from "./array.js";

/** A layout without one of its dimensions. */
function without({ strides, offset }: Steps, dim: number): Steps {
  return { strides: strides.filter((_, d) => d !== dim), offset };
}

function checkClass(t: number, classes: number): void {
  if (t < 0 || t >= classes) throw new ValueError(`nll: Target ${t} is out of bounds; expected classes from 0 to ${classes - 1}`);
}

/** A gradient that is one number for all targets reads it again and again. */
function stretched(g: ArrayView, rank: number): Steps {
  return g.shape.length === rank ? g : { strides: new Array<number>(rank).fill(0), offset: g.offset };
}

export const nll: ReferenceKernel<"nll"> = ([x, target], [loss, count], { dim, ignoreIndex, reduction }) => {
  let sum = 0;
  let counted = 0;
  walk(target.shape, [target, without(x, dim)], ([at, base], i) => {
    const t = target.data[at];
    const counts = t !== ignoreIndex;
    if (counts) checkClass(t, x.shape[dim]);
    const one = counts ? -x.data[base + t * x.strides[dim]] : 0;
    if (reduction === "none") loss.data[i] = one;
    sum += one;
    if (counts) counted++;
  });
  count.data[0] = counted;
  if (reduction !== "none") loss.data[0] = reduction === "sum" ? sum : sum / counted;
};

export const nllGrad: ReferenceKernel<"nllGrad"> = ([g, target, count], [out], { dim, ignoreIndex, reduction }) => {
  const strides = contiguousStrides(out.shape);
  const step = strides[dim];
  const divisor = reduction === "mean" ? count.data[count.offset] : 1;
  out.data.fill(0);
  walk(target.shape, [target, stretched(g, target.shape.length), without({ strides, offset: 0 }, dim)], ([at, from, base]) => {
    const t = target.data[at];
    if (t === ignoreIndex) return;
    checkClass(t, out.shape[dim]);
    out.data[base + t * step] = -g.data[from] / divisor;
  });
};
