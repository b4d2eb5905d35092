import type { DType } from "@sconce/core";
import { type GoldenValue, isGoldenTensor } from "./golden.js";
import { goldenData } from "./values.js";

/** A golden value with its float32 tensors and dtypes in another floating-point dtype. */
export function inDType(value: GoldenValue, dtype: DType): GoldenValue {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => inDType(item as GoldenValue, dtype));
  if (isGoldenTensor(value)) {
    if (value.dtype !== "float32") return value;
    const data = [...goldenData(value)].map((x) => (Number.isFinite(x) ? Number(x) : String(x)));
    return { dtype, shape: value.shape, data, ...(value.strides === undefined ? {} : { strides: value.strides }) };
  }
  const entries = Object.entries(value as { readonly [key: string]: GoldenValue });
  return Object.fromEntries(entries.map(([key, item]) => [key, key === "$dtype" && item === "float32" ? dtype : inDType(item, dtype)]));
}
