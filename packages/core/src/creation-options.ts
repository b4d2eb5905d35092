import { type Backend, type Device, getBackend } from "./backend.js";
import { checkDType, type DType, getDefaultDType, isFloatingPoint, type TypedArray } from "./dtype.js";
import { checkDevice, tensorOf } from "./evaluate.js";
import { isHalf, roundToHalf } from "./half.js";
import { checkScalarFits, type Scalar } from "./promotion.js";
import { checkShape, type Shape } from "./shape.js";
import { fromHost } from "./tensor/compose.js";
import type { Tensor } from "./tensor/tensor.js";
import { constantValue } from "./value.js";

/** Dtype and device of a new tensor; autograd adds `requiresGrad`. */
export interface TensorOptions {
  /** Element type; what the function documents if it is left out. */
  readonly dtype?: DType | null | undefined;
  /** Where the tensor lives; the default device if it is left out. */
  readonly device?: Device | null | undefined;
}

/** Sizes, as one array or as separate numbers, and options after them. */
export type SizeArgs<O> = readonly [shape: Shape, options?: O] | readonly number[] | readonly [...sizes: number[], options: O];

/** The sizes and options of an argument list. */
export function splitSizes<O extends object>(args: SizeArgs<O>, none: O): [Shape, O] {
  const [first, second] = args;
  if (Array.isArray(first)) return [first as Shape, (second as O | undefined) ?? none];
  const last = args[args.length - 1];
  return typeof last === "object" && last !== null ? [args.slice(0, -1) as number[], last as O] : [args as readonly number[], none];
}

/** Something that an option does to every new tensor. */
export type TensorOptionHook = (tensor: Tensor, options: TensorOptions) => void;

const hooks: TensorOptionHook[] = [];

/** Gives the creation functions another option: declare it by merging into {@link TensorOptions}. */
export function addTensorOption(hook: TensorOptionHook): void {
  hooks.push(hook);
}

/** Applies the added options to a new tensor. */
export function finish(tensor: Tensor, options: TensorOptions): Tensor {
  for (const hook of hooks) hook(tensor, options);
  return tensor;
}

/** What takes the place of options that are left out. */
export interface Defaults {
  readonly dtype?: DType | undefined;
  readonly backend?: Backend;
}

const NO_DEFAULTS: Defaults = {};

/** A new tensor of host data. */
export function create(
  op: string,
  shape: Shape,
  dtype: DType,
  data: TypedArray,
  options: TensorOptions,
  defaults: Defaults = NO_DEFAULTS,
): Tensor {
  return finish(fromHost(target(op, shape, dtype, options, defaults), [...shape], dtype, data), options);
}

/**
 * A new tensor of one number; it takes no memory until it is read or written.
 * @throws ValueError if the dtype cannot hold the number.
 */
export function createFilled(op: string, shape: Shape, value: Scalar, options: TensorOptions, defaults: Defaults = NO_DEFAULTS): Tensor {
  const dtype = options.dtype ?? defaults.dtype ?? getDefaultDType();
  const backend = target(op, shape, dtype, options, defaults);
  checkScalarFits(op, value, dtype);
  // The caller's array may change later; a tensor's shape must not.
  const number = isHalf(dtype) ? roundToHalf(Number(value), dtype) : value;
  return finish(tensorOf(constantValue(backend, [...shape], dtype, number)), options);
}

function target(op: string, shape: Shape, dtype: DType, { device }: TensorOptions, defaults: Defaults): Backend {
  checkShape(shape, op);
  checkDType(dtype, op);
  const backend = device == null && defaults.backend !== undefined ? defaults.backend : getBackend(device ?? undefined, op);
  checkDevice(backend, shape, dtype, op);
  return backend;
}

/** The numbers of `linspace`, from both ends so that the last one is exact. */
export function evenly(start: number, end: number, steps: number, dtype: DType): (i: number) => number {
  const round = dtype === "float64" ? (x: number): number => x : Math.fround;
  const [first, last] = [start, end].map(isFloatingPoint(dtype) ? round : Math.trunc);
  const step = steps > 1 ? round(round(last - first) / (steps - 1)) : 0;
  const half = Math.floor(steps / 2);
  return (i) => (steps === 1 || i < half ? round(first + round(step * i)) : round(last - round(step * (steps - i - 1))));
}
