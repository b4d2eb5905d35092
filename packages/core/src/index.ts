/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Tensors, the primitives they are made of, and the interface that backends implement.
 * @module core
 */
export * from "./autocast.js";
export { captureCasting, inFullPrecision } from "./autocast-state.js";
export * from "./backend.js";
export { keepHandles, type MemoryInfo, memory, releaseHandles } from "./buffers.js";
export {
  asTensor,
  empty,
  emptyLike,
  eye,
  fromTypedArray,
  full,
  fullLike,
  ones,
  onesLike,
  scalar,
  tensor,
  zeros,
  zerosLike,
} from "./creation.js";
export { addTensorOption, type SizeArgs, type TensorOptionHook, type TensorOptions } from "./creation-options.js";
export * from "./creation-ranges.js";
export * from "./dispatch.js";
export * from "./distance.js";
export * from "./dtype.js";
export * from "./errors.js";
export * from "./evaluate.js";
export * from "./extension.js";
export * from "./finfo.js";
export * from "./format.js";
export * from "./functions.js";
export * from "./functions-indexing.js";
export * from "./functions-linalg.js";
export * from "./functions-math.js";
export * from "./functions-order.js";
export * from "./functions-pointwise.js";
export * from "./functions-reduction.js";
export * from "./functions-shape.js";
export * from "./functions-statistics.js";
export * from "./fused.js";
export { realise, realiseAll } from "./fusion.js";
export * from "./half.js";
export type { Index, IndexList } from "./indexing-spec.js";
export { type HostTensor, parseNested, type TensorData } from "./nested.js";
export * from "./options.js";
export { prefetch } from "./prefetch.js";
export * from "./primitives.js";
export { addPrintSuffix, type PrintSuffix } from "./printing.js";
export * from "./promotion.js";
export * from "./quantile.js";
export * from "./random/api.js";
export * from "./random/index.js";
export * from "./scalar.js";
export * from "./scope.js";
export * from "./scope-api.js";
export * from "./search.js";
export * from "./shape.js";
export * from "./statistics.js";
export type { AlphaOptions, DivOptions } from "./tensor/arithmetic.js";
export * from "./tensor/base.js";
export type { ToleranceOptions } from "./tensor/compare.js";
export { expectTensor } from "./tensor/compose.js";
export { checkElements } from "./tensor/host.js";
export type { SetAtOptions } from "./tensor/indexing.js";
export type { ScatterReduceOptions, ScatterReduction } from "./tensor/indexing-gather.js";
export type { DiagonalOptions, DimArgument, FlattenOptions, Sizes } from "./tensor/movement.js";
export type { ClampOptions, NanToNumOptions, ValueOptions } from "./tensor/pointwise.js";
export type { Dim, DimOptions, NormOptions, ReduceOptions, VarOptions } from "./tensor/reduction.js";
export type { UniqueOptions, UniqueResult } from "./tensor/reduction-count.js";
export type { SortOptions, TopkOptions } from "./tensor/reduction-order.js";
export type { DTypeOption } from "./tensor/reduction-scan.js";
export { ValuesIndices } from "./tensor/results.js";
export type { RandomOptions } from "./tensor/sampling.js";
export type { CovOptions, DiffOptions } from "./tensor/statistics.js";
export { Tensor } from "./tensor/tensor.js";
export * from "./tick.js";
export * from "./tracing.js";
export * from "./value.js";
