import type { Backend } from "./backend.js";
import { type DType, dtypeWord, getDefaultDType, isFloatingPoint, isInteger, promote } from "./dtype.js";
import { DTypeError, ValueError } from "./errors.js";
import { TensorBase } from "./tensor/base.js";
import type { Tensor } from "./tensor/tensor.js";

/** A plain value beside a tensor: its dtype gives way to the tensor's. */
export type Scalar = number | bigint | boolean;

/** An operand of a pointwise op. */
export type TensorOrScalar = Tensor | Scalar;

/** True for tensors. */
export function isTensor(value: unknown): value is Tensor {
  return value instanceof TensorBase;
}

/** The order in which kinds of dtype win: bool, integer, floating point. */
function category(dtype: DType): number {
  return isFloatingPoint(dtype) ? 2 : isInteger(dtype) ? 1 : 0;
}

const TWO_63 = 2 ** 63;

/** True if a plain value stands for an integer: JavaScript cannot tell 2 from 2.0. */
export function isIntegral(value: Scalar): boolean {
  return typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value) && Math.abs(value) < TWO_63);
}

/** The dtype that a plain value would have as a tensor. */
function scalarDType(value: Scalar, backend: Backend | undefined): DType {
  if (typeof value === "boolean") return "bool";
  if (!isIntegral(value)) return getDefaultDType();
  return backend === undefined || backend.limits.dtypes.has("int64") ? "int64" : "int32";
}

/** `strong` unless `weak` is of a higher kind; bools and floats promote to the wider of both. */
function combine(strong: DType | null, weak: DType | null): DType | null {
  if (strong === null || weak === null) return strong ?? weak;
  return category(weak) > category(strong) ? promote(strong, weak) : strong;
}

const widen = (a: DType | null, b: DType): DType => (a === null ? b : promote(a, b));

/**
 * The dtype in which an op of these operands computes. Tensors without dimensions and plain values give way to tensors with dimensions,
 * unless they are of a higher kind (floating point over integer over bool).
 *
 * Source: https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
 * @example
 * resultType(tensor([1, 2], { dtype: "int32" }), 2.5); // "float32"
 */
export function resultType(...operands: readonly TensorOrScalar[]): DType {
  let strong: DType | null = null;
  let zeroDim: DType | null = null;
  let plain: DType | null = null;
  const backend = operands.find(isTensor)?.storage.backend;
  for (const x of operands) {
    if (!isTensor(x)) plain = widen(plain, scalarDType(x, backend));
    else if (x.ndim > 0) strong = widen(strong, x.dtype);
    else zeroDim = widen(zeroDim, x.dtype);
  }
  return combine(strong, combine(zeroDim, plain)) ?? getDefaultDType();
}

/** The smallest dtype that both convert to. */
export function promoteTypes(a: DType, b: DType): DType {
  return promote(a, b);
}

/** True if an in-place op may convert `from` to `to`: never to a lower kind. */
export function canCast(from: DType, to: DType): boolean {
  return category(from) <= category(to);
}

/** @throws DTypeError if an in-place op would convert to a lower kind. */
export function checkCast(op: string, from: DType, to: DType): void {
  if (canCast(from, to)) return;
  throw new DTypeError(
    `${op}: result type ${dtypeWord(from)} can't be cast to the desired output type ${dtypeWord(to)}; ` +
      `use the op without the trailing underscore, or convert the tensor with .to("${from}")`,
    { dtypes: [from, to] },
  );
}

const RANGES: { readonly [D in DType]?: readonly [number, number] } = {
  uint8: [-255, 255],
  int8: [-128, 127],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  // The doubles next to its ends; bigints are compared as such.
  int64: [-TWO_63, TWO_63 - 1024],
};

/** @throws ValueError if an integer dtype cannot hold a plain value. */
export function checkScalarFits(op: string, value: Scalar, dtype: DType): void {
  const range = RANGES[dtype];
  if (range === undefined || typeof value === "boolean") return;
  const isLong = typeof value === "bigint" && dtype === "int64";
  if (isLong ? BigInt.asIntN(64, value) === value : Number(value) >= range[0] && Number(value) <= range[1]) return;
  throw new ValueError(`${op}: value cannot be converted to type ${dtype} without overflow, got ${value}`, { dtypes: [dtype] });
}
