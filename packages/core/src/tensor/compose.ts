import type { Backend } from "../backend.js";
import { apply } from "../dispatch.js";
import type { DType, TypedArray } from "../dtype.js";
import { isFloatingPoint } from "../dtype.js";
import { DTypeError, ShapeError } from "../errors.js";
import { tensorOf } from "../evaluate.js";
import { normalizeDim, type Shape } from "../shape.js";
import { constantValue, settledValue } from "../value.js";
import type { Tensor } from "./tensor.js";

/** A tensor, or a number that stands for one. */
export type Operand = Tensor | number;

type UnaryName = "neg" | "abs" | "sign" | "sqrt" | "rsqrt" | "exp" | "log" | "reciprocal" | "floor" | "isnan" | "bitwiseNot" | "square";
type BinaryName = "add" | "sub" | "mul" | "div" | "floorDivide" | "remainder" | "pow" | "maximum" | "minimum" | "logaddexp";
type CompareName = "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "bitwiseAnd" | "bitwiseOr";
type Binary = (a: Tensor, b: Operand) => Tensor;
type Unary = (x: Tensor) => Tensor;

/** A number as a tensor beside `x`: it takes no memory and gets no gradient. */
export function constantLike(x: Tensor, value: number | bigint | boolean, dtype: DType = x.dtype, shape: Shape = []): Tensor {
  return tensorOf(constantValue(x.storage.backend, shape, dtype, value));
}

/** A tensor from host data. */
export function fromHost(backend: Backend, shape: Shape, dtype: DType, data: TypedArray): Tensor {
  if (data.length === 0) return tensorOf(constantValue(backend, shape, dtype, 0));
  return tensorOf(settledValue(backend, shape, dtype, backend.upload(data, dtype)));
}

/** A 1-d int32 tensor of positions on the device of `x`. */
export function positions(x: Tensor, list: readonly number[] | Int32Array): Tensor {
  return fromHost(x.storage.backend, [list.length], "int32", Int32Array.from(list));
}

const unary =
  (op: UnaryName): Unary =>
  (x) =>
    apply(op, [x], null);
const binary =
  (op: BinaryName | CompareName): Binary =>
  (a, b) =>
    apply(op, [a, typeof b === "number" ? constantLike(a, b) : b], null);

// Scalar ops on operands of one dtype, for compositions.
export const neg: Unary = unary("neg");
export const abs: Unary = unary("abs");
export const sqrt: Unary = unary("sqrt");
export const rsqrt: Unary = unary("rsqrt");
export const exp: Unary = unary("exp");
export const log: Unary = unary("log");
export const floor: Unary = unary("floor");
export const isnan: Unary = unary("isnan");
export const not: Unary = unary("bitwiseNot");
export const square: Unary = unary("square");
export const add: Binary = binary("add");
export const sub: Binary = binary("sub");
export const mul: Binary = binary("mul");
export const div: Binary = binary("div");
export const floorDivide: Binary = binary("floorDivide");
export const remainder: Binary = binary("remainder");
export const pow: Binary = binary("pow");
export const minimum: Binary = binary("minimum");
export const maximum: Binary = binary("maximum");
export const logaddexp: Binary = binary("logaddexp");
export const eq: Binary = binary("eq");
export const ne: Binary = binary("ne");
export const lt: Binary = binary("lt");
export const le: Binary = binary("le");
export const gt: Binary = binary("gt");
export const ge: Binary = binary("ge");
export const and: Binary = binary("bitwiseAnd");
export const or: Binary = binary("bitwiseOr");

/** `a` where the condition holds, else `b`; numbers take the dtype of the other. */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  const like = (typeof a === "number" ? b : a) as Tensor;
  const of = (x: Operand) => (typeof x === "number" ? constantLike(like, x) : x);
  return apply("where", [condition, of(a), of(b)], null);
}

/** The root of values that are not negative, with gradient 0 at 0 (PyTorch's rule for norms and standard deviations). */
export function safeSqrt(x: Tensor): Tensor {
  const zero = eq(x, 0);
  return where(zero, 0, sqrt(where(zero, 1, x)));
}

/** The dimension inserted, as a view. */
export function unsqueezeAt(x: Tensor, dim: number): Tensor {
  return apply("unsqueeze", [x], { dim }, "Unsqueeze");
}

/** The dimensions of size 1 left out, as a view. */
export function squeezeAt(x: Tensor, ...dims: readonly number[]): Tensor {
  return apply("squeeze", [x], { dims }, "Squeeze1");
}

/** Entries `start` to `start + length` along a dimension, as a view. */
export function narrowAt(x: Tensor, dim: number, start: number, length: number): Tensor {
  return start === 0 && length === x.shape[dim] ? x : apply("slice", [x], { dim, start, step: 1, length }, "Slice");
}

/** Stretched to a shape that is known to fit, as a view. */
export function expandTo(x: Tensor, shape: Shape): Tensor {
  return x.shape.length === shape.length && x.shape.every((n, i) => n === shape[i])
    ? x
    : apply("expand", [x], { shape: [...shape] }, "Expand");
}

/** Dimensions in another order, as a view. */
export function permuteTo(x: Tensor, dims: readonly number[], label = "Permute"): Tensor {
  return dims.every((d, i) => d === i) ? x : apply("permute", [x], { dims }, label);
}

/** Positions 0 to n - 1 as int32. */
export function iota(x: Tensor, n: number): Tensor {
  return positions(
    x,
    Int32Array.from({ length: n }, (_, i) => i),
  );
}

/** Runs what works along one dimension; a tensor without dimensions counts as one element. */
export function alongDim(x: Tensor, dim: number, op: string, fn: (x: Tensor, dim: number) => readonly Tensor[]): readonly Tensor[] {
  const d = normalizeDim(dim, x.ndim, op);
  return x.ndim > 0 ? fn(x, d) : fn(x.reshape([1]), 0).map((y) => y.reshape([]));
}

/** Throws DTypeError unless `x` is floating-point. */
export function requireFloat(x: Tensor, op: string, message: string): void {
  if (!isFloatingPoint(x.dtype)) {
    throw new DTypeError(`${op}: ${message}, got ${x.dtype}; convert with .float() first`, { op, dtypes: [x.dtype] });
  }
}

/** An index tensor as int32. @throws DTypeError for floating-point and bool. */
export function indexTensor(index: Tensor, op: string): Tensor {
  if (index.dtype !== "int32" && index.dtype !== "int64" && index.dtype !== "uint8") {
    throw new DTypeError(`${op}: Expected dtype int32 or int64 for index, got ${index.dtype}; convert with .int()`, {
      op,
      dtypes: [index.dtype],
    });
  }
  return index.cast("int32");
}

/** Throws ShapeError with the shapes of `tensors`. */
export function refuse(op: string, message: string, ...tensors: readonly { readonly shape: Shape }[]): never {
  throw new ShapeError(`${op}: ${message}`, { op, shapes: tensors.map((t) => t.shape) });
}
