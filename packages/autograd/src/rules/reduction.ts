import { apply, applyAll, applyFused, type FusedOp, type KernelOps, type ReduceOp, type Shape, type Tensor } from "@sconce/core";
import { mode } from "../mode.js";
import { cumulate, expand, filled, flip, indicator, iota, narrow, permute, reshape, sum, sumFromHere, where, zeros } from "./help.js";
import { A, B, of, type Rows, type Rules, Y, Z } from "./rule.js";

/** Puts reduced dimensions back, with size 1. */
function restore(x: Tensor, shape: Shape, dims: readonly number[]): Tensor {
  return reshape(
    x,
    shape.map((n, i) => (dims.includes(i) ? 1 : n)),
  );
}

/** The product of all others along a dimension: a zero among them needs no division. */
function productOfOthers(x: Tensor, dim: number): Tensor {
  const n = x.shape[dim];
  const before = shifted(cumulate(x, "prod", dim), dim, n);
  const after = flip(shifted(cumulate(flip(x, dim), "prod", dim), dim, n), dim);
  return before.mul(after);
}

/** One place further along a dimension, with 1 in front. */
function shifted(x: Tensor, dim: number, n: number): Tensor {
  const one = filled(
    x,
    x.shape.map((size, i) => (i === dim ? 1 : size)),
    1,
  );
  return apply("concat", [one, narrow(x, dim, 0, n - 1)], { dim });
}

function prodGrad(g: Tensor, x: Tensor, dims: readonly number[]): Tensor {
  if (x.numel() === 0) return zeros(x);
  const kept = x.shape.map((_, i) => i).filter((i) => !dims.includes(i));
  const order = [...kept, ...dims];
  const rows = permute(x, order);
  const others = productOfOthers(reshape(rows, [...kept.map((i) => x.shape[i]), -1]), kept.length);
  const back = order.map((_, i) => order.indexOf(i));
  return expand(restore(g, x.shape, dims), x.shape).mul(permute(reshape(others, rows.shape), back));
}

/** Shared evenly among equals. */
function extremeGrad(g: Tensor, x: Tensor, y: Tensor, dims: readonly number[]): Tensor {
  const hit = indicator(x.eq(restore(y, x.shape, dims)), x);
  return hit.mul(restore(g, x.shape, dims).div(sum(hit, dims)));
}

/** Without history: by division, with the elements at and after the first zero apart. */
function cumprodGrad(g: Tensor, x: Tensor, y: Tensor, dim: number): Tensor {
  const isZero = x.eq(0);
  const zerosSoFar = cumulate(indicator(isZero, x), "sum", dim);
  const isFirst = isZero.bitwiseAnd(zerosSoFar.eq(1));
  const early = sumFromHere(where(zerosSoFar.eq(0), g.mul(y), 0), dim).div(where(isZero, 1, x));
  const filledIn = cumulate(where(isFirst, 1, x), "prod", dim);
  const atFirst = sumFromHere(where(zerosSoFar.eq(1), g.mul(filledIn), 0), dim);
  return where(zerosSoFar.eq(0), early, where(isFirst, atFirst, 0));
}

/** As a composition that can be differentiated again, zeros or not: takes n² products. */
function cumprodGradRecorded(g: Tensor, x: Tensor, dim: number): Tensor {
  const last = x.ndim - 1;
  const n = x.shape[dim];
  const swap = x.shape.map((_, i) => (i === dim ? last : i === last ? dim : i));
  const rows = permute(x, swap); // [..., n]
  const row = [...rows.shape.slice(0, -1), 1, n];
  const square = [...rows.shape, n]; // [..., k, j]
  const j = iota(x, n);
  const k = reshape(j, [n, 1]);
  // x_j with 1 in place of x_k; its products up to j hold the k-th derivative from j = k on.
  const others = where(j.eq(k), 1, expand(reshape(rows, row), square));
  const products = where(j.ge(k), cumulate(others, "prod", last + 1), 0);
  return permute(sum(products.mul(reshape(permute(g, swap), row)), [last + 1], false), swap);
}

const sumRule: Rows<"reduce"> = [of((g, { attrs: { dims }, shapes: [shape] }) => expand(restore(g, shape, dims), shape))];
const prodRule: Rows<"reduce"> = [of(A, (g, x, { attrs: { dims } }) => prodGrad(g, x, dims))];
const extremeRule: Rows<"reduce"> = [of(A, Y, (g, x, y, { attrs: { dims } }) => extremeGrad(g, x, y, dims))];
const REDUCE: { readonly [O in ReduceOp]: Rows<"reduce"> | null } = {
  sum: sumRule,
  prod: prodRule,
  max: extremeRule,
  min: extremeRule,
  any: null,
  all: null,
};

const runningExtreme: Rows<"cumulate"> = [
  of(Z, (g, index, { attrs: { dim }, shapes: [shape] }) => apply("scatter", [zeros(g, shape), index, g], { dim, mode: "add" })),
];
const CUMULATE: { readonly [O in KernelOps["cumulate"]["op"]]: Rows<"cumulate"> } = {
  sum: [of((g, { attrs: { dim } }) => sumFromHere(g, dim))],
  prod: [of(A, Y, (g, x, y, { attrs: { dim } }) => (mode.enabled ? cumprodGradRecorded(g, x, dim) : cumprodGrad(g, x, y, dim)))],
  max: runningExtreme,
  min: runningExtreme,
};

/** Reductions, scans and what comes with an order. */
const softmaxGrad: FusedOp<"softmaxGrad"> = {
  name: "SoftmaxBackward",
  kernel: "softmaxGrad",
  results: 1,
  infer: ([g]) => [g],
  composed: ([g, y], { dim, log }) => [log ? g.sub(y.exp().mul(sum(g, [dim]))) : y.mul(g.sub(sum(g.mul(y), [dim])))],
};

export const reduction: Rules<"reduce" | "argReduce" | "cumulate" | "sort" | "softmax" | "nll" | "nllGrad"> = {
  reduce: { rows: ({ op }) => REDUCE[op] },
  argReduce: null,
  cumulate: { rows: ({ op }) => CUMULATE[op] },
  sort: [of(Z, (g, index, { attrs: { dim }, shapes: [shape] }) => apply("scatter", [zeros(g, shape), index, g], { dim, mode: "add" }))],
  softmax: [of(Y, (g, y, { attrs }) => (mode.enabled ? softmaxGrad.composed([g, y], attrs) : applyFused(softmaxGrad, [g, y], attrs))[0])],
  nll: [of(B, Z, (g, target, count, { attrs, shapes }) => apply("nllGrad", [g, target, count], { ...attrs, inputShape: shapes[0] })), null],
  nllGrad: [
    of(B, (v, target, { attrs: { dim, ignoreIndex, reduction } }) => applyAll("nll", [v, target], { dim, ignoreIndex, reduction })[0]),
    null,
    null,
  ],
};
