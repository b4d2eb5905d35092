import type { AvgPoolAttrs, ConvAttrs, Device, KernelName, Kernels, NllAttrs, PoolAttrs, ReduceOp, ScatterMode, Spec } from "./backend.js";
import type { DType } from "./dtype.js";
import type { FormulaOp, HostOp } from "./extension.js";
import type { KernelOp } from "./fused.js";
import type { ScalarOp } from "./scalar.js";
import { broadcastStrides, contiguousStrides, type Layout, reducedShape, type Shape, viewStrides } from "./shape.js";

/** View ops by attributes: they change the layout and share the storage. */
export interface ViewOps {
  reshape: { readonly shape: Shape };
  permute: { readonly dims: readonly number[] };
  expand: { readonly shape: Shape };
  slice: { readonly dim: number; readonly start: number; readonly step: number; readonly length: number };
  select: { readonly dim: number; readonly index: number };
  unsqueeze: { readonly dim: number };
  squeeze: { readonly dims: readonly number[] };
  diagonal: { readonly offset: number; readonly dim1: number; readonly dim2: number };
  unfold: { readonly dim: number; readonly size: number; readonly step: number };
  asStrided: { readonly shape: Shape; readonly strides: readonly number[]; readonly offset: number };
  alias: null;
  /** The same memory without history. */
  detach: null;
}

/** Scalar ops by attributes: only `cast` has one. */
export type ScalarAttrs = { readonly [K in ScalarOp]: K extends "cast" ? { readonly dtype: DType } : null };

/** Ops that run a kernel of their own, by attributes. Inputs are those of {@link Kernels}. */
export interface KernelOps {
  reduce: { readonly op: ReduceOp; readonly dims: readonly number[]; readonly keepdim: boolean };
  argReduce: { readonly op: "max" | "min"; readonly dim: number; readonly keepdim: boolean };
  matmul: null;
  /** `[bias, a, b]`, in the order of PyTorch's `addmm`. */
  addmm: null;
  conv: ConvAttrs;
  convInput: ConvAttrs & { readonly inputShape: Shape };
  convWeight: ConvAttrs & { readonly weightShape: Shape };
  maxPool: PoolAttrs & { readonly outputSize: readonly number[] };
  avgPool: AvgPoolAttrs & { readonly outputSize: readonly number[] };
  avgPoolGrad: AvgPoolAttrs & { readonly inputShape: Shape };
  gather: { readonly dim: number };
  scatter: { readonly dim: number; readonly mode: ScatterMode };
  indexSelect: { readonly dim: number };
  indexUpdate: { readonly dim: number; readonly mode: ScatterMode };
  /** `[base, source]`: base with the region of `layout` (relative to base's row-major elements) replaced by source. */
  updateSlice: { readonly layout: Layout };
  cumulate: { readonly op: "sum" | "prod" | "max" | "min"; readonly dim: number };
  sort: { readonly dim: number; readonly descending: boolean };
  softmax: { readonly dim: number; readonly log: boolean };
  nll: NllAttrs;
  nllGrad: NllAttrs & { readonly inputShape: Shape };
  concat: { readonly dim: number };
  random: { readonly shape: Shape; readonly seed: number; readonly offset: number; readonly device: Device };
  /** Copies to another device. */
  transfer: { readonly device: Device };
}

/** Ops outside of the tables, by the object that describes them. */
export interface ExtensionOps {
  formula: { readonly op: FormulaOp; readonly params: null };
  host: { readonly op: HostOp; readonly params: unknown };
  fused: { readonly op: KernelOp; readonly params: Kernels[KernelName] };
}

/** Every primitive by attributes. Whatever else there is composes these. */
export type Primitives = ScalarAttrs & ViewOps & KernelOps & ExtensionOps;
/** Names of the primitives. */
export type PrimitiveName = keyof Primitives;

/** The layout rule of each view op. */
export const VIEWS: { readonly [K in keyof ViewOps]: (x: Layout, attrs: ViewOps[K]) => Layout } = {
  // Methods copy first where no strides fit, so there are some here.
  reshape: (x, { shape }) => ({ shape, strides: viewStrides(x.shape, x.strides, shape) ?? contiguousStrides(shape), offset: x.offset }),
  permute: ({ shape, strides, offset }, { dims }) => ({ shape: pick(shape, dims), strides: pick(strides, dims), offset }),
  expand: (x, { shape }) => ({ shape, strides: broadcastStrides(x.shape, x.strides, shape), offset: x.offset }),
  slice: (x, { dim, start, step, length }) => ({
    shape: replaceAt(x.shape, dim, length),
    strides: replaceAt(x.strides, dim, x.strides[dim] * step),
    offset: x.offset + (length > 0 ? start * x.strides[dim] : 0),
  }),
  select: (x, { dim, index }) => ({
    shape: removeAt(x.shape, dim),
    strides: removeAt(x.strides, dim),
    offset: x.offset + index * x.strides[dim],
  }),
  unsqueeze: (x, { dim }) => {
    const stride = dim < x.shape.length ? x.shape[dim] * x.strides[dim] : 1;
    return { shape: insertAt(x.shape, dim, 1), strides: insertAt(x.strides, dim, stride), offset: x.offset };
  },
  squeeze: (x, { dims }) => ({
    shape: x.shape.filter((_, i) => !dims.includes(i)),
    strides: x.strides.filter((_, i) => !dims.includes(i)),
    offset: x.offset,
  }),
  diagonal: (x, { offset, dim1, dim2 }) => {
    const rows = x.shape[dim1] - Math.max(-offset, 0);
    const columns = x.shape[dim2] - Math.max(offset, 0);
    const length = Math.max(Math.min(rows, columns), 0);
    const start = length === 0 ? 0 : offset >= 0 ? offset * x.strides[dim2] : -offset * x.strides[dim1];
    const rest = x.shape.map((_, i) => i).filter((i) => i !== dim1 && i !== dim2);
    return {
      shape: [...rest.map((i) => x.shape[i]), length],
      strides: [...rest.map((i) => x.strides[i]), x.strides[dim1] + x.strides[dim2]],
      offset: x.offset + start,
    };
  },
  unfold: (x, { dim, size, step }) => ({
    shape: [...replaceAt(x.shape, dim, Math.floor((x.shape[dim] - size) / step) + 1), size],
    strides: [...replaceAt(x.strides, dim, x.strides[dim] * step), x.strides[dim]],
    offset: x.offset,
  }),
  asStrided: (_, attrs) => attrs,
  alias: (x) => x,
  detach: (x) => x,
};

/** The shape rule of each kernel op. */
export const INFER: { readonly [K in keyof KernelOps]: (inputs: readonly Spec[], attrs: KernelOps[K]) => readonly Spec[] } = {
  reduce: ([x], { op, dims, keepdim }) => [
    { shape: reducedShape(x.shape, dims, keepdim), dtype: op === "any" || op === "all" ? "bool" : x.dtype },
  ],
  argReduce: ([x], { dim, keepdim }) => [{ shape: reducedShape(x.shape, [dim], keepdim), dtype: "int32" }],
  matmul: ([a, b]) => [matmulSpec(a, b)],
  addmm: ([, a, b]) => [matmulSpec(a, b)],
  conv: ([x, w], attrs) => [{ shape: convShape(x.shape, w.shape, attrs), dtype: x.dtype }],
  convInput: ([g], { inputShape }) => [{ shape: inputShape, dtype: g.dtype }],
  convWeight: ([g], { weightShape }) => [{ shape: weightShape, dtype: g.dtype }],
  maxPool: ([{ shape, dtype }], { outputSize }) => {
    const pooled = [shape[0], shape[1], ...outputSize];
    return [
      { shape: pooled, dtype },
      { shape: pooled, dtype: "int32" },
    ];
  },
  avgPool: ([x], { outputSize }) => [{ shape: x.shape.slice(0, 2).concat(outputSize), dtype: x.dtype }],
  avgPoolGrad: ([g], { inputShape }) => [{ shape: inputShape, dtype: g.dtype }],
  gather: ([x, index]) => [{ shape: index.shape, dtype: x.dtype }],
  scatter: ([x]) => [x],
  indexSelect: ([x, index], { dim }) => [{ shape: replaceAt(x.shape, dim, index.shape[0]), dtype: x.dtype }],
  indexUpdate: ([x]) => [x],
  updateSlice: ([x]) => [x],
  cumulate: ([x], { op }) => (op === "max" || op === "min" ? [x, { shape: x.shape, dtype: "int32" }] : [x]),
  sort: ([x]) => [x, { shape: x.shape, dtype: "int32" }],
  softmax: ([x]) => [x],
  nll: ([x, target], { reduction }) => [
    { shape: reduction === "none" ? target.shape : [], dtype: x.dtype },
    { shape: [], dtype: x.dtype },
  ],
  nllGrad: ([g], { inputShape }) => [{ shape: inputShape, dtype: g.dtype }],
  concat: (inputs, { dim }) => [
    {
      shape: replaceAt(
        inputs[0].shape,
        dim,
        inputs.reduce((n, x) => n + x.shape[dim], 0),
      ),
      dtype: inputs[0].dtype,
    },
  ],
  random: (_, { shape }) => [{ shape, dtype: "float32" }],
  transfer: ([x]) => [x],
};

/** The shape of a convolution of `[N, C, ...]` with weights `[F, C / groups, ...]`. */
export function convShape(input: Shape, weight: Shape, { stride, padding, dilation }: Omit<ConvAttrs, "groups">): Shape {
  const shape = input.slice();
  shape[1] = weight[0];
  for (let d = 0; d < stride.length; d++) {
    shape[d + 2] = Math.floor((input[d + 2] + 2 * padding[d] - dilation[d] * (weight[d + 2] - 1) - 1) / stride[d]) + 1;
  }
  return shape;
}

function matmulSpec(a: Spec, b: Spec): Spec {
  const last = a.shape.length - 1;
  return { shape: replaceAt(a.shape, last, b.shape[last]), dtype: a.dtype };
}

function pick(list: readonly number[], positions: readonly number[]): number[] {
  const out = new Array<number>(positions.length);
  for (let i = 0; i < out.length; i++) out[i] = list[positions[i]];
  return out;
}

function replaceAt(list: readonly number[], i: number, value: number): number[] {
  const out = list.slice();
  out[i] = value;
  return out;
}

function removeAt(list: readonly number[], i: number): number[] {
  return [...list.slice(0, i), ...list.slice(i + 1)];
}

function insertAt(list: readonly number[], i: number, value: number): number[] {
  return [...list.slice(0, i), value, ...list.slice(i)];
}
