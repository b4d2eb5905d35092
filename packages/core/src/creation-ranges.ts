import { createConverted } from "./creation.js";
import { create, evenly, type TensorOptions } from "./creation-options.js";
import { type DType, getDefaultDType, isFloatingPoint, numberArray } from "./dtype.js";
import { formatShape, NotSupportedError, ShapeError, ValueError } from "./errors.js";
import { checkScalarFits, isTensor } from "./promotion.js";
import { broadcastAll, checkShape } from "./shape.js";
import type { Tensor } from "./tensor/tensor.js";

const NONE: TensorOptions = {};

/** `end`, or `start, end`, or `start, end, step`, and options after them. */
export type RangeArgs =
  | readonly [end: number, options?: TensorOptions]
  | readonly [start: number, end: number, options?: TensorOptions]
  | readonly [start: number, end: number, step: number, options?: TensorOptions];

/**
 * Numbers from `start` (0) to `end` (not included), `step` (1) apart: int32 if all three are integers, else the default dtype.
 * @throws ValueError if the step is 0 or points away from the end.
 * @example
 * arange(3); // [0, 1, 2], int32
 * arange(0, 1, 0.25); // [0, 0.25, 0.5, 0.75], float32
 */
export function arange(...args: RangeArgs): Tensor {
  const numbers = args.filter((x) => typeof x === "number");
  const last = args[args.length - 1];
  const options = typeof last === "object" ? last : NONE;
  const [start, end, step] = numbers.length === 1 ? [0, numbers[0], 1] : [numbers[0], numbers[1], numbers[2] ?? 1];
  checkRange("arange", start, end, step);
  const whole = Number.isInteger(start) && Number.isInteger(end) && Number.isInteger(step);
  const dtype = options.dtype ?? (whole ? "int32" : getDefaultDType());
  const base = isFloatingPoint(dtype) ? start : Math.trunc(start);
  const by = isFloatingPoint(dtype) ? step : Math.trunc(step);
  const length = Math.ceil(((isFloatingPoint(dtype) ? end : Math.trunc(end)) - base) / by);
  return sequence("arange", length, dtype, (i) => base + i * by, options);
}

function checkRange(op: string, start: number, end: number, step: number): void {
  if (!Number.isFinite(start) || !Number.isFinite(end)) throw new ValueError(`${op}: unsupported range: ${start} -> ${end}`);
  if (step === 0 || Number.isNaN(step)) throw new ValueError(`${op}: step must be nonzero, got ${step}`);
  if ((end - start) * step < 0) {
    throw new ValueError(`${op}: upper bound and larger bound inconsistent with step sign, got ${start} to ${end} by ${step}`);
  }
}

function sequence(op: string, length: number, dtype: DType, at: (i: number) => number, options: TensorOptions): Tensor {
  const data = numberArray(dtype, length);
  // Those between are no further out.
  if (length > 0) for (const i of [0, length - 1]) checkScalarFits(op, at(i), dtype);
  if (dtype === "int64") for (let i = 0; i < length; i++) data[i] = BigInt(Math.trunc(at(i)));
  else if (dtype === "bool") for (let i = 0; i < length; i++) data[i] = at(i) === 0 ? 0 : 1;
  else for (let i = 0; i < length; i++) data[i] = at(i);
  return create(op, [length], dtype, data, options);
}

function checkSteps(op: string, steps: number): void {
  if (!Number.isInteger(steps) || steps < 0) throw new ValueError(`${op}: number of steps must be non-negative, got ${steps}`);
}

/**
 * `steps` numbers from `start` to `end`, both included, evenly apart.
 * @throws ValueError unless `steps` is a non-negative integer.
 * @example
 * linspace(0, 1, 5); // [0, 0.25, 0.5, 0.75, 1]
 */
export function linspace(start: number, end: number, steps: number, options: TensorOptions = NONE): Tensor {
  checkSteps("linspace", steps);
  const dtype = options.dtype ?? getDefaultDType();
  return sequence("linspace", steps, dtype, evenly(start, end, steps, dtype), options);
}

/** `base` to the powers of {@link linspace}. */
export function logspace(start: number, end: number, steps: number, options: TensorOptions & { readonly base?: number } = NONE): Tensor {
  const { base = 10 } = options;
  checkSteps("logspace", steps);
  const dtype = options.dtype ?? getDefaultDType();
  const exponent = evenly(start, end, steps, dtype);
  return sequence("logspace", steps, dtype, (i) => base ** exponent(i), options);
}

const MAX_CELLS = 2 ** 28;

/** Positions `[2, N]` (rows, columns) of the elements of a triangle, row by row. */
function triangleIndices(rows: number, columns: number, keep: (row: number, column: number) => boolean, options: TensorOptions): Tensor {
  checkShape([rows, columns], "triangleIndices");
  if (rows * columns > MAX_CELLS) {
    throw new NotSupportedError(`triangleIndices: expected at most ${MAX_CELLS} cells, got ${formatShape([rows, columns])}`);
  }
  const found: [number[], number[]] = [[], []];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (keep(row, column)) {
        found[0].push(row);
        found[1].push(column);
      }
    }
  }
  return createConverted("triangleIndices", [2, found[0].length], Int32Array.from(found.flat()), "int32", options);
}

/** Options of {@link trilIndices} and {@link triuIndices}. */
export interface TriangleOptions extends TensorOptions {
  /** The diagonal that bounds the triangle. */
  readonly offset?: number;
}

/** Positions `[2, N]` of the lower triangle of a matrix, as int32. */
export function trilIndices(rows: number, columns: number, options: TriangleOptions = NONE): Tensor {
  const { offset = 0 } = options;
  return triangleIndices(rows, columns, (row, column) => column - row <= offset, options);
}

/** Positions `[2, N]` of the upper triangle of a matrix, as int32. */
export function triuIndices(rows: number, columns: number, options: TriangleOptions = NONE): Tensor {
  const { offset = 0 } = options;
  return triangleIndices(rows, columns, (row, column) => column - row >= offset, options);
}

/**
 * Grids of coordinates: result i repeats vector i along all other dimensions.
 * @throws ShapeError unless all are vectors or without dimensions.
 * @example
 * const [x, y] = meshgrid([arange(3), arange(2)]); // both [3, 2]
 */
export function meshgrid(vectors: readonly Tensor[], { indexing = "ij" }: { readonly indexing?: "ij" | "xy" } = {}): Tensor[] {
  for (const v of vectors) {
    if (!isTensor(v) || v.ndim > 1) {
      throw new ShapeError(`meshgrid: Expected 0D or 1D tensors, got ${isTensor(v) ? `${v.ndim}D` : typeof v}`);
    }
  }
  if (indexing !== "ij" && indexing !== "xy") {
    throw new ValueError(`meshgrid: indexing must be one of "xy" or "ij", but received: ${indexing}`);
  }
  const swap = indexing === "xy" && vectors.length > 1;
  const list = swap ? [vectors[1], vectors[0], ...vectors.slice(2)] : vectors;
  const shape = list.map((v) => v.numel());
  const grids = list.map((v, i) => v.reshape(shape.map((n, d) => (d === i ? n : 1))).expand(shape));
  return swap ? [grids[1], grids[0], ...grids.slice(2)] : grids;
}

/** The shape that shapes broadcast to. @throws ShapeError if they do not. */
export function broadcastShapes(...shapes: readonly (readonly number[])[]): readonly number[] {
  return broadcastAll(shapes, "broadcastShapes");
}

/** Tensors stretched to their common shape. */
export function broadcastTensors(...tensors: readonly Tensor[]): Tensor[] {
  const shape = broadcastAll(
    tensors.map((t) => t.shape),
    "broadcastTensors",
  );
  return tensors.map((t) => t.expand(shape));
}
