import type { DType } from "@sconce/core";

/** What a kernel computes with: dtypes differ in texture and kernel, since textures hold floats alone. */
export type Kind = "float" | "int" | "byte" | "bool";

/** The kind of a dtype that the device has. */
export function kindOf(dtype: DType): Kind {
  if (dtype === "float32") return "float";
  if (dtype === "int32") return "int";
  if (dtype === "uint8") return "byte";
  if (dtype === "bool") return "bool";
  throw new Error(`internal: no kernels for ${dtype}`);
}

const TYPES: { readonly [K in Kind]: string } = { float: "float", int: "int", byte: "uint", bool: "bool" };

/** GLSL's type of a value of `dtype`. */
export function typeOf(dtype: DType): string {
  return TYPES[kindOf(dtype)];
}

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
