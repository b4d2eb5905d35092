import { castingOf } from "../autocast-state.js";
import type { Backend } from "../backend.js";
import { apply, mutate } from "../dispatch.js";
import type { DType, TypedArray } from "../dtype.js";
import { dtypeWord, isFloatingPoint, isInteger, wideOf } from "../dtype.js";
import { DTypeError, formatShape, ShapeError, typeName, ValueError } from "../errors.js";
import { tensorOf } from "../evaluate.js";
import { encodeArray } from "../half.js";
import { normalizeDim, type Shape, sameShape } from "../shape.js";
import { constantValue, settledValue } from "../value.js";
import type { Tensor } from "./tensor.js";

/** A tensor, or a number that stands for one. */
export type Operand = Tensor | number;

type UnaryName = "abs" | "sqrt" | "rsqrt" | "exp" | "log" | "floor" | "isnan" | "bitwiseNot";
type BinaryName = "add" | "sub" | "mul" | "div" | "pow" | "maximum" | "minimum" | "logaddexp";
type CompareName = "eq" | "ne" | "lt" | "le" | "gt" | "ge" | "bitwiseAnd" | "bitwiseOr";
type Binary = (a: Tensor, b: Operand) => Tensor;
type Unary = (x: Tensor) => Tensor;

/** A number as a tensor beside `x`: it takes no memory and gets no gradient. */
export function constantLike(x: Tensor, value: number | bigint | boolean, dtype: DType = x.dtype, shape: Shape = []): Tensor {
  return tensorOf(constantValue(x.storage.backend, shape, dtype, value));
}

/** A tensor from host data; of float16 and bfloat16 it may be bits or numbers. */
export function fromHost(backend: Backend, shape: Shape, dtype: DType, data: TypedArray): Tensor {
  if (data.length === 0) return tensorOf(constantValue(backend, shape, dtype, 0));
  return tensorOf(settledValue(backend, shape, dtype, backend.upload(encodeArray(data, dtype), dtype)));
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
export const abs: Unary = unary("abs");
const sqrt: Unary = unary("sqrt");
export const rsqrt: Unary = unary("rsqrt");
export const exp: Unary = unary("exp");
export const log: Unary = unary("log");
export const floor: Unary = unary("floor");
export const isnan: Unary = unary("isnan");
export const not: Unary = unary("bitwiseNot");
export const add: Binary = binary("add");
export const sub: Binary = binary("sub");
export const mul: Binary = binary("mul");
export const div: Binary = binary("div");
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

/**
 * Computes in float32 what 16 bits would lose or overflow, such as means and sums of squares; `fn` also gets a function that brings its
 * other operands there. The result is converted back.
 */
export function inWide(x: Tensor, fn: (x: Tensor, widen: (t: Tensor) => Tensor) => Tensor): Tensor {
  const wide = isFloatingPoint(x.dtype) ? wideOf(x.dtype) : undefined;
  return wide === undefined ? fn(x, (t) => t) : fn(x.cast(wide), (t) => t.cast(wide)).cast(x.dtype);
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
  return sameShape(x.shape, shape) ? x : apply("expand", [x], { shape: [...shape] }, "Expand");
}

/** In another shape of the same size. */
export function reshapeTo(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : x.reshape(shape);
}

/** Dimensions in another order, as a view. */
export function permuteTo(x: Tensor, dims: readonly number[], label = "Permute"): Tensor {
  for (let i = 0; i < dims.length; i++) if (dims[i] !== i) return apply("permute", [x], { dims }, label);
  return x;
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
    throw new DTypeError(`${op}: ${message}, got ${x.dtype}; convert with .float() first`, { dtypes: [x.dtype] });
  }
}

/** An index tensor as int32. @throws DTypeError for floating-point and bool. */
export function indexTensor(index: Tensor, op: string): Tensor {
  if (!isInteger(index.dtype)) {
    throw new DTypeError(`${op}: Expected dtype int32 or int64 for index, got ${index.dtype}; convert with .int()`, {
      dtypes: [index.dtype],
    });
  }
  return narrowIndex(index);
}

/** Integers as int32; those beyond it become its bounds, so that they stay out of range instead of wrapping into it. */
export function narrowIndex(index: Tensor): Tensor {
  if (index.dtype !== "int64") return index.cast("int32");
  return maximum(minimum(index, 2 ** 31 - 1), -(2 ** 31)).cast("int32");
}

/** @throws ValueError for what is no tensor. */
export function expectTensor(op: string, x: unknown): void {
  if ((x as Tensor | null | undefined)?.storage) return;
  throw new ValueError(`${op}: expected a tensor, got ${typeName(x)}`);
}

/** Throws DTypeError unless all tensors have one dtype; where ops are cast, they get it afterwards. */
export function requireSameDType(op: string, ...tensors: readonly Tensor[]): void {
  for (let i = 0; i < tensors.length; i++) expectTensor(op, tensors[i]);
  const [first] = tensors;
  if (castingOf(first) !== undefined) return;
  for (let i = 1; i < tensors.length; i++) {
    const { dtype } = tensors[i];
    if (dtype === first.dtype) continue;
    const words = `${dtypeWord(first.dtype)} != ${dtypeWord(dtype)}`.toLowerCase();
    throw new DTypeError(`${op}: expected m1 and m2 to have the same dtype, but got: ${words}; convert one with .to()`, {
      dtypes: tensors.map((x) => x.dtype),
    });
  }
}

/** The result of an in-place op. @throws ShapeError unless it has the shape of the tensor that it replaces. */
export function fitting(op: string, target: Tensor, result: Tensor): Tensor {
  if (sameShape(target.shape, result.shape)) return result;
  throw new ShapeError(
    `${op}: output with shape ${formatShape(target.shape)} doesn't match the broadcast shape ${formatShape(result.shape)}; ` +
      "an in-place op cannot grow its tensor, use the op without the underscore",
    { shapes: [target.shape, result.shape] },
  );
}

/** Puts a result of the same dtype into its first operand. */
export const overwritten = (x: Tensor, op: string, result: Tensor): Tensor => mutate(x, fitting(op, x, result));

/** Adds the methods `name_` to a class, which write what those called `name` return into the tensor itself. */
export function defineInPlace(prototype: object, write: (x: Tensor, op: string, result: Tensor) => Tensor, names: string): void {
  for (const name of names.split(" ")) {
    const op = `${name}_`;
    const { [op]: value } = {
      [op](this: Tensor, ...args: unknown[]): Tensor {
        return write(this, op, (this as unknown as Record<string, (...args: unknown[]) => Tensor>)[name](...args));
      },
    };
    Object.defineProperty(prototype, op, { value, writable: true, configurable: true });
  }
}
