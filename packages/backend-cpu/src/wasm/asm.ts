/**
 * A small WebAssembly assembler: kernels are written as chained calls in stack order and become module bytes at run time.
 *
 * @module
 */
import { ByteWriter } from "./bytes.js";
import { alignmentOf, LANE, type LaneName, MEM, type MemName, OPS, type OpName } from "./opcodes.js";

export type { LaneName, MemName, OpName } from "./opcodes.js";

/** A value type of WebAssembly, as its binary code. */
export type ValType = 0x7f | 0x7e | 0x7d | 0x7c | 0x7b;
export const I32: ValType = 0x7f;
export const I64: ValType = 0x7e;
export const F32: ValType = 0x7d;
export const F64: ValType = 0x7c;
export const V128: ValType = 0x7b;
const NO_RESULT = 0x40;

/** The index of a parameter or local. */
export type Local = number;
/** Something that puts one value on the stack: a local, or a function that emits the code for it. */
export type Operand = Local | (() => unknown);

/** What the imported memory (`env.memory`) of a module must be. A shared memory must state its maximum. */
export interface MemoryType {
  readonly shared: boolean;
  /** Maximum size in 64 KiB pages. */
  readonly maximum: number;
}

/** A function that a kernel module exports. */
export type WasmFunction = (...args: number[]) => number;
/** The functions a kernel module exports. */
export type Exports = Record<string, WasmFunction>;

const scratch = new DataView(new ArrayBuffer(8));

/**
 * The body of one function under construction. Every method appends code and returns the builder, so a chain reads in stack order:
 * `f.get(a).get(b).op("f32x4.mul").set(c)`.
 */
export class FunctionBuilder {
  readonly index: number;
  /** Its parameters, the first locals. */
  readonly params: readonly Local[];
  readonly #localTypes: ValType[] = [];
  #code = new ByteWriter();

  constructor(index: number, params: number) {
    this.index = index;
    this.params = Array.from({ length: params }, (_, i) => i);
  }

  /** Declares a local; it starts at zero. */
  local(type: ValType): Local {
    this.#localTypes.push(type);
    return this.params.length + this.#localTypes.length - 1;
  }

  locals(type: ValType, count: number): Local[] {
    return Array.from({ length: count }, () => this.local(type));
  }

  get(local: Local): this {
    return this.#indexed(0x20, local);
  }
  set(local: Local): this {
    return this.#indexed(0x21, local);
  }
  tee(local: Local): this {
    return this.#indexed(0x22, local);
  }

  /** Sets a local to an operand. */
  assign(local: Local, value: Operand): this {
    return this.push(value).set(local);
  }

  /** Puts an operand on the stack. */
  push(operand: Operand): this {
    if (typeof operand === "number") return this.get(operand);
    operand();
    return this;
  }

  /** Appends instructions that have no immediates. */
  op(...names: OpName[]): this {
    for (const name of names) this.#opcode(OPS[name]);
    return this;
  }

  /** A load or store; its alignment is a hint and 4 bytes measured as fast as any. */
  mem(name: MemName, offset = 0): this {
    this.#opcode(MEM[name]);
    this.#code.u32(alignmentOf(name));
    this.#code.u32(offset);
    return this;
  }

  /** A load or store of one lane of a vector. */
  memLane(name: MemName, lane: number, offset = 0): this {
    this.mem(name, offset);
    this.#code.byte(lane);
    return this;
  }

  /** Puts operands on the stack and applies one instruction to them. */
  apply(name: OpName, ...operands: Operand[]): this {
    for (const operand of operands) this.push(operand);
    return this.op(name);
  }
  /** Loads from `pointer + offset` bytes. */
  load(name: MemName, pointer: Operand, offset = 0): this {
    return this.push(pointer).mem(name, offset);
  }
  /** Stores a value at `pointer + offset` bytes. */
  store(name: MemName, pointer: Operand, value: Operand, offset = 0): this {
    return this.push(pointer).push(value).mem(name, offset);
  }

  lane(name: LaneName, lane: number): this {
    this.#opcode(LANE[name]);
    this.#code.byte(lane);
    return this;
  }

  i32(value: number): this {
    this.#code.byte(0x41);
    this.#code.s32(value);
    return this;
  }
  i64(value: bigint): this {
    this.#code.byte(0x42);
    this.#code.s64(value);
    return this;
  }
  f32(value: number): this {
    scratch.setFloat32(0, value, true);
    this.#code.byte(0x43);
    return this.#scratchBytes(4);
  }
  f64(value: number): this {
    scratch.setFloat64(0, value, true);
    this.#code.byte(0x44);
    return this.#scratchBytes(8);
  }

  /** A vector constant with the same value in all lanes. */
  f32x4(value: number): this {
    scratch.setFloat32(0, value, true);
    scratch.setFloat32(4, value, true);
    return this.#vectorOfScratch();
  }
  f64x2(value: number): this {
    scratch.setFloat64(0, value, true);
    return this.#vectorOfScratch();
  }
  i32x4(value: number): this {
    scratch.setInt32(0, value, true);
    scratch.setInt32(4, value, true);
    return this.#vectorOfScratch();
  }
  i64x2(value: bigint): this {
    scratch.setBigInt64(0, value, true);
    return this.#vectorOfScratch();
  }

  /** Picks lanes out of the two vectors on the stack: 2, 4, 8 or 16 lane numbers, those of the second vector count on. */
  shuffle(...lanes: number[]): this {
    this.#opcode(0xfd00d);
    const width = 16 / lanes.length;
    for (const lane of lanes) for (let i = 0; i < width; i++) this.#code.byte(lane * width + i);
    return this;
  }

  /** `a * b + c` on f32x4 or f64x2, in one rounding where `fused` (the instruction is relaxed: it may round twice). */
  mulAdd(type: "f32x4" | "f64x2", fused: boolean, a: Operand, b: Operand, c: Operand): this {
    if (fused) return this.push(a).push(b).push(c).op(`${type}.relaxed_madd`);
    return this.push(c).push(a).push(b).op(`${type}.mul`, `${type}.add`);
  }

  /** `c - a * b`, see {@link mulAdd}. */
  negMulAdd(type: "f32x4" | "f64x2", fused: boolean, a: Operand, b: Operand, c: Operand): this {
    if (fused) return this.push(a).push(b).push(c).op(`${type}.relaxed_nmadd`);
    return this.push(c).push(a).push(b).op(`${type}.mul`, `${type}.sub`);
  }

  /** Stack: destination, source, bytes. */
  memoryCopy(): this {
    return this.raw(0xfc, 10, 0, 0);
  }
  /** Stack: destination, byte value, bytes. */
  memoryFill(): this {
    return this.raw(0xfc, 11, 0);
  }

  /** Calls a function with the arguments given here, or with those already on the stack. */
  call(target: FunctionBuilder | number, ...args: Operand[]): this {
    for (const arg of args) this.push(arg);
    return this.#indexed(0x10, typeof target === "number" ? target : target.index);
  }
  brIf(depth: number): this {
    return this.#indexed(0x0d, depth);
  }

  block(body: () => unknown): this {
    return this.#structured(0x02, body);
  }
  loop(body: () => unknown): this {
    return this.#structured(0x03, body);
  }
  /** Takes the condition from the stack. */
  if(then: () => unknown, otherwise?: () => unknown): this {
    return this.#structured(0x04, () => {
      then();
      if (!otherwise) return;
      this.#code.byte(0x05);
      otherwise();
    });
  }

  /** Runs `then` where an i32 operand has one of the bits. */
  ifBits(operand: Operand, bits: number, then: () => unknown): this {
    return this.push(operand).i32(bits).op("i32.and").if(then);
  }

  /** Adds a constant to an i32 local. */
  inc(local: Local, by: number): this {
    return this.get(local).i32(by).op("i32.add").set(local);
  }
  /** Adds an i32 operand to an i32 local. */
  addTo(local: Local, by: Operand): this {
    return this.get(local).push(by).op("i32.add").set(local);
  }
  /** The smaller of two signed i32 values. */
  minI32(a: Operand, b: Operand): this {
    return this.push(a).push(b).push(a).push(b).op("i32.lt_s", "select");
  }

  /**
   * `for (i = current value; i < end; i += step) body`, signed. The caller sets `i` first, so that a tail loop can go on where the
   * main loop stopped. Inside the body the depth 0 label repeats the loop without advancing and depth 1 leaves it.
   */
  forRange(i: Local, end: Operand, step: number, body: () => unknown): this {
    return this.forStep(i, end, () => this.i32(step), body);
  }

  /** As {@link forRange} with a step, positive too, that is known at run time. */
  forStep(i: Local, end: Operand, step: Operand, body: () => unknown): this {
    return this.block(() => {
      this.get(i).push(end).op("i32.ge_s").brIf(0);
      this.loop(() => {
        body();
        this.get(i).push(step).op("i32.add").tee(i).push(end).op("i32.lt_s").brIf(0);
      });
    });
  }

  /** Runs the body `count` times (not at all for 0), counting the local down from `count` to 1. */
  countDown(counter: Local, count: Operand, body: () => unknown): this {
    return this.block(() => {
      this.push(count).tee(counter).op("i32.eqz").brIf(0);
      this.loop(() => {
        body();
        this.get(counter).i32(1).op("i32.sub").tee(counter).brIf(0);
      });
    });
  }

  /** Collects the code of `body` without appending it, so that code found out later can go before it. */
  capture(body: () => unknown): Uint8Array<ArrayBuffer> {
    const outer = this.#code;
    this.#code = new ByteWriter();
    try {
      body();
      return this.#code.view();
    } finally {
      this.#code = outer;
    }
  }

  /** Appends bytes as they are: captured code, or an instruction the builder has no method for. */
  raw(...bytes: number[]): this {
    this.#code.bytes(bytes);
    return this;
  }
  /** Appends code from {@link capture}. */
  splice(captured: Uint8Array): this {
    this.#code.bytes(captured);
    return this;
  }

  /** Writes the function's entry of the code section: locals in runs of one type, then the instructions. */
  encode(out: ByteWriter): void {
    const runs: { type: ValType; count: number }[] = [];
    for (const type of this.#localTypes) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    const body = new ByteWriter();
    body.u32(runs.length);
    for (const { type, count } of runs) {
      body.u32(count);
      body.byte(type);
    }
    body.bytes(this.#code.view());
    body.byte(0x0b);
    out.sized(body);
  }

  #opcode(code: number): this {
    if (code > 0xfff) {
      this.#code.byte(code >> 12);
      this.#code.u32(code & 0xfff);
    } else this.#code.byte(code);
    return this;
  }

  #indexed(code: number, index: number): this {
    this.#code.byte(code);
    this.#code.u32(index);
    return this;
  }

  #structured(code: number, body: () => unknown): this {
    this.raw(code, NO_RESULT);
    body();
    this.#code.byte(0x0b);
    return this;
  }

  #scratchBytes(count: number): this {
    for (let i = 0; i < count; i++) this.#code.byte(scratch.getUint8(i));
    return this;
  }

  #vectorOfScratch(): this {
    this.#opcode(0xfd00c);
    return this.#scratchBytes(8).#scratchBytes(8);
  }
}

interface FunctionImport {
  readonly name: string;
  readonly type: number;
}

/**
 * A module under construction: it imports the memory `env.memory`, and what its builders emit.
 *
 * @example
 * const module = new ModuleBuilder({ shared: false, maximum: 65536 });
 * const f = module.function("twice", [I32], [I32]);
 * f.get(0).i32(1).op("i32.shl");
 * const { twice } = instantiate(module.bytes(), new WebAssembly.Memory({ initial: 1 }));
 * twice(21); // 42
 */
export class ModuleBuilder {
  readonly #memory: MemoryType;
  readonly #types: string[] = [];
  readonly #typeBytes = new ByteWriter();
  readonly #imports: FunctionImport[] = [];
  readonly #functions: { readonly builder: FunctionBuilder; readonly type: number; readonly name: string | undefined }[] = [];

  constructor(memory: MemoryType) {
    this.#memory = memory;
  }

  /**
   * Imports `env.<name>` and returns its index for {@link FunctionBuilder.call}.
   *
   * @throws Error when functions were defined already, since imports come first in the index space.
   */
  import(name: string, params: readonly ValType[], results: readonly ValType[] = []): number {
    if (this.#functions.length > 0) throw new Error(`import ${name}: expected imports before the first function`);
    this.#imports.push({ name, type: this.#typeIndex(params, results) });
    return this.#imports.length - 1;
  }

  /** Starts a function; a number of parameters means so many i32, and one without a name is not exported. */
  function(name: string | undefined, params: number | readonly ValType[], results: readonly ValType[] = []): FunctionBuilder {
    const types: readonly ValType[] = typeof params === "number" ? Array(params).fill(I32) : params;
    const builder = new FunctionBuilder(this.#imports.length + this.#functions.length, types.length);
    this.#functions.push({ builder, type: this.#typeIndex(types, results), name });
    return builder;
  }

  /** The finished module in the binary format. */
  bytes(): Uint8Array<ArrayBuffer> {
    const out = new ByteWriter();
    out.bytes([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
    const exported = this.#functions.filter((f) => f.name !== undefined);
    this.#section(out, 1, this.#types.length, (s) => s.bytes(this.#typeBytes.view()));
    this.#section(out, 2, 1 + this.#imports.length, (s) => this.#encodeImports(s));
    this.#section(out, 3, this.#functions.length, (s) => {
      for (const { type } of this.#functions) s.u32(type);
    });
    this.#section(out, 7, exported.length, (s) => {
      for (const { name, builder } of exported) {
        s.name(name as string);
        s.byte(0);
        s.u32(builder.index);
      }
    });
    this.#section(out, 10, this.#functions.length, (s) => {
      for (const { builder } of this.#functions) builder.encode(s);
    });
    return out.view().slice();
  }

  #encodeImports(out: ByteWriter): void {
    for (const { name, type } of this.#imports) {
      out.name("env");
      out.name(name);
      out.byte(0);
      out.u32(type);
    }
    out.name("env");
    out.name("memory");
    out.byte(2);
    out.byte(this.#memory.shared ? 3 : 0);
    out.u32(0);
    if (this.#memory.shared) out.u32(this.#memory.maximum);
  }

  #section(out: ByteWriter, id: number, count: number, content: (section: ByteWriter) => void): void {
    const section = new ByteWriter();
    section.u32(count);
    content(section);
    out.byte(id);
    out.sized(section);
  }

  #typeIndex(params: readonly ValType[], results: readonly ValType[]): number {
    const key = `${params.join()}>${results.join()}`;
    const known = this.#types.indexOf(key);
    if (known >= 0) return known;
    this.#typeBytes.byte(0x60);
    for (const list of [params, results]) {
      this.#typeBytes.u32(list.length);
      this.#typeBytes.bytes(list);
    }
    return this.#types.push(key) - 1;
  }
}

/** Where an exported function comes from. */
export interface KernelOrigin {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Its place among the exports of the module. */
  readonly ordinal: number;
}

const origins = new WeakMap<WasmFunction, KernelOrigin>();

/** The origin of a kernel that another thread can link too; undefined for one that imports functions. */
export function codeOf(kernel: WasmFunction): KernelOrigin | undefined {
  return origins.get(kernel);
}

/** Compiles module bytes and links them to the memory; kernels are small enough for the synchronous path of every engine. */
export function instantiate(
  bytes: Uint8Array<ArrayBuffer>,
  memory: WebAssembly.Memory,
  imports: Record<string, WasmFunction> = {},
): Exports {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory, ...imports } });
  const exports = instance.exports as Exports;
  if (Object.keys(imports).length === 0) Object.values(exports).forEach((kernel, ordinal) => origins.set(kernel, { bytes, ordinal }));
  return exports;
}
