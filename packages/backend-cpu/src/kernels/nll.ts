/**
 * Negative log likelihood of classes: tight loops over float32 without gaps, the reference for the rest.
 *
 * @module
 */

import { isContiguous, type NllAttrs, type Shape, sizeOf, ValueError, type View } from "@sconce/core";
import { pointerOf } from "../machine.js";
import type { Fill } from "./kernel.js";

/** Calls `visit` for each target that counts: its number, and the position of its class in a row-major tensor of `shape`. */
function eachTarget(
  targets: Int32Array,
  start: number,
  shape: Shape,
  { dim, ignoreIndex }: NllAttrs,
  visit: (i: number, at: number) => void,
): void {
  const classes = shape[dim];
  const inner = sizeOf(shape.slice(dim + 1));
  const outer = sizeOf(shape.slice(0, dim));
  for (let n = 0, i = 0; n < outer; n++) {
    for (let p = 0; p < inner; p++, i++) {
      const t = targets[start + i];
      if (t === ignoreIndex) continue;
      if (t < 0 || t >= classes) throw new ValueError(`nll: Target ${t} is out of bounds; expected classes from 0 to ${classes - 1}`);
      visit(i, (n * classes + t) * inner + p);
    }
  }
}

function isDense({ shape, strides }: View): boolean {
  return isContiguous(shape, strides);
}

export const nll: Fill<"nll"> = (machine, [x, target], _, blocks, attrs) => {
  if (x.dtype !== "float32" || !isDense(x) || !isDense(target)) return false;
  const { f32, i32 } = machine.heap;
  const from = pointerOf(x) / 4;
  const loss = blocks[0].pointer / 4;
  const each = attrs.reduction === "none";
  let sum = 0;
  let count = 0;
  if (each) f32.fill(0, loss, loss + sizeOf(target.shape));
  eachTarget(i32, pointerOf(target) / 4, x.shape, attrs, (i, at) => {
    const one = -f32[from + at];
    if (each) f32[loss + i] = one;
    sum += one;
    count++;
  });
  f32[blocks[1].pointer / 4] = count;
  if (!each) f32[loss] = attrs.reduction === "sum" ? sum : sum / count;
};

export const nllGrad: Fill<"nllGrad"> = (machine, [g, target, count], outputs, blocks, attrs) => {
  const one = attrs.reduction !== "none";
  if (g.dtype !== "float32" || !isDense(target) || !(one || isDense(g))) return false;
  const { f32, i32 } = machine.heap;
  const { shape } = outputs[0];
  const from = pointerOf(g) / 4;
  const to = blocks[0].pointer / 4;
  const divisor = attrs.reduction === "mean" ? f32[pointerOf(count) / 4] : 1;
  f32.fill(0, to, to + sizeOf(shape));
  eachTarget(i32, pointerOf(target) / 4, shape, attrs, (i, at) => {
    f32[to + at] = -f32[one ? from : from + i] / divisor;
  });
};
