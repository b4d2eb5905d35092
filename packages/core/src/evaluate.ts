import {
  type Backend,
  type Device,
  getBackend,
  type Handle,
  type HostFunction,
  type KernelName,
  type Kernels,
  type Spec,
  type View,
} from "./backend.js";
import { isCrowded, moveOld } from "./buffers.js";
import { type Decomposable, decompose } from "./decompositions.js";
import type { Call, Handler } from "./dispatch.js";
import type { DType, TypedArray } from "./dtype.js";
import { hostArray, itemSize, wideOf } from "./dtype.js";
import { DeviceError, DTypeError, formatShape, NotSupportedError, ShapeError } from "./errors.js";
import type { FormulaOp } from "./extension.js";
import { Fusion, realise } from "./fusion.js";
import { INFER, type KernelOps, type PrimitiveName, VIEWS } from "./primitives.js";
import { SCALAR_OPS, type ScalarOp } from "./scalar.js";
import { broadcastStrides, checkLayout, checkShape, isContiguous, type Layout, rowMajor, type Shape, sameShape, sizeOf } from "./shape.js";
import type { Tensor } from "./tensor/tensor.js";
import { tracer } from "./tracing.js";
import { filledArray, type Operand, Storage, settledValue, Value } from "./value.js";

/** Makes a tensor over a storage; given by tensor/tensor.ts, the end of the method chain. */
type Construct = (storage: Storage, layout: Layout) => Tensor;

let construct: Construct;

/** Sets the constructor and returns the innermost handler. */
export function evaluateWith(make: Construct): Handler {
  construct = make;
  return evaluate;
}

/** A new tensor that owns `value`. */
export function tensorOf(value: Value): Tensor {
  return construct(new Storage(value), value);
}

/** A tensor of what a kernel has computed. */
function resultOf(backend: Backend, { shape, dtype }: Spec, handle: Handle): Tensor {
  return tensorOf(settledValue(backend, shape, dtype, handle));
}

function resultsOf(backend: Backend, specs: readonly Spec[], handles: readonly Handle[]): readonly Tensor[] {
  const results = new Array<Tensor>(specs.length);
  for (let i = 0; i < specs.length; i++) results[i] = resultOf(backend, specs[i], handles[i]);
  return results;
}

/** A tensor that shares `storage`. */
export function tensorOver(storage: Storage, layout: Layout): Tensor {
  return construct(storage, layout);
}

type Evaluate = (call: Call) => readonly Tensor[];
type ViewRule = (x: Layout, attrs: unknown) => Layout;

/** What is known of a kernel op ahead of its calls. */
interface KernelRule {
  readonly op: Exclude<keyof KernelOps, "transfer">;
  readonly kernel: KernelName;
  readonly infer: (inputs: readonly Spec[], attrs: unknown) => readonly Spec[];
}

/** How each primitive is computed: an op costs one look-up by its name. */
const WAYS: ReadonlyMap<string, Evaluate> = new Map([
  ...Object.keys(SCALAR_OPS).map((op): [string, Evaluate] => [op, (call) => [evaluateScalar(op as ScalarOp, call)]]),
  ...Object.entries(VIEWS).map(([op, rule]): [string, Evaluate] => [op, (call) => [evaluateView(rule as ViewRule, call)]]),
  ...Object.entries(INFER).map(([op, infer]): [string, Evaluate] => {
    const rule = { op, kernel: op === "addmm" ? "matmul" : op, infer } as KernelRule;
    return [op, (call) => evaluateKernel(rule, call)];
  }),
  ["transfer", ({ inputs, attrs }) => [transfer(inputs[0], (attrs as KernelOps["transfer"]).device)]],
  ["formula", (call) => [evaluateFormula(call as Call<"formula">)]],
  ["host", (call) => evaluateHost(call as Call<"host">)],
  ["fused", (call) => evaluateFused(call as Call<"fused">)],
]);

function evaluate(call: Call): readonly Tensor[] {
  if (isCrowded) moveOld();
  return (WAYS.get(call.op) as Evaluate)(call);
}

function evaluateView(rule: ViewRule, { op, inputs, attrs }: Call): Tensor {
  const [x] = inputs;
  const layout = rule(x, attrs);
  checkLayout(layout, x.storage.size, op);
  return construct(x.storage, layout);
}

// ---- scalar ops: grow an expression

function evaluateScalar(op: ScalarOp, { inputs, attrs }: Call): Tensor {
  const backend = commonBackend(op, inputs);
  const shape = commonShape(inputs);
  const dtype = op === "cast" ? (attrs as { dtype: DType }).dtype : resultDType(op, inputs);
  checkDevice(backend, shape, dtype, op);
  // Values are write-once, so a copy is a second owner until one of them is written.
  if (op === "cast" && dtype === inputs[0].dtype) return copyOf(inputs[0]);
  const value = pendingValue(backend, op, shape, dtype, inputs);
  if (op === "cast" && dtype === "float32" && inputs[0].storage.value.copy !== null) value.copy = floatsOf(inputs[0]);
  return tensorOf(value);
}

/** What is known of whole numbers is known of them as floats, too. */
function floatsOf(x: Tensor): TypedArray | null {
  const { dtype } = x.storage;
  return dtype === "bool" || dtype === "uint8" || dtype === "int32" ? Float32Array.from(elementsNow(x) as Int32Array) : null;
}

function evaluateFormula({ inputs, attrs: { op } }: Call<"formula">): Tensor {
  const backend = commonBackend(op.name, inputs);
  const shape = commonShape(inputs);
  checkDevice(backend, shape, inputs[0].dtype, op.name);
  return tensorOf(pendingValue(backend, op, shape, inputs[0].dtype, inputs));
}

function commonShape(inputs: readonly Tensor[]): Shape {
  let { shape } = inputs[0];
  for (let i = 1; i < inputs.length; i++) if (!sameShape(shape, inputs[i].shape)) shape = widest(shape, inputs[i].shape);
  return shape;
}

function copyOf(x: Tensor): Tensor {
  return construct(new Storage(contiguousValue(x)), rowMajor(x.shape));
}

/** The broadcast of two shapes that are known to fit. */
function widest(a: Shape, b: Shape): Shape {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  const lead = long.length - short.length;
  return long.map((n, i) => (i >= lead && n === 1 ? short[i - lead] : n));
}

function resultDType(op: ScalarOp, inputs: readonly Tensor[]): DType {
  if (SCALAR_OPS[op].result === "bool") return "bool";
  return inputs[op === "where" ? 1 : 0].dtype;
}

function pendingValue(backend: Backend, op: ScalarOp | FormulaOp, shape: Shape, dtype: DType, inputs: readonly Tensor[]): Value {
  const { limits } = backend;
  const operands = new Array<Operand>(inputs.length);
  let cost = 1;
  let leaves = 0;
  for (let i = 0; i < inputs.length; i++) {
    const operand = operandOf(inputs[i], shape);
    const { value, whole } = operand;
    if (whole && value.pending !== null) {
      cost += value.pending.cost;
      leaves += value.pending.leaves;
    } else if (value.constant === null) leaves++;
    operands[i] = operand;
  }
  // Shared parts were counted each time: only where that is too much is it worth a walk.
  if (isTooLarge(cost, leaves, limits)) ({ cost, leaves } = shrink(operands, limits));
  const out = new Value(backend, shape, dtype, null, { op, operands, cost, leaves });
  if (limits.maxExpr <= 1) realise(out);
  return out;
}

interface Counts {
  /** Scalar ops. */
  cost: number;
  /** Inputs that are read. */
  leaves: number;
}

/** True if one kernel cannot hold the ops, or cannot read the inputs and write an output. */
function isTooLarge(cost: number, leaves: number, { maxExpr, maxInputs }: Backend["limits"]): boolean {
  return cost > maxExpr || leaves >= maxInputs;
}

/** Realises pending operands, the largest first, until an op over them fits a kernel. */
function shrink(operands: readonly Operand[], limits: Backend["limits"]): Counts {
  for (;;) {
    const counts = countOnce(operands);
    if (!isTooLarge(counts.cost, counts.leaves, limits)) return counts;
    let largest: Value | null = null;
    for (const { value, whole } of operands) {
      if (whole && value.pending !== null && value.pending.cost > (largest?.pending?.cost ?? 0)) largest = value;
    }
    if (largest === null) return counts;
    realise(largest);
  }
}

/** Ops and inputs of an op over operands, shared ones counted once. */
function countOnce(operands: readonly Operand[]): Counts {
  const seen = new Set<Value>();
  const leaves: Operand[] = [];
  const visit = (operand: Operand): void => {
    const { value, whole } = operand;
    if (whole && value.pending !== null) {
      if (seen.has(value)) return;
      seen.add(value);
      value.pending.operands.forEach(visit);
    } else if (value.constant === null && !leaves.some((leaf) => leaf.value === value && sameRead(leaf, operand))) leaves.push(operand);
  };
  operands.forEach(visit);
  return { cost: 1 + seen.size, leaves: leaves.length };
}

function sameRead(a: Operand, b: Operand): boolean {
  return a.offset === b.offset && sameShape(a.strides, b.strides);
}

function operandOf(x: Tensor, shape: Shape): Operand {
  const { value } = x.storage;
  const same = sameShape(x.shape, shape);
  const strides = same ? x.strides : broadcastStrides(x.shape, x.strides, shape);
  const whole = same && isWhole(x, value) && sameShape(value.shape, shape);
  if (!whole && value.pending !== null) realise(value);
  return { value, strides, offset: x.offset, whole };
}

/** True if a layout reads every element of the value in row-major order. */
export function isWhole(layout: Layout, value: { readonly size: number }): boolean {
  return layout.offset === 0 && sizeOf(layout.shape) === value.size && isContiguous(layout.shape, layout.strides);
}

// ---- kernels

function evaluateKernel(rule: KernelRule, call: Call): readonly Tensor[] {
  const { op, kernel, infer } = rule;
  const { inputs, attrs } = call;
  const backend = op === "random" ? getBackend((attrs as KernelOps["random"]).device, op) : commonBackend(op, inputs);
  const wide = inputs.length > 0 && wideOf(inputs[0].dtype) !== undefined && !takesNarrow(rule, backend);
  if (!wide && backend.decomposed?.has(kernel)) return decompose(op as Decomposable, inputs, attrs as KernelOps[Decomposable]);
  const outputs = infer(inputs, attrs);
  checkOutputs(backend, outputs, op);
  if (readsHost(inputs)) return withCopies(call, (copied) => evaluateKernel(rule, copied));
  if (wide) return evaluateWide(inputs, outputs, (converted) => evaluateKernel(rule, { ...call, inputs: converted }));
  if (op === "reduce") return [evaluateReduce(backend, inputs[0], outputs[0], attrs as KernelOps["reduce"])];
  if (op === "updateSlice") {
    const { layout } = attrs as KernelOps["updateSlice"];
    checkLayout(layout, sizeOf(inputs[0].shape), op);
    return [tensorOf(updateSlice(inputs[0], inputs[1], layout, false))];
  }
  const views = op === "addmm" ? [viewOf(inputs[1]), viewOf(inputs[2]), viewOf(inputs[0], outputs[0].shape)] : viewsOf(inputs);
  const kernelAttrs = op === "matmul" ? PRODUCT : op === "addmm" ? BIASED_PRODUCT : attrs;
  return resultsOf(backend, outputs, backend.run(kernel, views, outputs, kernelAttrs as Kernels[keyof Kernels]));
}

const PRODUCT: Kernels["matmul"] = { bias: false };
const BIASED_PRODUCT: Kernels["matmul"] = { bias: true };

/** True if an input lies in host memory. */
function readsHost(inputs: readonly Tensor[]): boolean {
  for (let i = 0; i < inputs.length; i++) if (inputs[i].storage.host !== null) return true;
  return false;
}

function evaluateFused(call: Call<"fused">): readonly Tensor[] {
  const { inputs, attrs } = call;
  const { op, params } = attrs;
  const backend = commonBackend(op.name, inputs);
  const outputs = op.infer(inputs, params);
  checkOutputs(backend, outputs, op.name);
  if (readsHost(inputs)) return withCopies(call, evaluateFused);
  return resultsOf(backend, outputs, backend.run(op.kernel, viewsOf(inputs), outputs, params));
}

function evaluateHost({ inputs, attrs: { op, params } }: Call<"host">): readonly Tensor[] {
  const { call = op.name } = op;
  const backend = commonBackend(call, inputs);
  if (inputs.length > 0 && wideOf(inputs[0].dtype) !== undefined) {
    const run = (wide: readonly Tensor[]): readonly Tensor[] =>
      evaluateHost({ op: "host", inputs: wide, attrs: { op, params }, label: undefined });
    return evaluateWide(inputs, op.infer(inputs, params), run);
  }
  const given = inputs.map(({ shape, dtype }) => ({ shape, dtype }));
  const outputs = op.infer(given, params);
  checkOutputs(backend, outputs, call);
  const compute: HostFunction = (data) => {
    const results = outputs.map((spec) => ({ ...spec, data: hostArray(spec.dtype, sizeOf(spec.shape)) }));
    op.run(
      given.map((spec, i) => ({ ...spec, data: data[i] })),
      results,
      params,
    );
    return results.map((result) => result.data);
  };
  const known = inputs.map((x) => (backend.later === undefined ? readNow(x, call) : elementsNow(x)));
  const results = known.includes(null) ? null : compute(known as TypedArray[]);
  const handles = results?.map((data, i) => backend.upload(data, outputs[i].dtype)) ?? computeLater(backend, inputs, outputs, compute);
  return outputs.map(({ shape, dtype }, i) => {
    const value = settledValue(backend, shape, dtype, handles[i]);
    if (results !== null && backend.downloadSync === undefined) value.copy = results[i];
    return tensorOf(value);
  });
}

function computeLater(backend: Backend, inputs: readonly Tensor[], outputs: readonly Spec[], fn: HostFunction): readonly Handle[] {
  const whole = inputs.map((x) => contiguousValue(x));
  for (const value of whole) value.retain();
  const handles = (backend as Required<Backend>).later(whole.map(wholeView), outputs, fn);
  for (const value of whole) value.release();
  return handles;
}

/**
 * The elements of a tensor in row-major order, read at once.
 * @throws NotSupportedError unless the device can block or `prefetch` has read them.
 */
export function readNow(x: Tensor, op: string): TypedArray {
  const found = elementsNow(x);
  if (found !== null) return found;
  if (tracer !== null) tracer.refuse(op);
  throw new NotSupportedError(
    `${op}: needs the elements of ${formatShape(x.shape)} at once, and device "${x.storage.backend.name}" cannot block; ` +
      'read them ahead with await prefetch(t), or use await t.item(), await t.data() or await t.toAsync("cpu")',
    { shapes: [x.shape] },
  );
}

/** The elements that the host can have at once: those that it knows, or any on a device that can block; else null. */
export function elementsNow(x: Tensor): TypedArray | null {
  const { storage, shape, dtype } = x;
  const { backend } = storage;
  const size = sizeOf(shape);
  // Each look at host memory makes a value.
  const own = storage.host === null ? storage.value : null;
  if (own !== null && own.copy !== null) return isWhole(x, own) ? own.copy.slice() : gather(own.copy, x);
  if (size === 0) return hostArray(dtype, 0);
  if (own !== null && own.handle === null && own.constant !== null) return filledArray(dtype, size, own.constant);
  if (backend.downloadSync === undefined) return null;
  const value = contiguousValue(x);
  value.retain();
  const data = backend.downloadSync(realise(value), dtype, size);
  value.release();
  return data;
}

/** True where {@link readNow} does not throw. */
export function isReadable({ storage }: Tensor): boolean {
  return storage.backend.downloadSync !== undefined || storage.value.copy !== null;
}

function gather(data: TypedArray, { shape, strides, offset }: Layout): TypedArray {
  const out = data.slice(0, 0).constructor as new (n: number) => TypedArray;
  const result = new out(sizeOf(shape));
  for (let i = 0; i < result.length; i++) {
    let at = offset;
    for (let d = shape.length - 1, rest = i; d >= 0; d--) {
      at += (rest % shape[d]) * strides[d];
      rest = Math.floor(rest / shape[d]);
    }
    result[i] = data[at];
  }
  return result;
}

/** Runs a kernel on copies of what lies in host memory, which are freed after it. */
function withCopies<K extends PrimitiveName>(call: Call<K>, run: (call: Call<K>) => readonly Tensor[]): readonly Tensor[] {
  const inputs = call.inputs.map((x) => (x.storage.host === null ? x : construct(new Storage(x.storage.value), x)));
  try {
    return run({ ...call, inputs });
  } finally {
    inputs.forEach((x, i) => {
      if (x !== call.inputs[i]) x.dispose();
    });
  }
}

/** True if a device runs a kernel on a storage dtype as it is. */
function takesNarrow({ op, kernel }: KernelRule, { limits }: Backend): boolean {
  return op === "updateSlice" || limits.narrow?.has(kernel) === true;
}

/** Runs a kernel in the wide dtype of its inputs' storage dtype, and converts the results to what `outputs` say. */
function evaluateWide(
  inputs: readonly Tensor[],
  outputs: readonly Spec[],
  run: (inputs: readonly Tensor[]) => readonly Tensor[],
): readonly Tensor[] {
  const [{ dtype: narrow }] = inputs;
  const wide = inputs.map((x) => (x.dtype === narrow ? castTo(x, wideOf(narrow) as DType) : x));
  const results = run(wide);
  const converted = results.map((y, i) => (y.dtype === outputs[i].dtype ? y : castTo(y, outputs[i].dtype)));
  for (const x of [...wide, ...results]) if (!inputs.includes(x) && !converted.includes(x)) x.dispose();
  return converted;
}

function castTo(x: Tensor, dtype: DType): Tensor {
  return evaluateScalar("cast", { op: "cast", inputs: [x], attrs: { dtype }, label: undefined });
}

function evaluateReduce(backend: Backend, x: Tensor, output: Spec, { op, dims }: KernelOps["reduce"]): Tensor {
  const operand = operandOf(x, x.shape);
  const { pending } = operand.value;
  let fusion = new Fusion([], x.shape, pending?.leaves ?? 1);
  if (pending !== null) operand.value.reads++;
  let expr = fusion.operand(operand);
  if (fusion.size >= backend.limits.maxInputs) {
    realise(operand.value);
    fusion = new Fusion([], x.shape, 1);
    expr = fusion.operand(operand);
  }
  const handles = backend.run("reduce", fusion.views, [output], { op, dims, shape: x.shape, expr, numbers: fusion.numbers });
  return resultOf(backend, output, handles[0]);
}

/** A tensor as a kernel input, realised. With `shape`, stretched to it. */
export function viewOf(x: Tensor, shape: Shape = x.shape): View {
  const { value } = x.storage;
  const strides = shape === x.shape ? x.strides : broadcastStrides(x.shape, x.strides, shape);
  return { handle: realise(value), dtype: value.dtype, shape, strides, offset: x.offset };
}

function viewsOf(inputs: readonly Tensor[]): View[] {
  return inputs.map((x) => viewOf(x));
}

function wholeView(value: Value): View {
  const { dtype, shape, strides, offset } = value;
  return { handle: realise(value), dtype, shape, strides, offset };
}

/** Base with a region replaced; `reuse` lets the kernel write base's own buffer, which then belongs to the result. */
function updateSlice(base: Tensor, source: Tensor, layout: Layout, reuse: boolean, shape: Shape = base.shape): Value {
  const { backend } = base.storage;
  const whole = contiguousValue(base);
  whole.retain();
  const baseView = wholeView(whole);
  const may = reuse && whole === base.storage.value;
  const attrs = { strides: layout.strides, offset: layout.offset, reuse: may };
  const handles = backend.run("updateSlice", [baseView, viewOf(source, layout.shape)], [whole], attrs);
  if (handles[0] === baseView.handle) whole.surrender();
  const { dtype } = whole;
  whole.release();
  return settledValue(backend, shape, dtype, handles[0]);
}

/** Copies a tensor to another device. */
function transfer(x: Tensor, device: Device): Tensor {
  const to = getBackend(device, "to");
  const value = contiguousValue(x);
  checkDevice(to, x.shape, value.dtype, "to");
  if (value.constant !== null && value.handle === null) return tensorOf(new Value(to, x.shape, value.dtype, value.constant, null));
  return tensorOf(settledValue(to, x.shape, value.dtype, to.upload(readNow(x, "to"), value.dtype)));
}

// ---- values of tensors

/** The elements of a tensor in row-major order as one value (whose own shape may differ): its own where they lie so, else a copy. */
export function contiguousValue(x: Tensor): Value {
  const { value } = x.storage;
  if (isWhole(x, value)) return value;
  const { backend } = x.storage;
  if (value.constant !== null && value.handle === null) return new Value(backend, x.shape, value.dtype, value.constant, null);
  if (value.pending !== null) realise(value);
  const operand: Operand = { value, strides: x.strides, offset: x.offset, whole: false };
  return new Value(backend, x.shape, value.dtype, null, { op: "cast", operands: [operand], cost: 1, leaves: 1 });
}

/** Writes `result` into the elements of `target`; shapes and dtypes are equal. */
export function write(target: Tensor, result: Tensor): void {
  const { storage } = target;
  if (isWhole(target, storage)) storage.set(contiguousValue(result));
  else {
    checkNoOverlap(target);
    // Sizes are read-only by type alone.
    checkLayout(target, storage.size, "in-place write");
    const base = tensorOver(storage, { shape: [storage.size], strides: [1], offset: 0 });
    // A source in the same memory may overlap the target, so it must not be written while it is read.
    storage.set(updateSlice(base, result, target, storage.exclusive && result.storage !== storage, storage.shape));
  }
  writeThrough(storage);
}

/** Copies the content of a host storage back to the user's array. */
function writeThrough(storage: Storage): void {
  const { host } = storage;
  if (host === null) return;
  storage.host = null;
  const { value, backend } = storage;
  if (backend.downloadSync === undefined)
    throw new NotSupportedError(`in-place write to host memory: device "${backend.name}" cannot block`);
  (host as Float32Array).set(backend.downloadSync(realise(value), value.dtype, value.size) as Float32Array);
  storage.host = host;
}

function checkNoOverlap({ shape, strides }: Layout): void {
  if (shape.some((n, i) => n > 1 && strides[i] === 0)) {
    throw new ShapeError(
      `in-place write: unsupported operation: more than one element of the written-to tensor refers to a single memory location, ` +
        `got strides ${formatShape(strides)} for ${formatShape(shape)}; clone() the tensor before performing the operation`,
      { shapes: [shape] },
    );
  }
}

// ---- checks

function commonBackend(op: string, inputs: readonly Tensor[]): Backend {
  const found = inputs[0].storage.backend;
  for (let i = 1; i < inputs.length; i++) {
    const { backend } = inputs[i].storage;
    if (backend !== found) {
      throw new DeviceError(
        `${op}: Expected all tensors to be on the same device, but found at least two devices, ${found.name} and ${backend.name}; ` +
          `move one with .to("${found.name}")`,
      );
    }
  }
  return found;
}

function checkOutputs(backend: Backend, outputs: readonly Spec[], op: string): void {
  for (let i = 0; i < outputs.length; i++) checkDevice(backend, outputs[i].shape, outputs[i].dtype, op);
}

/** @throws DTypeError if a device lacks a dtype. @throws NotSupportedError if a tensor would be too large for it. */
export function checkDevice(backend: Backend, shape: Shape, dtype: DType, op: string): void {
  if (!backend.limits.dtypes.has(dtype)) {
    const known = [...backend.limits.dtypes].join(", ");
    const why = backend.limits.absent?.[dtype];
    const what = why === undefined ? dtype : `${dtype} (${why})`;
    throw new DTypeError(`${op}: device "${backend.name}" has no ${what}, it has ${known}; convert with .to() first`, {
      dtypes: [dtype],
    });
  }
  checkShape(shape, op);
  const bytes = sizeOf(shape) * itemSize(dtype);
  if (bytes > backend.limits.maxBytes) {
    throw new NotSupportedError(
      `${op}: expected at most ${backend.limits.maxBytes} bytes in one tensor on "${backend.name}", got ${formatShape(shape)} ${dtype} = ${bytes} bytes`,
      { shapes: [shape] },
    );
  }
}
