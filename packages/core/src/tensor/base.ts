import { type Device, getBackend } from "../backend.js";
import { apply, mutate } from "../dispatch.js";
import { DTYPES, type DType, dtypeOfArray, dtypeWord, hostArray, isFloatingPoint, itemSize, type TypedArray } from "../dtype.js";
import { formatShape, NotSupportedError, SconceError, ShapeError, ValueError } from "../errors.js";
import { contiguousValue, readNow, tensorOver } from "../evaluate.js";
import { realise } from "../fusion.js";
import { decodeArray } from "../half.js";
import { printTensor } from "../printing.js";
import { isContiguous, type Layout, normalizeDim, type Shape, sizeOf } from "../shape.js";
import { breathe } from "../tick.js";
import { tracer } from "../tracing.js";
import { filledArray, type Storage, type Value } from "../value.js";
import type { Tensor } from "./tensor.js";

/** Nested arrays of a tensor's elements; a plain value for a tensor without dimensions. */
export type NestedArray = number | bigint | boolean | NestedArray[];

/** Where and as what `.to()` converts. */
export interface ToOptions {
  readonly device?: Device;
  readonly dtype?: DType;
  /** Copies even if nothing changes. */
  readonly copy?: boolean;
}

/** What every tensor has: layout, dtype, device, reading. */
export class TensorBase implements Layout {
  /** Sizes of the dimensions. */
  readonly shape: Shape;
  /** Distance between neighbours along each dimension, in elements. */
  readonly strides: readonly number[];
  /** First element within the storage. */
  readonly offset: number;
  /** The memory, shared with all views of it. */
  readonly storage: Storage;
  /** A leaf that wants gradients; autograd reads it. */
  trainable = false;
  /** Free for autograd. */
  slot: unknown = undefined;

  /** For the library: tensors of data come from `tensor`. @throws ValueError without a layout. */
  constructor(storage: Storage, layout: Layout) {
    if (layout === undefined) throw new ValueError("new Tensor: expected a storage and its layout; tensor(data) makes a tensor of data");
    this.storage = storage;
    this.shape = layout.shape;
    this.strides = layout.strides;
    this.offset = layout.offset;
  }

  /** What a transform such as `vmap` computes with in place of this tensor, which stands for one example; null outside of transforms. */
  get wrapped(): Tensor | null {
    return null;
  }

  /** This, as the whole class. */
  protected get self(): Tensor {
    return this as unknown as Tensor;
  }

  get dtype(): DType {
    return this.storage.dtype;
  }

  get device(): Device {
    return this.storage.backend.name;
  }

  /** Number of dimensions. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Number of dimensions. */
  dim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  numel(): number {
    return sizeOf(this.shape);
  }

  /** The shape, or the size of one dimension. */
  size(): Shape;
  size(dim: number): number;
  size(dim?: number): Shape | number {
    return dim === undefined ? this.shape : this.shape[normalizeDim(dim, this.ndim, "size")];
  }

  /** Bytes of one element. */
  get itemsize(): number {
    return itemSize(this.dtype);
  }

  /** Bytes of all elements. */
  get nbytes(): number {
    return this.itemsize * this.numel();
  }

  /** The strides, or that of one dimension. */
  stride(): readonly number[];
  stride(dim: number): number;
  stride(dim?: number): readonly number[] | number {
    return dim === undefined ? this.strides : this.strides[normalizeDim(dim, this.ndim, "stride")];
  }

  /** First element within the storage. */
  storageOffset(): number {
    return this.offset;
  }

  /** True if the elements lie in row-major order without gaps. */
  isContiguous(): boolean {
    return isContiguous(this.shape, this.strides);
  }

  /** True for float16, bfloat16, float32 and float64. */
  isFloatingPoint(): boolean {
    return isFloatingPoint(this.dtype);
  }

  /** True once the scope that owns the memory has freed it. */
  get isDisposed(): boolean {
    return this.storage.disposed;
  }

  /** Size of the first dimension. @throws ShapeError for a tensor without dimensions. */
  get length(): number {
    if (this.ndim === 0) throw new ShapeError("length: len() of a 0-d tensor");
    return this.shape[0];
  }

  /** Marks the tensor as one that trains; autograd's `requiresGrad_`. */
  markTrainable(on = true): Tensor {
    this.trainable = on;
    if (on && tracer !== null) tracer.leaf(this);
    return this.self;
  }

  /** A tensor over the same memory, with the same or another layout, that knows nothing of gradients. */
  protected share(layout: Layout = this): Tensor {
    return tensorOver(this.storage, layout);
  }

  // ---- reading

  /**
   * Reads the elements in row-major order: bool as 0 or 1, int64 as a `BigInt64Array`, float16 and bfloat16 as their bits (see
   * {@link decodeArray}; `tolist` and `float().data()` give numbers).
   * @example
   * await tensor([[1, 2], [3, 4]]).data(); // Float32Array [1, 2, 3, 4]
   */
  async data(): Promise<TypedArray> {
    const value = contiguousValue(this.self);
    // Held while it is read; a copy made for the reading alone is freed after it.
    value.retain();
    try {
      const array = known(value) ?? (await value.backend.download(realise(value), value.dtype, value.size));
      await breathe();
      return array;
    } finally {
      value.release();
    }
  }

  /** Reads at once. @throws NotSupportedError where the device cannot block. */
  dataSync(): TypedArray {
    return readNow(this.self, "dataSync");
  }

  /**
   * The only element: a number, or a boolean for bool.
   * @throws ValueError unless there is exactly one, or if an int64 is beyond 2^53 (read `data()` for it).
   * @example
   * await tensor(2.5).item(); // 2.5
   */
  async item(): Promise<number> {
    checkSingle(this.self, "item");
    return toNumber(decodeArray(await this.data(), this.dtype)[0], "item");
  }

  /** Reads the only element at once. @throws NotSupportedError where the device cannot block. */
  itemSync(): number {
    checkSingle(this.self, "itemSync");
    return toNumber(decodeArray(readNow(this.self, "itemSync"), this.dtype)[0], "itemSync");
  }

  /**
   * Reads all elements as nested arrays; bool as booleans, int64 as numbers where they are safe integers. `T` names the nesting that
   * the shape has.
   * @example
   * const rows = await tensor([[1, 2], [3, 4]]).tolist<number[][]>();
   */
  async tolist<T extends NestedArray = NestedArray>(): Promise<T> {
    return nest(await this.data(), this.shape, this.dtype) as T;
  }

  /** Reads nested arrays at once. @throws NotSupportedError where the device cannot block. */
  tolistSync<T extends NestedArray = NestedArray>(): T {
    return nest(readNow(this.self, "tolistSync"), this.shape, this.dtype) as T;
  }

  /** What `JSON.stringify` writes: nested arrays. @throws NotSupportedError where the device cannot block: stringify `await tolist()`. */
  toJSON(): NestedArray {
    return nest(readNow(this.self, "toJSON"), this.shape, this.dtype);
  }

  /**
   * Moves the content to host memory and returns the array that is it from now on: in-place ops write to it, and later ops read it.
   * @throws NotSupportedError on a device that cannot block.
   * @throws ShapeError for a view.
   * @throws SconceError for a tensor that requires gradients: writes to the array would not be recorded.
   */
  typedArray(): TypedArray {
    const { storage } = this;
    if ((this as { readonly requiresGrad?: boolean }).requiresGrad === true) {
      throw new SconceError("typedArray: can't call typedArray() on a tensor that requires grad; use t.detach().typedArray()");
    }
    if (storage.host !== null) return storage.host;
    if (!this.isContiguous() || this.offset !== 0 || this.numel() !== storage.size) {
      throw new ShapeError(`typedArray: expected a whole contiguous tensor, got a view of ${formatShape(this.shape)}; clone() it first`, {
        shapes: [this.shape],
      });
    }
    const host = readNow(this.self, "typedArray");
    storage.attach(host);
    return host;
  }

  // ---- moving

  /**
   * Converts to a device, a dtype or both; the tensor itself if nothing changes.
   * @throws DTypeError if the device lacks the dtype. @throws DeviceError if the device is not started.
   * @example
   * tensor([1.7]).to("int32"); // tensor([1], dtype=int32)
   */
  to(target: Device | DType | Tensor | ToOptions, dtype?: DType): Tensor {
    const { device = this.device, dtype: type = this.dtype, copy = false } = toOptions(target, dtype);
    let out = this.self;
    if (type !== this.dtype && device !== this.device && !getBackend(device, "to").limits.dtypes.has(this.dtype)) out = out.cast(type);
    if (device !== this.device) out = apply("transfer", [out], { device }, "ToCopy");
    if (type !== out.dtype) out = out.cast(type);
    return copy && out === this.self ? out.clone() : out;
  }

  /** Converts to a device without blocking: the way from a device that cannot be read at once. The result is detached. */
  async toAsync(device: Device): Promise<Tensor> {
    if (device === this.device) return this.self;
    const to = getBackend(device, "toAsync");
    const data = await this.data();
    return this.self.onDevice(to, data);
  }

  /** A copy on the CPU, or the tensor itself if it is there. */
  cpu(): Tensor {
    return this.to({ device: "cpu" as Device });
  }

  /** As another dtype; the tensor itself if it has it. */
  cast(dtype: DType): Tensor {
    return dtype === this.dtype ? this.self : apply("cast", [this.self], { dtype }, "ToCopy");
  }

  /** As float32. */
  float(): Tensor {
    return this.cast("float32");
  }

  /** As float64. */
  double(): Tensor {
    return this.cast("float64");
  }

  /** As int32. */
  int(): Tensor {
    return this.cast("int32");
  }

  /** As int64. */
  long(): Tensor {
    return this.cast("int64");
  }

  /** As float16, stored in 16 bits and computed in float32. */
  half(): Tensor {
    return this.cast("float16");
  }

  /** As bfloat16, stored in 16 bits and computed in float32. */
  bfloat16(): Tensor {
    return this.cast("bfloat16");
  }

  /** As int16. */
  short(): Tensor {
    return this.cast("int16");
  }

  /** As int8. */
  char(): Tensor {
    return this.cast("int8");
  }

  /** As uint8. */
  byte(): Tensor {
    return this.cast("uint8");
  }

  /** As bool: true where not zero. */
  bool(): Tensor {
    return this.cast("bool");
  }

  /** PyTorch's name of the tensor's type, such as `torch.FloatTensor`. */
  type(): string {
    return `torch.${dtypeWord(this.dtype)}Tensor`;
  }

  /** The text that PyTorch prints. On a device that cannot block, the shape stands for the elements. Autograd adds its part. */
  toString(): string {
    return printTensor(this.self);
  }

  /**
   * The text in a template or beside a string. A tensor is no number: `a < b` and `+a` would compare and convert texts.
   * @throws NotSupportedError for an operator that wants a number.
   */
  [Symbol.toPrimitive](hint: "string" | "number" | "default"): string {
    if (hint !== "number") return this.toString();
    throw new NotSupportedError(
      "Tensor: expected a method, got a JavaScript operator, which does not compute with tensors; use a.lt(b) or a.sub(b), or await a.item() for a number",
    );
  }

  static {
    // `console.log` in Node prints the text.
    Object.defineProperty(TensorBase.prototype, Symbol.for("nodejs.util.inspect.custom"), {
      value(this: Tensor): string {
        return this.toString();
      },
    });
  }

  /** Frees the memory now; every tensor over it throws DisposedError from then on. */
  dispose(): void {
    this.storage.dispose("by its dispose(), or at the end of the block of its `using`; call that later, or clone() it first,");
  }

  /** Frees the memory at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Writes `source`, stretched and converted, into this tensor. Returns this. */
  protected assign(source: Tensor): Tensor {
    return mutate(this.self, source);
  }
}

function checkSingle(x: Tensor, op: string): void {
  if (x.numel() !== 1) {
    throw new ValueError(`${op}: only one element tensors can be converted to JavaScript scalars, got ${formatShape(x.shape)}`, {
      shapes: [x.shape],
    });
  }
}

function toOptions(target: Device | DType | Tensor | ToOptions, dtype?: DType): ToOptions {
  if (typeof target !== "string") {
    if (typeof target !== "object" || target === null)
      throw new ValueError(`to: expected a dtype, a device, a tensor or options, got ${target}`);
    return target instanceof TensorBase ? { device: target.device, dtype: target.dtype } : (target as ToOptions);
  }
  return isDType(target) ? { dtype: target } : { device: target, ...(dtype === undefined ? {} : { dtype }) };
}

function isDType(name: string): name is DType {
  return DTYPES.includes(name as DType);
}

/** The elements of a value that has no buffer to read: an empty one, or a number that fills it. */
function known(value: Value): TypedArray | null {
  if (value.size === 0) return hostArray(value.dtype, 0);
  return value.handle === null && value.constant !== null ? filledArray(value.dtype, value.size, value.constant) : null;
}

function toNumber(value: number | bigint, op: string): number {
  if (typeof value === "number") return value;
  const n = Number(value);
  if (!Number.isSafeInteger(n)) throw new ValueError(`${op}: ${value} is beyond 2^53; read it with data()`);
  return n;
}

function nest(array: TypedArray, shape: Shape, dtype: DType): NestedArray {
  const data = decodeArray(array, dtype);
  const leaf =
    dtype === "bool"
      ? (x: number | bigint) => x !== 0
      : (x: number | bigint) => (typeof x === "bigint" && Number.isSafeInteger(Number(x)) ? Number(x) : x);
  let at = 0;
  const build = (dim: number): NestedArray => {
    if (dim === shape.length) return leaf(data[at++]);
    const out = new Array<NestedArray>(shape[dim]);
    for (let i = 0; i < out.length; i++) out[i] = build(dim + 1);
    return out;
  };
  return build(0);
}

/** The dtype of a host array, or an error that names what is accepted. */
export function requireArrayDType(array: unknown, op: string): DType {
  const dtype = dtypeOfArray(array);
  if (dtype === undefined) {
    throw new ValueError(
      `${op}: expected a Float32Array, Float64Array, Int8Array, Int16Array, Int32Array, BigInt64Array or Uint8Array, got ${describe(array)}`,
    );
  }
  return dtype;
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "object";
}
