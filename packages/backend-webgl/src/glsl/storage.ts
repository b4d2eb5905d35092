import type { DType } from "@sconce/core";
import { type Helpers, kindOf } from "@sconce/core/shader";

/** The text of a value read from a texture, where it is a float. */
export function fromStorage(dtype: DType, text: string): string {
  const kind = kindOf(dtype);
  if (kind === "float") return text;
  if (kind === "int") return `sc_load_int(${text})`;
  return kind === "byte" ? `uint(${text})` : `(${text} != 0.0)`;
}

/** The text of a value as a texture stores it. */
export function toStorage(dtype: DType, text: string): string {
  const kind = kindOf(dtype);
  if (kind === "float") return text;
  return kind === "int" ? `sc_store_int(${text})` : `float(${text})`;
}

/** Helpers for integers, which textures hold as floats: what these cannot hold exactly is stored as NaN, reads as the smallest integer and so stays lost. */
export const STORAGE: Helpers = {
  sc_store_int: "float sc_store_int(int x) { return select(float(x), sc_nan(), x < -16777216 || x > 16777216); }",
  sc_load_int: "int sc_load_int(float x) { return select(int(x), int(0x80000000u), sc_isnan(x)); }",
  sc_float_of: "float sc_float_of(int x) { return select(float(x), sc_nan(), x == int(0x80000000u)); }",
};
