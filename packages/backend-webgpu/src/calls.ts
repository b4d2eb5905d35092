/**
 * The recorded calls by what they depend on: kernel, layouts, attributes, and which inputs lie in one buffer.
 *
 * @module
 */
import { type DType, type Expr, type KernelName, type Kernels, type Spec, sameShape, type View } from "@sconce/core";
import { type NumberList, takesIndices, usesOf } from "@sconce/core/shader";
import type { RecordedCall } from "./recorder.js";

/** A recorded call, and what it depends on. */
interface Entry {
  readonly kernel: KernelName;
  /** The host looks at its indices before it runs. */
  readonly checksIndices: boolean;
  /** What {@link sign} writes. */
  readonly signature: Int32Array;
  /** Of inputs, then of outputs. */
  readonly dtypes: readonly DType[];
  readonly attrs: Attrs;
  readonly call: RecordedCall;
  /** The call that came after it when it was last made: programs repeat themselves. */
  next: Entry | null;
}

type Attrs = Readonly<Record<string, unknown>>;

/** The attributes that {@link sign} looks at by themselves. */
type Signed = Partial<Pick<Kernels["elementwise"], "exprs" | "numbers"> & Pick<Kernels["reduce"], "expr">>;
const SIGNED: readonly string[] = ["exprs", "expr", "numbers"];

/** Kernels whose work depends on more than that: a new stream for each call. */
const UNRECORDED: ReadonlySet<KernelName> = new Set<KernelName>(["random"]);

const MOST = 4096;
/** Comparing more inputs than this would take longer than it saves. */
const MOST_INPUTS = 24;
/** Engines hold integers of so many bits without memory of their own. */
const SMALL = 2 ** 30 - 1;

/** All sizes, strides and offsets, which inputs share a buffer, and the expressions. */
function sign(inputs: readonly View[], outputs: readonly Spec[], { exprs = [], expr }: Signed): Int32Array {
  const list = [inputs.length];
  for (const { handle, shape, strides, offset } of inputs) {
    list.push(
      inputs.findIndex((other) => other.handle === handle),
      offset,
      shape.length,
    );
    shape.forEach((n, d) => list.push(n, strides[d]));
  }
  for (const { shape } of outputs) list.push(shape.length, ...shape);
  for (const { id } of expr === undefined ? exprs : [expr]) list.push(id);
  return Int32Array.from(list);
}

function hashOf(inputs: readonly View[], outputs: readonly Spec[], { exprs, expr }: Signed): number {
  let hash = expr === undefined ? 0 : expr.id;
  if (exprs !== undefined) for (let i = 0; i < exprs.length; i++) hash = Math.imul(hash, 31) + exprs[i].id;
  for (let i = 0; i < outputs.length; i++) hash = hashList(hash, outputs[i].shape);
  for (let i = 0; i < inputs.length; i++) hash = hashList(hash + inputs[i].offset, inputs[i].strides);
  return hash & SMALL;
}

function hashList(start: number, list: readonly number[]): number {
  let hash = start;
  for (let i = 0; i < list.length; i++) hash = Math.imul(hash, 31) + list[i];
  return hash;
}

/** True if {@link sign} would write this signature. */
function isSigned(known: Int32Array, inputs: readonly View[], outputs: readonly Spec[], { exprs, expr }: Signed): boolean {
  let at = 0;
  if (known[at++] !== inputs.length) return false;
  for (let i = 0; i < inputs.length; i++) {
    const { handle, shape, strides, offset } = inputs[i];
    let twin = 0;
    while (inputs[twin].handle !== handle) twin++;
    if (known[at] !== twin || known[at + 1] !== offset || known[at + 2] !== shape.length) return false;
    at += 3;
    for (let d = 0; d < shape.length; d++, at += 2) if (known[at] !== shape[d] || known[at + 1] !== strides[d]) return false;
  }
  for (let i = 0; i < outputs.length; i++) {
    const { shape } = outputs[i];
    if (known[at++] !== shape.length) return false;
    for (let d = 0; d < shape.length; d++) if (known[at++] !== shape[d]) return false;
  }
  if (expr !== undefined && known[at++] !== expr.id) return false;
  if (exprs !== undefined) for (let i = 0; i < exprs.length; i++) if (known[at++] !== exprs[i].id) return false;
  return at === known.length;
}

/** True if calls of a kernel can be recorded. */
export function isRecordable(kernel: KernelName): boolean {
  return !UNRECORDED.has(kernel);
}

/** The numbers among the attributes, which differ from call to call, in the order of a kernel's parameters. */
export function numbersOf(attrs: object): NumberList {
  const { exprs, expr } = attrs as Signed;
  return exprs === undefined && expr === undefined ? [] : usesOf(exprs ?? [expr as Expr]).numbers;
}

/** Calls of all kernels. */
export class Calls {
  readonly #entries = new Map<KernelName, Map<number, Entry[]>>();
  #count = 0;
  /** The call made last. */
  #last: Entry | null = null;

  /** True if no more calls are to be recorded. */
  get isFull(): boolean {
    return this.#count >= MOST;
  }

  /** The call that does this work, if one was recorded. */
  find(kernel: KernelName, inputs: readonly View[], outputs: readonly Spec[], attrs: object): Entry | null {
    const last = this.#last;
    let entry = last === null ? null : last.next;
    if (entry === null || !does(entry, kernel, inputs, outputs, attrs)) {
      entry = this.#search(kernel, inputs, outputs, attrs);
      if (entry === null) return null;
      if (last !== null) last.next = entry;
    }
    this.#last = entry;
    return entry;
  }

  #search(kernel: KernelName, inputs: readonly View[], outputs: readonly Spec[], attrs: object): Entry | null {
    const entries = this.#entries.get(kernel)?.get(hashOf(inputs, outputs, attrs));
    return entries?.find((entry) => does(entry, kernel, inputs, outputs, attrs)) ?? null;
  }

  clear(): void {
    this.#entries.clear();
    this.#last = null;
    this.#count = 0;
  }

  add(kernel: KernelName, inputs: readonly View[], outputs: readonly Spec[], attrs: object, call: RecordedCall): void {
    if (inputs.length > MOST_INPUTS) return;
    this.#count++;
    const hash = hashOf(inputs, outputs, attrs);
    let byHash = this.#entries.get(kernel);
    if (byHash === undefined) this.#entries.set(kernel, (byHash = new Map()));
    const dtypes = [...inputs, ...outputs].map(({ dtype }) => dtype);
    const entry: Entry = {
      kernel,
      checksIndices: takesIndices(kernel),
      signature: sign(inputs, outputs, attrs),
      dtypes,
      attrs: unsigned(attrs),
      call,
      next: null,
    };
    const others = byHash.get(hash);
    if (others === undefined) byHash.set(hash, [entry]);
    else others.push(entry);
  }
}

/** A copy of the other attributes: callers may change their arrays. */
function unsigned(attrs: object): Attrs {
  const rest = Object.entries(attrs).filter(([key, value]) => value !== undefined && !SIGNED.includes(key));
  return Object.fromEntries(rest.map(([key, value]) => [key, Array.isArray(value) ? [...value] : value]));
}

/** True if an entry's call does what is asked for. */
function does(entry: Entry, kernel: KernelName, inputs: readonly View[], outputs: readonly Spec[], attrs: object): boolean {
  return entry.kernel === kernel && isSigned(entry.signature, inputs, outputs, attrs) && isAlike(entry, inputs, outputs, attrs as Attrs);
}

/** True if dtypes and the attributes that are not signed are those of a call. */
function isAlike({ dtypes, attrs: known }: Entry, inputs: readonly View[], outputs: readonly Spec[], attrs: Attrs): boolean {
  for (let i = 0; i < inputs.length; i++) if (dtypes[i] !== inputs[i].dtype) return false;
  for (let i = 0; i < outputs.length; i++) if (dtypes[inputs.length + i] !== outputs[i].dtype) return false;
  return sameAttrs(known, attrs);
}

function sameAttrs(known: Attrs, attrs: Attrs): boolean {
  let left = 0;
  for (const key in attrs) {
    if (key === "exprs" || key === "expr" || key === "numbers" || attrs[key] === undefined) continue;
    if (!sameValue(known[key], attrs[key])) return false;
    left++;
  }
  for (const _ in known) left--;
  return left === 0;
}

function sameValue(a: unknown, b: unknown): boolean {
  return a === b || (Array.isArray(a) && Array.isArray(b) && sameShape(a, b));
}
