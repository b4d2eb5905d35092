import { getBackend } from "./backend.js";
import { create, createFilled, type Defaults, finish, type SizeArgs, splitSizes, type TensorOptions } from "./creation-options.js";
import { convertArray, type DType, holds, type TypedArray } from "./dtype.js";
import { DTypeError, formatShape, ShapeError } from "./errors.js";
import { checkDevice, tensorOver } from "./evaluate.js";
import { parseNested, type TensorData } from "./nested.js";
import { isTensor, type Scalar } from "./promotion.js";
import { checkShape, rowMajor, type Shape, sizeOf } from "./shape.js";
import { requireArrayDType } from "./tensor/base.js";
import type { Tensor } from "./tensor/tensor.js";
import { constantValue, Storage } from "./value.js";

const NONE: TensorOptions = {};

/**
 * A tensor with a copy of the data: numbers give the default dtype (float32), booleans bool, bigints int64, host arrays their own dtype.
 * @throws ValueError for ragged arrays, with the position.
 * @example
 * tensor([[1, 2], [3, 4]]); // float32 [2, 2]
 * tensor([1, 2], { dtype: "int32" });
 */
export function tensor(data: TensorData | Tensor, options: TensorOptions = NONE): Tensor {
  if (isTensor(data)) {
    return finish(data.detach().to({ dtype: options.dtype ?? data.dtype, device: options.device ?? data.device, copy: true }), options);
  }
  const host = parseNested(data, options.dtype ?? undefined, "tensor");
  return create("tensor", host.shape, host.dtype, host.data, options);
}

/**
 * A tensor without dimensions. Beside tensors with dimensions it keeps its kind: `x.mul(scalar(2, "float32"))` of integers is float32.
 * @example
 * tensor([1, 2], { dtype: "int32" }).mul(scalar(2, "float32")).dtype; // "float32"
 */
export function scalar(value: Scalar, dtype?: DType, options: TensorOptions = NONE): Tensor {
  return createFilled("scalar", [], value, options, { dtype: dtype ?? dtypeOfScalar(value) });
}

/**
 * A tensor over a host array: each op reads it as it is then, and in-place ops write to it.
 * @throws ShapeError if the shape does not fit. @throws DTypeError if the array cannot hold the dtype.
 * @example
 * const a = new Float32Array(3);
 * fromTypedArray(a).add_(1); // a is now [1, 1, 1]
 */
export function fromTypedArray(array: TypedArray, options: TensorOptions & { readonly shape?: Shape } = NONE): Tensor {
  const dtype = options.dtype ?? requireArrayDType(array, "fromTypedArray");
  const shape = [...(options.shape ?? [array.length])];
  if (!holds(array, dtype)) {
    throw new DTypeError(`fromTypedArray: expected an array that holds ${dtype}, got ${array.constructor.name}; tensor() converts`, {
      dtypes: [dtype],
    });
  }
  checkShape(shape, "fromTypedArray");
  if (sizeOf(shape) !== array.length) {
    throw new ShapeError(`fromTypedArray: shape '${formatShape(shape)}' is invalid for input of size ${array.length}`, {
      shapes: [shape],
    });
  }
  const backend = getBackend(options.device ?? undefined, "fromTypedArray");
  checkDevice(backend, shape, dtype, "fromTypedArray");
  const storage = new Storage(constantValue(backend, shape, dtype, 0));
  storage.attach(array);
  return finish(tensorOver(storage, rowMajor(shape)), options);
}

/** The data as a tensor, copied only if it must be: tensors are converted, host arrays shared where their dtype fits. */
export function asTensor(data: TensorData | Tensor, options: TensorOptions = NONE): Tensor {
  if (isTensor(data)) return data.to({ dtype: options.dtype ?? data.dtype, device: options.device ?? data.device });
  if (ArrayBuffer.isView(data)) {
    const dtype = requireArrayDType(data, "asTensor");
    if (holds(data as TypedArray, dtype) && (options.dtype ?? dtype) === dtype) return fromTypedArray(data as TypedArray, options);
  }
  return tensor(data, options);
}

/** A tensor filled with one number, of the default dtype; with a boolean bool, with a bigint int64. */
export function full(shape: Shape, value: Scalar, options: TensorOptions = NONE): Tensor {
  return createFilled("full", shape, value, options, { dtype: dtypeOfScalar(value) });
}

function dtypeOfScalar(value: Scalar): DType | undefined {
  return typeof value === "boolean" ? "bool" : typeof value === "bigint" ? "int64" : undefined;
}

/**
 * Zeros.
 * @example
 * zeros(2, 3); // or zeros([2, 3], { dtype: "int32" })
 */
export function zeros(...args: SizeArgs<TensorOptions>): Tensor {
  const [shape, options] = splitSizes(args, NONE);
  return createFilled("zeros", shape, 0, options);
}

/** Ones. */
export function ones(...args: SizeArgs<TensorOptions>): Tensor {
  const [shape, options] = splitSizes(args, NONE);
  return createFilled("ones", shape, 1, options);
}

/** A tensor whose elements are to be overwritten; they are zeros. */
export function empty(...args: SizeArgs<TensorOptions>): Tensor {
  const [shape, options] = splitSizes(args, NONE);
  return createFilled("empty", shape, 0, options);
}

/** Zeros in the shape, dtype and device of `x`. */
export function zerosLike(x: Tensor, options: TensorOptions = NONE): Tensor {
  return fullLike(x, 0, options);
}

/** Ones in the shape, dtype and device of `x`. */
export function onesLike(x: Tensor, options: TensorOptions = NONE): Tensor {
  return fullLike(x, 1, options);
}

/** A tensor to be overwritten, in the shape, dtype and device of `x`. */
export function emptyLike(x: Tensor, options: TensorOptions = NONE): Tensor {
  return fullLike(x, 0, options);
}

/** One number in the shape, dtype and device of `x`. */
export function fullLike(x: Tensor, value: Scalar, options: TensorOptions = NONE): Tensor {
  return createFilled("fullLike", x.shape, value, options, defaultsOf(x));
}

/** The dtype and backend of `x`. */
function defaultsOf(x: Tensor): Defaults {
  return { dtype: x.dtype, backend: x.storage.backend };
}

/** Options with the dtype and device of `x` where they are left out. */
export function likeOptions<O extends TensorOptions>(x: Tensor, options: O): O {
  return { ...options, dtype: options.dtype ?? x.dtype, device: options.device ?? x.device };
}

/** A matrix with ones on the diagonal. @throws ShapeError for negative sizes. */
export function eye(n: number, ...rest: readonly [m?: number, options?: TensorOptions] | readonly [options: TensorOptions]): Tensor {
  const [m, options] = typeof rest[0] === "object" ? [n, rest[0]] : [rest[0] ?? n, rest[1] ?? NONE];
  for (const [name, size] of Object.entries({ n, m })) {
    if (!(size >= 0)) throw new ShapeError(`eye: ${name} must be greater or equal to 0, got ${size}`);
  }
  // Filled before the options apply: a leaf that trains takes no in-place writes.
  const base = createFilled("eye", [n, m], 0, { dtype: options.dtype, device: options.device });
  base.diagonal().fill_(1);
  return finish(base, options);
}

/** A tensor of host data in another dtype than the data's own. */
export function createConverted(op: string, shape: Shape, data: TypedArray, from: DType, options: TensorOptions): Tensor {
  const dtype = options.dtype ?? from;
  return create(op, shape, dtype, dtype === from ? data : convertArray(data, from, dtype), options);
}
