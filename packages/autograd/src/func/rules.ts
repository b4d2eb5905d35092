import {
  apply,
  applyAll,
  type Call,
  type ExtensionOps,
  type KernelOps,
  type PrimitiveName,
  type Primitives,
  SCALAR_OPS,
  type ScalarOp,
  sizeOf,
  stack,
  type Tensor,
  type ViewOps,
} from "@sconce/core";
import { type Level, type Operand, spreadOut } from "./batched.js";
import { convolution } from "./rules-conv.js";
import { likelihood } from "./rules-nll.js";

/** Runs an op on all examples at once: results have the examples in dimension 0. */
type BatchRule<K extends PrimitiveName> = (inputs: readonly Operand[], attrs: Primitives[K], level: Level) => readonly Tensor[];

type Batched = Exclude<PrimitiveName, ScalarOp>;

/** Elementwise: tensors of fewer dimensions get the missing ones behind that of the examples. */
function pointwise(op: PrimitiveName, inputs: readonly Operand[], attrs: Primitives[PrimitiveName]): readonly Tensor[] {
  const rank = Math.max(...inputs.map(({ tensor, batched }) => tensor.ndim - (batched ? 1 : 0)));
  const aligned = inputs.map(({ tensor, batched }) => (batched ? withRank(tensor, rank + 1) : tensor));
  return applyAll(op, aligned, attrs);
}

/** Size-1 dimensions behind the first, up to a number of dimensions. */
function withRank(x: Tensor, rank: number): Tensor {
  if (x.ndim >= rank) return x;
  const [examples, ...rest] = x.shape;
  return apply("reshape", [x], { shape: [examples, ...new Array<number>(rank - x.ndim).fill(1), ...rest] });
}

/** All inputs with the examples in front, and attributes that count from one dimension further. */
function shifted<K extends Batched>(op: K, change: (attrs: Primitives[K], size: number) => Primitives[K]): BatchRule<K> {
  return (inputs, attrs, { size }) =>
    applyAll(
      op,
      inputs.map((x) => spreadOut(x, size)),
      change(attrs, size),
    );
}

const nextDim = <A extends { readonly dim: number }>(attrs: A): A => ({ ...attrs, dim: attrs.dim + 1 });

const views: { readonly [K in keyof ViewOps]: BatchRule<K> } = {
  reshape: shifted("reshape", ({ shape }, size) => ({ shape: [size, ...shape] })),
  permute: shifted("permute", ({ dims }) => ({ dims: [0, ...dims.map((d) => d + 1)] })),
  expand: ([{ tensor }], { shape }, { size }) => [apply("expand", [withRank(tensor, shape.length + 1)], { shape: [size, ...shape] })],
  slice: shifted("slice", nextDim),
  select: shifted("select", nextDim),
  unsqueeze: shifted("unsqueeze", nextDim),
  squeeze: shifted("squeeze", ({ dims }) => ({ dims: dims.map((d) => d + 1) })),
  diagonal: shifted("diagonal", ({ offset, dim1, dim2 }) => ({ offset, dim1: dim1 + 1, dim2: dim2 + 1 })),
  unfold: shifted("unfold", nextDim),
  asStrided: ([{ tensor }], { shape, strides, offset }, { size }) => [
    apply("asStrided", [tensor], { shape: [size, ...shape], strides: [tensor.strides[0], ...strides], offset }),
  ],
  alias: shifted("alias", (attrs) => attrs),
  detach: shifted("detach", (attrs) => attrs),
};

/** A product whose left factor alone differs is one of more rows; else one of more batches. */
const matmul: BatchRule<"matmul"> = ([a, b], _, { size }) => {
  if (!b.batched && b.tensor.ndim === 2) {
    const [examples, rows, inner] = a.tensor.shape;
    const product = apply("matmul", [a.tensor.reshape([examples * rows, inner]), b.tensor], null);
    return [product.reshape([examples, rows, product.shape[1]])];
  }
  return [apply("matmul", [spreadOut(a, size), spreadOut(b, size)], null)];
};

const addmm: BatchRule<"addmm"> = ([bias, a, b], _, level) => {
  const [product] = a.batched || b.batched ? matmul([a, b], null, level) : [apply("matmul", [a.tensor, b.tensor], null)];
  const operand = { tensor: product, batched: a.batched || b.batched };
  return pointwise("add", [bias, operand], null);
};

/** An index that differs between examples as one of the rank of `like`: the same for all other dimensions than `dim`. */
function stretched(index: Tensor, like: Tensor, dim: number): Tensor {
  const [size, n] = index.shape;
  const ones = like.shape.map((_, d) => (d === 0 ? size : d === dim ? n : 1));
  const full = like.shape.map((length, d) => (d === 0 ? size : d === dim ? n : length));
  return apply("expand", [index.reshape(ones)], { shape: full });
}

/** What knows no batch runs on one example after the other. */
function oneByOne<K extends "host" | "fused">(op: K): BatchRule<K> {
  return (inputs, attrs, { size }) => {
    const all = inputs.map((x) => spreadOut(x, size));
    const results = Array.from({ length: size }, (_, i) =>
      applyAll(
        op,
        all.map((x) => apply("select", [x], { dim: 0, index: i })),
        attrs,
      ),
    );
    return results[0].map((_, k) => stack(results.map((outputs) => outputs[k])));
  };
}

const kernels: { readonly [K in keyof KernelOps | keyof ExtensionOps]: BatchRule<K> } = {
  ...convolution,
  ...likelihood,
  reduce: shifted("reduce", ({ op, dims, keepdim }) => ({ op, dims: dims.map((d) => d + 1), keepdim })),
  argReduce: shifted("argReduce", nextDim),
  matmul,
  addmm,
  gather: shifted("gather", nextDim),
  scatter: shifted("scatter", nextDim),
  indexSelect: ([x, index], attrs, { size }) => {
    const source = spreadOut(x, size);
    const next = nextDim(attrs);
    if (!index.batched) return [apply("indexSelect", [source, index.tensor], next)];
    return [apply("gather", [source, stretched(index.tensor, source, next.dim)], next)];
  },
  indexUpdate: ([x, index, source], attrs, { size }) => {
    const [into, from] = [spreadOut(x, size), spreadOut(source, size)];
    const next = nextDim(attrs);
    if (!index.batched) return [apply("indexUpdate", [into, index.tensor, from], next)];
    return [apply("scatter", [into, stretched(index.tensor, from, next.dim), from], next)];
  },
  updateSlice: ([base, source], { layout: { shape, strides, offset } }, { size }) => {
    const into = spreadOut(base, size);
    const layout = { shape: [size, ...shape], strides: [sizeOf(into.shape.slice(1)), ...strides], offset };
    return [apply("updateSlice", [into, spreadOut(source, size)], { layout })];
  },
  cumulate: shifted("cumulate", nextDim),
  sort: shifted("sort", nextDim),
  softmax: shifted("softmax", nextDim),
  concat: shifted("concat", nextDim),
  random: (_, attrs, { size }) => [apply("random", [], { ...attrs, shape: [size, ...attrs.shape] })],
  transfer: shifted("transfer", (attrs) => attrs),
  formula: (inputs, attrs) => pointwise("formula", inputs, attrs),
  host: oneByOne("host"),
  fused: oneByOne("fused"),
};

const RULES: { readonly [K in Batched]: BatchRule<K> } = { ...views, ...kernels };

/** Runs an op of which some inputs differ between examples. */
export function runBatched({ op, attrs }: Call, inputs: readonly Operand[], level: Level): readonly Tensor[] {
  if (op in SCALAR_OPS) return pointwise(op, inputs, attrs);
  return (RULES[op as Batched] as BatchRule<PrimitiveName>)(inputs, attrs, level);
}
