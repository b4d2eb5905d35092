import { type DType, isFloatingPoint } from "../dtype.js";

/** What a kernel computes with: memory may hold it as another type. */
export type Kind = "float" | "int" | "byte" | "bool";

/** The kind of a dtype. */
export function kindOf(dtype: DType): Kind {
  if (dtype === "bool") return "bool";
  if (dtype === "uint8") return "byte";
  return isFloatingPoint(dtype) ? "float" : "int";
}

const TYPES: { readonly [K in Kind]: string } = { float: "float", int: "int", byte: "uint", bool: "bool" };

/** The type of a value of `dtype`. */
export function typeOf(dtype: DType): string {
  return TYPES[kindOf(dtype)];
}
