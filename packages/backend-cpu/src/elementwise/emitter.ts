import { type FunctionBuilder, type Local, type ModuleBuilder, type Operand, V128, type ValType } from "../wasm/asm.js";

/** A function under construction with what expressions need: temporaries, hoisted constants, imported functions. */
export class Emitter {
  readonly f: FunctionBuilder;
  /** Multiply and add with one rounding inside approximations. */
  readonly fma: boolean;
  readonly #imports: ReadonlyMap<string, number>;
  readonly #types = new Map<Local, ValType>();
  readonly #free = new Map<ValType, Local[]>();
  readonly #hoisted = new Map<string, Local>();
  readonly #preamble: (() => unknown)[] = [];

  constructor(f: FunctionBuilder, fma: boolean, imports: ReadonlyMap<string, number>) {
    this.f = f;
    this.fma = fma;
    this.#imports = imports;
  }

  /** A local of a type, a released one if there is one. */
  temp(type: ValType = V128): Local {
    const reused = this.#free.get(type)?.pop();
    if (reused !== undefined) return reused;
    const local = this.f.local(type);
    this.#types.set(local, type);
    return local;
  }

  /** Gives locals from {@link temp} back. */
  release(...locals: readonly Local[]): void {
    for (const local of locals) {
      const type = this.#types.get(local) as ValType;
      const list = this.#free.get(type);
      if (list === undefined) this.#free.set(type, [local]);
      else list.push(local);
    }
  }

  /** A local that holds what `value` puts on the stack, computed once at the start of the function. */
  hoist(key: string, type: ValType, value: () => unknown): Local {
    const known = this.#hoisted.get(key);
    if (known !== undefined) return known;
    const local = this.f.local(type);
    this.#hoisted.set(key, local);
    this.#preamble.push(() => {
      value();
      this.f.set(local);
    });
    return local;
  }

  /** Appends the code of everything that was hoisted; called outside of the captured main code. */
  emitPreamble(): void {
    for (const step of this.#preamble) step();
  }

  /** Vector constants, hoisted. */
  f32x4(value: number): Local {
    return this.hoist(`f32x4:${Object.is(value, -0) ? "-0" : value}`, V128, () => this.f.f32x4(value));
  }
  f64x2(value: number): Local {
    return this.hoist(`f64x2:${Object.is(value, -0) ? "-0" : value}`, V128, () => this.f.f64x2(value));
  }
  i32x4(value: number): Local {
    return this.hoist(`i32x4:${value}`, V128, () => this.f.i32x4(value));
  }
  i64x2(value: bigint): Local {
    return this.hoist(`i64x2:${value}`, V128, () => this.f.i64x2(value));
  }

  /** Index of an imported function. */
  imported(name: string): number {
    return this.#imports.get(name) as number;
  }

  /** Calls the imported function on each lane of `args`, result in `out`. */
  callLanes(name: string, args: readonly Local[], out: Local, type: "f32x4" | "f64x2" | "i32x4" | "i64x2"): void {
    const { f } = this;
    const lanes = type.endsWith("x4") ? 4 : 2;
    for (let i = 0; i < lanes; i++) {
      if (i > 0) f.get(out);
      for (const arg of args) f.get(arg).lane(`${type}.extract_lane`, i);
      f.call(this.imported(name));
      if (i === 0) f.op(`${type}.splat`).set(out);
      else f.lane(`${type}.replace_lane`, i).set(out);
    }
  }

  /** Polynomial in `x`, coefficients from the highest power down, into `out`. */
  poly(x: Local, coefficients: readonly number[], out: Local, type: "f32x4" | "f64x2" = "f32x4"): void {
    const { f } = this;
    f.get(this[type](coefficients[0])).set(out);
    for (let i = 1; i < coefficients.length; i++) this.mulAdd(out, x, this[type](coefficients[i]), type).set(out);
  }

  /** Puts `a * b + c` on the stack. */
  mulAdd(a: Operand, b: Operand, c: Operand, type: "f32x4" | "f64x2" = "f32x4"): FunctionBuilder {
    return this.f.mulAdd(type, this.fma, a, b, c);
  }

  /** Puts `c - a * b` on the stack. */
  negMulAdd(a: Operand, b: Operand, c: Operand, type: "f32x4" | "f64x2" = "f32x4"): FunctionBuilder {
    return this.f.negMulAdd(type, this.fma, a, b, c);
  }
}

/** Adds a function of `params` i32 to a module. What its code hoists comes first. */
export function emitFunction(
  module: ModuleBuilder,
  name: string,
  params: number,
  fma: boolean,
  emit: (e: Emitter) => void,
  imports: ReadonlyMap<string, number> = new Map(),
): void {
  const e = new Emitter(module.function(name, params), fma, imports);
  const code = e.f.capture(() => emit(e));
  e.emitPreamble();
  e.f.splice(code);
}
