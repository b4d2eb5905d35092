import type { Backend, Handle } from "./backend.js";
import { type Box, fixBuffer, forgetBox, freeBox, generation, holdBuffer, moveBack, renewBuffer, Token, watchLater } from "./buffers.js";
import type { DType, TypedArray } from "./dtype.js";
import { convertScalar, numberArray } from "./dtype.js";
import { DisposedError, typeName, ValueError } from "./errors.js";
import type { FormulaOp } from "./extension.js";
import { decodeArray, encodeArray, isHalf } from "./half.js";
import type { ScalarOp } from "./scalar.js";
import { currentScope, type Disposable_, type Scope } from "./scope.js";
import { contiguousStrides, type Layout, type Shape, sizeOf } from "./shape.js";
import { tracer } from "./tracing.js";

/** One operand of a pending scalar op: a value read through strides that fit the op's shape. */
export interface Operand {
  readonly value: Value;
  readonly strides: readonly number[];
  readonly offset: number;
  /** Reads every element of `value` in order, so its expression can be taken over. */
  readonly whole: boolean;
}

/** A scalar op that has not run. */
export interface Pending {
  readonly op: ScalarOp | FormulaOp;
  readonly operands: readonly Operand[];
  /** Scalar ops and leaf inputs in the expression, shared ones counted each time. */
  readonly cost: number;
  readonly leaves: number;
}

/**
 * A write-once array on a device: a buffer, a number that fills it, or an expression that has not run. Classes of which each op makes one
 * have no `#methods`: engines mark every object for them, which takes longer than all else that a constructor does.
 */
export class Value implements Layout {
  readonly backend: Backend;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Its elements lie in row-major order. */
  readonly strides: readonly number[];
  readonly offset = 0;
  readonly size: number;
  /** Fills the whole value, and is its content while there is no buffer. */
  readonly constant: number | bigint | null;
  pending: Pending | null;
  /** Storages, tapes and pending values that hold this one. */
  owners = 0;
  /** Times that it was read while pending. */
  reads = 0;
  /** Nodes of a tape that keep it: whatever realises it writes it out. */
  saved = 0;
  /** The content on the host, where `prefetch` has read it. */
  copy: TypedArray | null = null;
  #handle: Handle | null = null;
  #box: Box | null = null;
  /** What the garbage collector watches in the value's place. */
  #token: Token | null = null;

  constructor(backend: Backend, shape: Shape, dtype: DType, constant: number | bigint | null, pending: Pending | null) {
    this.backend = backend;
    this.shape = shape;
    this.strides = contiguousStrides(shape);
    this.dtype = dtype;
    this.size = sizeOf(shape);
    this.constant = constant;
    this.pending = pending;
    if (pending !== null) {
      for (const operand of pending.operands) {
        operand.value.owners++;
        operand.value.reads++;
      }
    }
  }

  /** The buffer, or null while there is none. */
  get handle(): Handle | null {
    const handle = this.#handle;
    return handle === null || (this.#box as Box).generation === generation ? handle : this.renew(handle);
  }

  /** The buffer of an older generation, or the one that takes its place. */
  private renew(handle: Handle): Handle | null {
    const box = this.#box as Box;
    if (box.handle === null) this.hold(moveBack(this, handle));
    else renewBuffer(this.#token as Token, box);
    return this.#handle;
  }

  private hold(box: Box): void {
    this.#box = box;
    this.#handle = box.handle;
    this.#token = new Token();
    watchLater(this.#token, box);
  }

  /** Gives the value its buffer and lets go of the expression. */
  settle(handle: Handle): void {
    this.hold(holdBuffer(this, handle));
    this.dropPending();
  }

  /** Keeps the buffer where it is, so that others may keep the handle. */
  fix(): void {
    fixBuffer(this.#token as Token, this.#box as Box);
  }

  /** Takes the buffer away without freeing it: another value now owns it. */
  surrender(): void {
    if (this.handle === null) return;
    forgetBox(this.#box as Box);
    this.#handle = null;
  }

  /** Counts one owner more. */
  retain(): void {
    this.owners++;
  }

  /** Gives up one ownership; the last one frees the buffer. */
  release(): void {
    if (--this.owners > 0) return;
    if (this.#box !== null) freeBox(this.#box);
    this.#handle = null;
    this.dropPending();
  }

  private dropPending(): void {
    const pending = this.pending;
    if (pending === null) return;
    this.pending = null;
    for (const operand of pending.operands) operand.value.release();
  }
}

/** A value that is one number everywhere. */
export function constantValue(backend: Backend, shape: Shape, dtype: DType, value: number | bigint | boolean): Value {
  return new Value(backend, shape, dtype, normalizeNumber(value, dtype, shape), null);
}

/** A value with a buffer. */
export function settledValue(backend: Backend, shape: Shape, dtype: DType, handle: Handle): Value {
  const value = new Value(backend, shape, dtype, null, null);
  value.settle(handle);
  return value;
}

const float = new Float32Array(1);
const int = new Int32Array(1);

/** Rounds a number to what `dtype` holds; one beside tensors of float16 or bfloat16 keeps the precision that they are computed in. */
function normalizeNumber(value: number | bigint | boolean, dtype: DType, shape: Shape): number | bigint {
  if (typeof value !== "number" && typeof value !== "bigint" && typeof value !== "boolean") {
    throw new ValueError(`expected a number, boolean or bigint, got ${typeName(value)}`);
  }
  const converted = convertScalar(value, dtype);
  if (dtype === "float32" || (shape.length === 0 && isHalf(dtype))) return ((float[0] = converted as number), float[0]);
  if (dtype === "int32") return ((int[0] = converted as number), int[0]);
  if (dtype === "float64" || dtype === "int64" || dtype === "bool") return converted;
  const one = numberArray(dtype, 1);
  one[0] = converted as never;
  return decodeArray(encodeArray(one, dtype), dtype)[0];
}

/** A mutable cell that tensors share: in-place ops point it at another value. */
export class Storage implements Disposable_ {
  #value: Value;
  /** How the memory was freed, for the error of later use. */
  #freed: string | null = null;
  /** The user's own array, read at every use and written through. */
  host: TypedArray | null = null;
  /** Number of in-place writes. */
  version = 0;
  owner: Scope | null = null;
  place = 0;
  /** Free for autograd: what it knows about the base of the views here. */
  slot: unknown = undefined;

  constructor(value: Value) {
    this.#value = value;
    value.owners++;
    currentScope()?.add(this);
    if (tracer !== null) tracer.made(this);
  }

  /** The current content. @throws DisposedError after `dispose()`, or after the scope that owns it ended. */
  get value(): Value {
    if (this.#freed !== null) throw new DisposedError(`this tensor was freed ${this.#freed} to use it later`);
    if (tracer !== null) tracer.read(this, this.#value);
    if (this.host !== null) {
      const { backend, shape, dtype, size } = this.#value;
      if (this.host.length !== size) {
        throw new ValueError(
          `host memory: expected an array of ${size} elements, got ${this.host.length}: its buffer was transferred or resized`,
        );
      }
      return settledValue(backend, shape, dtype, backend.upload(this.host, dtype));
    }
    return this.#value;
  }

  get disposed(): boolean {
    return this.#freed !== null;
  }

  get backend(): Backend {
    return this.#value.backend;
  }

  get dtype(): DType {
    return this.#value.dtype;
  }

  get size(): number {
    return this.#value.size;
  }

  /** The shape of the content as a row-major array. */
  get shape(): Shape {
    return this.#value.shape;
  }

  /** True if nothing but this storage holds the value, so that a kernel may write over it. */
  get exclusive(): boolean {
    return this.#value.owners === 1 && this.#value.saved === 0 && this.host === null;
  }

  /** Points the cell at another value and counts a version. */
  set(value: Value): void {
    this.version++;
    if (value === this.#value) return;
    if (tracer !== null) tracer.wrote(this, value);
    value.owners++;
    const before = this.#value;
    this.#value = value;
    before.release();
  }

  /** Swaps the content for an equal one (a move to another device) without counting a version. */
  replace(value: Value): void {
    const version = this.version;
    this.set(value);
    this.version = version;
  }

  /** Makes the user's array the content. */
  attach(host: TypedArray): void {
    this.host = host;
  }

  /** Frees what it holds; `how` completes "this tensor was freed ...". */
  dispose(how = "at the end of the scope that made it; return it from the scope function or mark it with keep(t)"): void {
    if (this.#freed !== null) return;
    this.#freed = how;
    this.#value.release();
    this.owner?.remove(this);
    this.owner = null;
  }
}

/** A host array filled with a constant. */
export function filledArray(dtype: DType, length: number, value: number | bigint): TypedArray {
  const array = numberArray(dtype, length);
  if (value !== 0 && value !== 0n) (array as Float32Array).fill(value as number);
  else if (Object.is(value, -0)) (array as Float32Array).fill(-0);
  return encodeArray(array, dtype);
}
