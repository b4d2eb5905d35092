import { checkDType, convertScalar, type DType, dtypeOfArray, getDefaultDType, isInteger, numberArray, type TypedArray } from "./dtype.js";
import { ValueError } from "./errors.js";
import { checkScalarFits } from "./promotion.js";
import type { Shape } from "./shape.js";

/** What `tensor` reads: a value, nested arrays of values, or host arrays. */
export type TensorData = number | bigint | boolean | TypedArray | Uint8ClampedArray | readonly TensorData[];

/** Elements on the host, row-major; those of float16 and bfloat16 as numbers. */
export interface HostTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: TypedArray;
}

/** Kinds of elements seen, as bits. */
const BOOL = 1;
const BIGINT = 2;
const NUMBER = 4;

type Sequence = ArrayLike<unknown>;

function isSequence(value: unknown): value is Sequence {
  return Array.isArray(value) || dtypeOfArray(value) !== undefined;
}

/**
 * Reads nested arrays: numbers give the default dtype, bigints int64, booleans bool, host arrays their own.
 * @throws ValueError at the first element that does not fit, with its position, or that an integer dtype cannot hold.
 */
export function parseNested(source: TensorData, wanted: DType | undefined, op: string): HostTensor {
  if (wanted !== undefined) checkDType(wanted, op);
  const shape = shapeOf(source);
  const dtype = wanted ?? inferDType(source);
  const flat = dtypeOfArray(source);
  const data = numberArray(
    dtype,
    shape.reduce((a, b) => a * b, 1),
  );
  if (flat === dtype) (data as Float32Array).set(source as Float32Array);
  else new Reader(op, shape, dtype, data).read(source, 0, []);
  return { shape, dtype, data };
}

const MAX_DEPTH = 64;

/** The sizes along the first element of each level. */
function shapeOf(source: unknown): number[] {
  const shape: number[] = [];
  for (let level = source; isSequence(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > MAX_DEPTH) throw new ValueError(`tensor: expected at most ${MAX_DEPTH} nested levels; does the array hold itself?`);
    if (level.length === 0) break;
  }
  return shape;
}

function inferDType(source: TensorData): DType {
  const typed = firstArrayDType(source);
  if (typed !== undefined) return typed;
  const seen = kindsIn(source);
  if (seen === 0 || (seen & NUMBER) !== 0) return getDefaultDType();
  return (seen & BIGINT) !== 0 ? "int64" : "bool";
}

function firstArrayDType(source: unknown): DType | undefined {
  let level = source;
  while (Array.isArray(level) && level.length > 0) level = level[0];
  return dtypeOfArray(level);
}

function kindsIn(source: unknown): number {
  if (typeof source === "number") return NUMBER;
  if (typeof source === "boolean") return BOOL;
  if (typeof source === "bigint") return BIGINT;
  let seen = 0;
  if (Array.isArray(source)) for (const item of source) seen |= kindsIn(item);
  return seen;
}

/** Copies elements in order and checks that every level has the length of the first. */
class Reader {
  readonly #op: string;
  readonly #shape: Shape;
  readonly #dtype: DType;
  readonly #data: TypedArray;
  /** Plain numbers must fit an integer dtype; those of host arrays wrap, as numpy's do. */
  #checked: boolean;
  #at = 0;

  constructor(op: string, shape: Shape, dtype: DType, data: TypedArray) {
    this.#op = op;
    this.#shape = shape;
    this.#dtype = dtype;
    this.#data = data;
    this.#checked = isInteger(dtype);
  }

  read(source: unknown, depth: number, path: readonly number[]): void {
    if (isSequence(source)) {
      if (depth === this.#shape.length) this.#fail(`expected a value, got a sequence of length ${source.length}`, path);
      if (source.length !== this.#shape[depth]) {
        this.#fail(`expected sequence of length ${this.#shape[depth]} at dim ${depth} (got ${source.length})`, path);
      }
      const leaf = depth === this.#shape.length - 1;
      this.#checked = isInteger(this.#dtype) && Array.isArray(source);
      for (let i = 0; i < source.length; i++) {
        const item = source[i];
        if (leaf && typeof item === "number" && this.#dtype !== "int64") this.#number(item);
        else this.read(item, depth + 1, [...path, i]);
      }
    } else if (depth < this.#shape.length) {
      this.#fail(`expected sequence of length ${this.#shape[depth]} at dim ${depth} (got ${describe(source)})`, path);
    } else if (typeof source === "number" || typeof source === "bigint" || typeof source === "boolean") {
      if (this.#checked) checkScalarFits(this.#op, source, this.#dtype);
      this.#data[this.#at++] = convertScalar(source, this.#dtype) as never;
    } else {
      this.#fail(`expected a number, boolean or bigint, got ${describe(source)}`, path);
    }
  }

  #number(item: number): void {
    if (this.#checked) checkScalarFits(this.#op, item, this.#dtype);
    this.#data[this.#at++] = (this.#dtype === "bool" ? (item === 0 ? 0 : 1) : item) as never;
  }

  #fail(what: string, path: readonly number[]): never {
    const where = path.length === 0 ? "" : ` at position [${path.join("][")}]`;
    throw new ValueError(`${this.#op}: ${what}${where}`);
  }
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return `${value.constructor?.name ?? "an object"}; stack() joins tensors`;
}
