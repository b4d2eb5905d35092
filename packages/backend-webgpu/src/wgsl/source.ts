import type { DType } from "@sconce/core";
import { helpersOf, Text } from "@sconce/core/shader";
import { OWN, wgsl } from "./spelling.js";

/** Type of one element in a buffer. Bool and uint8 take a whole word: of smaller types WGSL has f16 alone, where the adapter does. */
export const STORAGE_TYPE: { readonly [D in DType]: string } = {
  bool: "u32",
  uint8: "u32",
  int32: "i32",
  float32: "f32",
  float16: "f16",
  // Not among the device's dtypes: core refuses them before a kernel is asked for.
  int64: "i32",
  float64: "f32",
  bfloat16: "u32",
  int8: "i32",
  int16: "i32",
};

/** Type of a value in a kernel. */
export const VALUE_TYPE: { readonly [D in DType]: string } = { ...STORAGE_TYPE, bool: "bool", float16: "f32" };

/** The text of a value read from a buffer. */
export function fromStorage(dtype: DType, text: string): string {
  if (dtype === "float16") return `f32(${text})`;
  return dtype === "bool" ? `(${text} != 0u)` : text;
}

/** The text of a computed number as a buffer stores it: rounded as a conversion to its dtype is. */
export function rounded(dtype: DType, text: string): string {
  return dtype === "float16" ? `f16(sc_half(${text}))` : text;
}

/** The text of a value as a buffer stores it. */
export function toStorage(dtype: DType, text: string): string {
  if (dtype === "float16") return `f16(${text})`;
  return dtype === "bool" ? `select(0u, 1u, ${text})` : text;
}

/** Begins a line in place of statements that combine lanes. */
const JOIN = "join lanes ";
const SUBGROUP_BUILTINS =
  "@builtin(subgroup_id) sg_id: u32, @builtin(num_subgroups) sg_count: u32, @builtin(subgroup_size) sg_size: u32, @builtin(subgroup_invocation_id) sg_lane: u32";

/** Text of a kernel in the making: its parameters, bindings and statements, in WGSL or in the words of `@sconce/core/shader`. */
export class Source extends Text {
  readonly workgroup: number;
  reads = 0;
  writes = 0;
  readonly #bindings: string[] = [];
  /** Statements that combine lanes, in two ways. */
  readonly #joins: { readonly subgroups: readonly string[]; readonly scratch: readonly string[] }[] = [];

  /** `workgroup` is the number of invocations in a workgroup. */
  constructor(workgroup: number) {
    super();
    this.workgroup = workgroup;
  }

  /** The next buffer that the kernel reads; all of them come before those that it writes. `type` is that of an element. */
  read(type: string): string {
    const name = `in${this.reads}`;
    this.#bindings.push(`@group(0) @binding(${this.reads++}) var<storage, read> ${name}: array<${type}>;`);
    return name;
  }

  /** The next buffer that the kernel writes. */
  write(type: string): string {
    const name = `out${this.writes}`;
    this.#bindings.push(`@group(0) @binding(${this.reads + this.writes++}) var<storage, read_write> ${name}: array<${type}>;`);
    return name;
  }

  /**
   * Statements that combine the number `name` of all lanes of a workgroup into it, by subgroups where the adapter has them and in halves
   * where not. `scratch`, as many of its type, must be declared. `shuffles`: it is no truth value, which subgroups cannot exchange.
   */
  joinLanes(name: string, combine: (x: string, y: string) => string, shuffles: boolean = true): string[] {
    const scratch = [
      `scratch[lane] = ${name};`,
      "workgroupBarrier();",
      `for (var half = ${this.workgroup / 2}; half > 0; half = half >> 1u) {`,
      `  if (lane < half) { scratch[lane] = ${combine("scratch[lane]", "scratch[lane + half]")}; }`,
      "  workgroupBarrier();",
      "}",
      `${name} = scratch[0];`,
      "workgroupBarrier();",
    ];
    if (!shuffles) return scratch;
    const subgroups = [
      `for (var hop = 1u; hop < sg_size; hop = hop << 1u) { ${name} = ${combine(name, `subgroupShuffleXor(${name}, hop)`)}; }`,
      `if (sg_lane == 0u) { scratch[sg_id] = ${name}; }`,
      "workgroupBarrier();",
      `${name} = scratch[0];`,
      `for (var other = 1u; other < sg_count; other++) { ${name} = ${combine(name, "scratch[other]")}; }`,
      "workgroupBarrier();",
    ];
    return [`${JOIN}${this.#joins.push({ subgroups, scratch }) - 1}`];
  }

  /** The whole text. Kernels of single invocations get `index` and end where it is beyond the size; others get `group` and `lane`. */
  text(by: "invocation" | "workgroup" = "invocation", subgroups: boolean = false): string {
    const { workgroup } = this;
    const start =
      by === "invocation"
        ? ["let index = i32(gid.x) + i32(gid.y) * p[0].y;", "if (index >= p[0].x) { return; }"]
        : ["let group = i32(wid.x) + i32(wid.y) * p[0].y;", "if (group >= p[0].x) { return; }", "let lane = i32(lid);"];
    const builtins =
      by === "invocation"
        ? "@builtin(global_invocation_id) gid: vec3<u32>"
        : "@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32";
    const shuffles = subgroups && this.#joins.length > 0;
    const joined = (line: string): readonly string[] => {
      if (!line.startsWith(JOIN)) return [line];
      const join = this.#joins[Number(line.slice(JOIN.length))];
      return shuffles ? join.subgroups : join.scratch;
    };
    const main = [
      `@compute @workgroup_size(${workgroup})`,
      `fn main(${shuffles ? `${builtins}, ${SUBGROUP_BUILTINS}` : builtins}) {`,
      ...[...start, ...this.body.flatMap(joined)].map((line) => `  ${line}`),
      "}",
    ];
    const vectors = Math.ceil(this.words / 4);
    const uniform = `@group(0) @binding(${this.reads + this.writes}) var<uniform> p: array<vec4<i32>, ${vectors}>;`;
    const own = [...this.globals, ...main].join("\n");
    const text = wgsl([...this.#bindings, uniform, ...helpersOf(own, OWN), own, ""].join("\n"));
    const half = /\bf16\b/.test(text) ? "enable f16;\n" : "";
    return `${half}${shuffles ? "enable subgroups;\nrequires subgroup_id;\n" : ""}${text}`;
  }
}
