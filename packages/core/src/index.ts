/**
 * Tensors, the primitives they are made of, and the interface that backends implement.
 * @module core
 */
export * from "./backend.js";
export * from "./creation.js";
export * from "./dispatch.js";
export * from "./dtype.js";
export * from "./errors.js";
export * from "./evaluate.js";
export type { Index, IndexList } from "./indexing-spec.js";
export * from "./primitives.js";
export * from "./promotion.js";
export * from "./scalar.js";
export * from "./scope.js";
export * from "./shape.js";
export * from "./tensor/base.js";
export type { SetAtOptions } from "./tensor/indexing.js";
export type { ScatterReduceOptions, ScatterReduction } from "./tensor/indexing-gather.js";
export type { Dim, DimOptions, NormOptions, ReduceOptions, VarOptions } from "./tensor/reduction.js";
export type { UniqueOptions, UniqueResult } from "./tensor/reduction-count.js";
export type { QuantileOptions, SearchOptions, SortOptions, TopkOptions } from "./tensor/reduction-order.js";
export type { DTypeOption } from "./tensor/reduction-scan.js";
export { ValuesIndices } from "./tensor/results.js";
export { Tensor } from "./tensor/tensor.js";
export * from "./tick.js";
export * from "./value.js";
