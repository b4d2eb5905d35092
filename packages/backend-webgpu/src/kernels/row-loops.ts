/**
 * Loops over the elements of a row: by one invocation, or by a workgroup whose lanes take turns.
 *
 * @module
 */
import type { Machine } from "../machine.js";
import type { Source } from "../wgsl/source.js";
import { WORKGROUP } from "./kernel.js";

/** Rows from which on a software adapter, whose invocations run four at a time, is faster without barriers; hardware reads long rows faster together at any number. */
const MANY = 4;

/** True if rows are better gone through by a workgroup each than by an invocation each. */
export function wantsGroups({ software }: Pick<Machine, "software">, rows: number, length: number): boolean {
  return length > WORKGROUP && (!software || rows < MANY);
}

/** Elements that are added up before their sum joins the total: rounding grows with the number of blocks, not of elements. */
const BLOCK = 32;

/** What the loops of one kernel have in common. */
export interface RowLoops {
  /** The row: `group` or `index`. */
  readonly row: string;
  /** Statements that run `body` for each element, or each four, of number `k`. */
  each(...body: readonly string[]): string[];
  /** Statements that declare the sums of texts over all elements by name; `lines` compute what they need. */
  sums(values: { readonly [name: string]: string }, lines?: readonly string[]): string[];
  /** Statements that declare the largest value of a text. */
  high(name: string, value: string, lines?: readonly string[]): string[];
}

/** How a row is gone through. */
export interface RowPlan {
  /** By a workgroup. */
  readonly wide: boolean;
  /** Four elements at a time, in vectors. */
  readonly quads?: boolean;
  /** Where the elements begin; at 0 if left out. */
  readonly first?: string;
}

/** Loops over rows up to element, or vector of four, number `end`. */
export function rowLoops(source: Source, end: string, { wide, quads = false, first = "0" }: RowPlan): RowLoops {
  if (wide) source.global(`var<workgroup> scratch: array<f32, ${WORKGROUP}>;`);
  const [lanes, zero] = quads ? ["vec4<f32>", "vec4<f32>()"] : ["f32", "0.0"];
  const loop = (body: readonly string[], from: string, to: string): string[] => [
    `for (var k = ${from}; k < ${to}; k += ${wide ? WORKGROUP : 1}) {`,
    ...body,
    "}",
  ];
  const each = (...body: readonly string[]): string[] => loop(body, wide ? `${first} + lane` : first, end);
  /** One number from the vector or the number `all`, and from all lanes. */
  const joined = (name: string, all: string, combine: (x: string, y: string) => string): string[] => [
    `var ${name} = ${quads ? ["y", "z", "w"].reduce((text, lane) => combine(text, `${all}.${lane}`), `${all}.x`) : all};`,
    ...(wide ? source.joinLanes(name, combine) : []),
  ];
  return {
    row: wide ? "group" : "index",
    each,
    sums(values, lines = []) {
      const names = Object.keys(values);
      const declare = (suffix: string): string[] => names.map((name) => `var ${name}_${suffix} = ${zero};`);
      const inner = [...lines, ...names.map((name) => `${name}_block += ${values[name]};`)];
      const join = names.map((name) => `${name}_all += ${name}_block;`);
      const start = [...declare("all"), ...(wide ? declare("block") : [])];
      const body = wide
        ? [...each(...inner), ...join]
        : [
            `for (var k0 = ${first}; k0 < ${end}; k0 += ${BLOCK}) {`,
            ...declare("block"),
            ...loop(inner, "k0", `min(k0 + ${BLOCK}, ${end})`),
            ...join,
            "}",
          ];
      return [...start, ...body, ...names.flatMap((name) => joined(name, `${name}_all`, (x, y) => `${x} + ${y}`))];
    },
    high(name, value, lines = []) {
      const most = (x: string, y: string): string => `max(${x}, ${y})`;
      const start = `var ${name}_all = ${lanes}(-sc_inf());`;
      return [start, ...each(...lines, `${name}_all = ${most(`${name}_all`, value)};`), ...joined(name, `${name}_all`, most)];
    },
  };
}

/** A function that computes four exponentials, as exact as that of one. */
export const EXP_QUAD: string = `fn exp_quad(x: vec4<f32>) -> vec4<f32> {
  let t = clamp(x, vec4<f32>(-104.0), vec4<f32>(89.0));
  let k = round(t * 1.44269504);
  let r = (t - k * 0.693359375) - k * -2.1219444e-4;
  let tail = ((((1.98756915e-4 * r + 1.3981999507e-3) * r + 8.3334519073e-3) * r + 4.1665795894e-2) * r + 1.6666665459e-1) * r + 5.0000001201e-1;
  let n = vec4<i32>(k);
  let h = n >> vec4<u32>(1u);
  let one = vec4<i32>(127);
  let shift = vec4<u32>(23u);
  let y = (tail * (r * r) + r + 1.0) * bitcast<vec4<f32>>((h + one) << shift) * bitcast<vec4<f32>>((n - h + one) << shift);
  return select(y, x, (bitcast<vec4<u32>>(x) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u));
}`;
