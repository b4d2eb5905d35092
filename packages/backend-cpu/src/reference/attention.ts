/**
 * Attention and its gradient.
 *
 * @module
 */
import type { AttentionAttrs } from "@sconce/core";
import { type ArrayOutput, type ArrayView, type ReferenceKernel, walk } from "./array.js";

/** Reads element (i, j) of one matrix of a batch. */
type Read = (i: number, j: number) => number;

/** Calls `visit` for each matrix of a batch. */
function eachMatrix(shape: readonly number[], inputs: readonly ArrayView[], visit: (reads: readonly Read[], batch: number) => void): void {
  const layouts = inputs.map(({ strides, offset, shape: own }) => ({ strides: strides.slice(0, shape.length - 2), offset, own }));
  walk(shape.slice(0, -2), layouts, (at, batch) => {
    const reads = inputs.map(({ data, strides }, k): Read => {
      const [row, column] = strides.slice(shape.length - 2);
      const start = at[k];
      return (i, j) => data[start + i * row + j * (column ?? 0)];
    });
    visit(reads, batch);
  });
}

/** The scores of one query; minus infinity where it does not look. */
function scoresOf(q: Read, k: Read, mask: Read | undefined, [keys, size]: readonly number[], { scale, causal }: AttentionAttrs) {
  return (i: number): number[] =>
    Array.from({ length: keys }, (_, j) => {
      if (causal && j > i) return Number.NEGATIVE_INFINITY;
      let sum = 0;
      for (let e = 0; e < size; e++) sum += q(i, e) * k(j, e);
      return sum * scale + (mask?.(i, j) ?? 0);
    });
}

export const attention: ReferenceKernel<"attention"> = (inputs, [output, saved], attrs) => {
  const [q, k] = inputs;
  const rank = q.shape.length;
  const [length, width] = output.shape.slice(rank - 2);
  const sizes = k.shape.slice(rank - 2);
  eachMatrix(q.shape, inputs, ([query, key, value, mask], batch) => {
    const scores = scoresOf(query, key, mask, sizes, attrs);
    for (let i = 0; i < length; i++) {
      const own = scores(i);
      const high = own.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const weights = own.map((x) => Math.exp(x - high));
      const total = weights.reduce((a, b) => a + b, 0);
      const row = batch * length + i;
      if (attrs.weights) for (const [j, w] of weights.entries()) saved.data[row * sizes[0] + j] = w / total;
      else saved.data[row] = high + Math.log(total);
      for (let v = 0; v < width; v++) {
        output.data[row * width + v] = weights.reduce((sum, w, j) => sum + w * value(j, v), 0) / total;
      }
    }
  });
};

export const attentionGrad: ReferenceKernel<"attentionGrad"> = (inputs, [dq, dk, dv], attrs) => {
  const rank = dq.shape.length;
  const [length, size] = dq.shape.slice(rank - 2);
  const [keys, width] = dv.shape.slice(rank - 2);
  const add = ({ data }: ArrayOutput, at: number, x: number): void => void (data[at] += x);
  for (const { data } of [dq, dk, dv]) data.fill(0);
  eachMatrix(dq.shape, inputs, ([grad, query, key, value, result, saved, mask], batch) => {
    const scores = scoresOf(query, key, mask, [keys, size], attrs);
    for (let i = 0; i < length; i++) {
      let along = 0;
      for (let v = 0; v < width; v++) along += grad(i, v) * result(i, v);
      for (const [j, score] of scores(i).entries()) {
        const weight = attrs.weights ? saved(i, j) : Math.exp(score - saved(i, 0));
        let slope = -along;
        for (let v = 0; v < width; v++) {
          slope += grad(i, v) * value(j, v);
          add(dv, (batch * keys + j) * width + v, weight * grad(i, v));
        }
        for (let e = 0; e < size; e++) {
          add(dq, (batch * length + i) * size + e, weight * slope * attrs.scale * key(j, e));
          add(dk, (batch * keys + j) * size + e, weight * slope * attrs.scale * query(i, e));
        }
      }
    }
  });
};
