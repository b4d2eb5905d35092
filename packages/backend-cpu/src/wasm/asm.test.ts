import { describe, expect, it } from "vitest";
import { F32, F64, I32, I64, instantiate, ModuleBuilder, V128, type ValType } from "./asm.js";
import { LANE, type LaneName, MEM, type MemName, OPS, type OpName } from "./opcodes.js";

const plain = { shared: false, maximum: 65536 };
const memory = (): WebAssembly.Memory => new WebAssembly.Memory({ initial: 1 });

describe("integer encodings", () => {
  it("round-trip through i32 and i64 constants at the limits of their LEB128 lengths", () => {
    const values = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, -8192, -8193, 2 ** 31 - 1, -(2 ** 31)];
    for (const value of values) {
      const module = new ModuleBuilder(plain);
      module.function("narrow", [], [I32]).i32(value);
      module
        .function("wide", [], [F64])
        .i64(BigInt(value) * 0x10000001n)
        .i64(0x10000001n)
        .op("i64.div_s", "f64.convert_i64_s");
      const { narrow, wide } = instantiate(module.bytes(), memory());
      expect([narrow(), wide()]).toEqual([value, value]);
    }
  });
});

describe("structured helpers", () => {
  it("sum a range with a step, also an empty one", () => {
    const module = new ModuleBuilder(plain);
    const f = module.function("sum", [I32, I32], [I32]);
    const [i, total] = f.locals(I32, 2);
    f.get(0)
      .set(i)
      .forRange(i, 1, 3, () => f.addTo(total, i))
      .get(total);
    const { sum } = instantiate(module.bytes(), memory());
    expect([sum(0, 10), sum(5, 5), sum(7, 3), sum(-4, 4)]).toEqual([0 + 3 + 6 + 9, 0, 0, -4 - 1 + 2]);
  });

  it("branch, call and count down", () => {
    const module = new ModuleBuilder(plain);
    const sign = module.function(undefined, [I32], [I32]);
    const result = sign.local(I32);
    sign
      .get(0)
      .i32(0)
      .op("i32.lt_s")
      .if(
        () => sign.i32(-1).set(result),
        () => sign.i32(1).set(result),
      )
      .get(result);
    const f = module.function("weighted", [I32, I32], [I32]);
    const [n, total] = f.locals(I32, 2);
    f.countDown(n, 0, () => f.addTo(total, () => f.get(1).call(sign).get(n).op("i32.mul"))).get(total);
    const { weighted } = instantiate(module.bytes(), memory());
    expect([weighted(4, 9), weighted(4, -9), weighted(0, 1)]).toEqual([10, -10, 0]);
  });

  it("place captured code after code that was found out later", () => {
    const module = new ModuleBuilder(plain);
    const f = module.function("f", [], [I32]);
    const x = f.local(I32);
    const body = f.capture(() => f.get(x).i32(2).op("i32.mul"));
    f.i32(21).set(x).splice(body);
    expect(instantiate(module.bytes(), memory()).f()).toBe(42);
  });
});

describe("vectors", () => {
  it("shuffle, splat, multiply and add through memory", () => {
    const module = new ModuleBuilder(plain);
    const f = module.function("f", [I32, I32]);
    f.get(1);
    f.mulAdd(
      "f32x4",
      false,
      () => f.get(0).mem("v128.load").get(0).mem("v128.load").shuffle(3, 2, 1, 0),
      () => f.f32x4(10),
      () => f.f32(1).op("f32x4.splat"),
    );
    f.mem("v128.store");
    const shared = memory();
    const view = new Float32Array(shared.buffer);
    view.set([1, 2, 3, 4]);
    instantiate(module.bytes(), shared).f(0, 16);
    expect([...view.subarray(4, 8)]).toEqual([41, 31, 21, 11]);
  });
});

describe("opcode tables", () => {
  const types: Record<string, ValType> = { i32: I32, i64: I64, f32: F32, f64: F64 };
  const typeOf = (name: string): ValType => (types[name.slice(0, 3)] !== undefined && name[3] === "." ? types[name.slice(0, 3)] : V128);
  /** Whether some signature over the four scalars and v128 makes the one instruction valid. */
  function validates(emit: (f: ReturnType<ModuleBuilder["function"]>) => unknown): boolean {
    const all = [I32, I64, F32, F64, V128];
    const inputs: ValType[][] = all.flatMap((a) => [[a], [a, a], [a, I32], [a, a, a], [I32, a], ...all.map((b) => [a, b])]);
    return inputs.some((params) =>
      [undefined, ...all].some((result) => {
        const module = new ModuleBuilder(plain);
        const f = module.function("f", params, result === undefined ? [] : [result]);
        params.forEach((_, i) => {
          f.get(i);
        });
        emit(f);
        return WebAssembly.validate(module.bytes());
      }),
    );
  }

  it("hold valid instructions only", () => {
    const special = new Set(["unreachable", "return"]);
    const ops = (Object.keys(OPS) as OpName[]).filter((name) => !special.has(name) && !name.includes("relaxed") && name !== "select");
    expect(ops.filter((name) => !validates((f) => f.op(name)))).toEqual([]);
    const lanes = Object.keys(LANE) as LaneName[];
    expect(lanes.filter((name) => !validates((f) => f.lane(name, 1)))).toEqual([]);
    const mem = Object.keys(MEM) as MemName[];
    expect(mem.filter((name) => !validates((f) => (name.endsWith("_lane") ? f.memLane(name, 0) : f.mem(name, 4))))).toEqual([]);
  });

  it("give results of the type in the name", () => {
    const unary = ["abs", "neg", "sqrt", "clz", "popcnt"];
    for (const name of (Object.keys(OPS) as OpName[]).filter((n) => unary.includes(n.split(".")[1]))) {
      const module = new ModuleBuilder(plain);
      module
        .function("f", [typeOf(name)], [typeOf(name)])
        .get(0)
        .op(name);
      expect(WebAssembly.validate(module.bytes()), name).toBe(true);
    }
  });
});
