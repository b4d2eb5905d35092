import { apply, type ScatterMode, type Tensor } from "@sconce/core";
import { indicator, narrow, where, wholly, zeros } from "./help.js";
import { A, B, C, each, of, type Rows, type Rules, Y } from "./rule.js";

type Combine = "scatter" | "indexUpdate";

/** Reads at the positions of an index. */
type Pick = (x: Tensor, index: Tensor, dim: number) => Tensor;
/** Combines a source into the positions of an index. */
type Put = (x: Tensor, index: Tensor, source: Tensor, dim: number, mode: ScatterMode) => Tensor;

const gather: Pick = (x, index, dim) => apply("gather", [x, index], { dim });
const scatter: Put = (x, index, source, dim, mode) => apply("scatter", [x, index, source], { dim, mode });
const indexSelect: Pick = (x, index, dim) => apply("indexSelect", [x, index], { dim });
const indexUpdate: Put = (x, index, source, dim, mode) => apply("indexUpdate", [x, index, source], { dim, mode });

/** A source that is a factor of its position: the product of the other factors there, of which one may be zero. */
function factorGrad(g: Tensor, x: Tensor, index: Tensor, source: Tensor, dim: number, pick: Pick, put: Put): Tensor {
  const isZero = source.eq(0);
  const zerosThere = pick(put(zeros(x), index, indicator(isZero, x), dim, "add"), index, dim);
  const onlyZero = isZero.bitwiseAnd(zerosThere.eq(1));
  const rest = pick(g.mul(put(x, index, where(onlyZero, 1, source), dim, "mul")), index, dim);
  const all = pick(g.mul(put(x, index, source, dim, "mul")), index, dim);
  return where(onlyZero, rest, all.div(where(isZero, 1, source)));
}

/** For max and min: the gradient at each position shared evenly among those that equal the result. */
function share(g: Tensor, x: Tensor, index: Tensor, source: Tensor, y: Tensor, dim: number, pick: Pick, put: Put): Tensor {
  const hits = indicator(source.eq(pick(y, index, dim)), x);
  return g.div(put(indicator(x.eq(y), x), index, hits, dim, "add"));
}

/** The rules of ops that combine a source into positions, by how they combine. */
function combining<K extends Combine>(pick: Pick, put: Put): { readonly [M in ScatterMode]: Rows<K> } {
  const extreme: Rows<Combine> = [
    of(A, B, C, Y, (g, x, index, source, y, { attrs: { dim } }) =>
      indicator(x.eq(y), x).mul(share(g, x, index, source, y, dim, pick, put)),
    ),
    null,
    of(A, B, C, Y, (g, x, index, source, y, { attrs: { dim } }) =>
      indicator(source.eq(pick(y, index, dim)), x).mul(pick(share(g, x, index, source, y, dim, pick, put), index, dim)),
    ),
  ];
  const picked = of<Combine>(B, (g, index, { attrs: { dim } }) => pick(g, index, dim));
  const rows: { readonly [M in ScatterMode]: Rows<Combine> } = {
    set: [of(B, (g, index, { attrs: { dim }, shapes }) => put(g, index, zeros(g, shapes[2]), dim, "set")), null, picked],
    add: [of((g) => g), null, picked],
    mul: [
      of(B, C, (g, index, source, { attrs: { dim } }) => put(g, index, source, dim, "mul")),
      null,
      of(A, B, C, (g, x, index, source, { attrs: { dim } }) => factorGrad(g, x, index, source, dim, pick, put)),
    ],
    max: extreme,
    min: extreme,
  };
  return rows as { readonly [M in ScatterMode]: Rows<K> };
}

const SCATTER: { readonly [M in ScatterMode]: Rows<"scatter"> } = combining(gather, scatter);
const INDEX_UPDATE: { readonly [M in ScatterMode]: Rows<"indexUpdate"> } = combining(indexSelect, indexUpdate);

/** Where input number `input` starts in a concatenation. */
function startOf(shapes: readonly (readonly number[])[], dim: number, input: number): number {
  let start = 0;
  for (let i = 0; i < input; i++) start += shapes[i][dim];
  return start;
}

type Indexing = "gather" | "scatter" | "indexSelect" | "indexUpdate" | "updateSlice" | "concat";

/** Reading and writing at positions: each is the other's gradient. */
export const indexing: Rules<Indexing> = {
  gather: [of(B, (g, index, { attrs: { dim }, shapes: [shape] }) => scatter(zeros(g, shape), index, g, dim, "add")), null],
  scatter: { rows: ({ mode }) => SCATTER[mode] },
  indexSelect: [of(B, (g, index, { attrs: { dim }, shapes: [shape] }) => indexUpdate(zeros(g, shape), index, g, dim, "add")), null],
  indexUpdate: { rows: ({ mode }) => INDEX_UPDATE[mode] },
  updateSlice: [
    of((g, { attrs: { layout } }) => apply("updateSlice", [g, zeros(g, layout.shape)], { layout })),
    of((g, { attrs: { layout } }) => apply("asStrided", [wholly(g)], layout)),
  ],
  concat: each((g, { attrs: { dim }, shapes }, input) => narrow(g, dim, startOf(shapes, dim, input), shapes[input][dim])),
};
