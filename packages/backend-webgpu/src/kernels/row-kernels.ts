/**
 * Kernels over rows of many dimensions: an invocation or a workgroup goes through each row, or each part of it.
 *
 * @module
 */
import { sizeOf } from "@sconce/core";
import { type Collapsed, collapse, coordinates, dot } from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../pool.js";
import { Source } from "../wgsl/source.js";
import { WORKGROUP } from "./kernel.js";
import { type RowLoops, rowLoops, wantsGroups } from "./row-loops.js";

/** Operands as rows: the dimensions that count rows, and those that a row consists of. */
export interface Rows {
  readonly operands: readonly BlockView[];
  readonly outer: Collapsed;
  readonly inner: Collapsed;
  readonly count: number;
  /** Elements, or vectors of four. */
  readonly length: number;
  /** True for operands that are read in vectors of four elements; the others have one element for a whole row. */
  readonly quads?: readonly boolean[];
}

/** `shape` as rows of the dimensions from `lead` on. Operands without the dimensions before it are the same for every row; those of size 1 there have one element a row. */
export function rowsOf(operands: readonly BlockView[], shape: readonly number[], lead: number): Rows {
  const strides = operands.map((x) => [
    ...new Array<number>(shape.length - x.shape.length).fill(0),
    ...x.strides.map((step, d) => (x.shape[d] === 1 ? 0 : step)),
  ]);
  const part = (from: number, to: number): Collapsed =>
    collapse(
      shape.slice(from, to),
      strides.map((list) => list.slice(from, to)),
    );
  return {
    operands,
    outer: part(0, lead),
    inner: part(lead, shape.length),
    count: sizeOf(shape.slice(0, lead)),
    length: sizeOf(shape.slice(lead)),
  };
}

/** The rows in vectors of four elements where every operand allows it, and the first one has such. */
export function inQuads(rows: Rows): Rows {
  const { operands, outer, inner } = rows;
  const last = inner.shape.length - 1;
  const quads = inner.strides.map((list) => list.some((step) => step !== 0));
  const aligned = operands.every(({ offset }, i) => {
    const others = [offset, ...outer.strides[i], ...inner.strides[i].slice(0, last)];
    return !quads[i] || (inner.strides[i][last] === 1 && others.every((n) => n % 4 === 0));
  });
  if (!quads[0] || inner.shape[last] % 4 !== 0 || !aligned) return rows;
  const quarters = ({ shape, strides }: Collapsed, steps: number): Collapsed => ({
    shape: shape.map((n, d) => (d === steps ? n / 4 : n)),
    strides: strides.map((list, i) => (quads[i] ? list.map((step, d) => (d === steps ? 1 : step / 4)) : list)),
  });
  return {
    operands: operands.map((x, i) => (quads[i] ? { ...x, offset: x.offset / 4 } : x)),
    outer: quarters(outer, -1),
    inner: quarters(inner, last),
    count: rows.count,
    length: rows.length / 4,
    quads,
  };
}

/** What a kernel's text depends on. */
export interface RowKernelPlan {
  readonly types: readonly string[];
  readonly outer: number;
  readonly inner: number;
  readonly wide: boolean;
  readonly quads: boolean;
}

/** Texts of a kernel over rows. */
export interface RowText extends RowLoops {
  readonly source: Source;
  /** The operands' elements number `k`, behind the lines `find`. */
  readonly values: readonly string[];
  readonly find: readonly string[];
  /** Number of the part among those of all rows. */
  readonly slot: string;
  /** Elements in the row, and in the part of it. */
  readonly size: string;
  readonly partSize: string;
  /** Where element `k` of the row is in a row-major result. */
  readonly to: string;
  /** The type of what results hold there. */
  readonly type: string;
  /** A statement that stores something of the part. */
  once(line: string): string;
  /** Statements that declare values of the part's first element. */
  firsts(values: { readonly [name: string]: string }): string[];
}

/** Starts a kernel over rows: binds the operands and reserves their layouts. */
export function rowKernel({ types, outer, inner, wide, quads }: RowKernelPlan): RowText {
  const source = new Source(WORKGROUP);
  const reads = types.map((type) => source.read(type));
  const [length, parts, chunk] = source.ints(3);
  const slot = wide ? "group" : "index";
  source.add(
    `let row = ${slot} / ${parts};`,
    `let first = (${slot} % ${parts}) * ${chunk};`,
    `let end = min(first + ${chunk}, ${length});`,
  );
  source.add(...coordinates(source, outer, "row"));
  const find = coordinates(source, inner, "k", "e");
  const values = reads.map((name, i) => {
    source.add(`let row${i} = ${source.int()} + ${dot(source, outer)};`);
    return `${name}[row${i} + ${dot(source, inner, "e")}]`;
  });
  const count = (text: string): string => `f32(${quads ? `4 * (${text})` : text})`;
  return {
    ...rowLoops(source, "end", { wide, quads, first: "first" }),
    source,
    values,
    find,
    slot,
    size: count(length),
    partSize: count("end - first"),
    to: `row * ${length} + k`,
    type: quads ? "vec4<f32>" : "f32",
    once: (line) => (wide ? `if (lane == 0) { ${line} }` : line),
    firsts(named) {
      const names = Object.entries(named);
      return [
        ...names.map(([name]) => `var ${name} = 0.0;`),
        ...["{", "let k = first;", ...find, ...names.map(([name, value]) => `${name} = ${value};`), "}"],
      ];
    },
  };
}

/** How rows are cut: into how many parts of how many elements or vectors. */
export interface Cut {
  readonly parts: number;
  readonly chunk: number;
}

/** Rows in parts of a length; none is empty but that of an empty row. */
export function cutInto(length: number, chunk: number): Cut {
  return chunk === 0 ? { parts: 1, chunk } : { parts: Math.ceil(length / chunk), chunk };
}

/** Runs a kernel over rows, or parts of rows; `numbers` are the parameters that it has of its own. */
export function runRows(
  machine: Machine,
  name: string,
  rows: Rows,
  blocks: readonly Block[],
  print: (plan: RowKernelPlan) => Source,
  { numbers = [], cut = cutInto(rows.length, rows.length) }: { readonly numbers?: readonly number[]; readonly cut?: Cut } = {},
): void {
  const { operands, outer, inner, count, length, quads } = rows;
  const { parts, chunk } = cut;
  const types = operands.map((_, i) => (quads?.[i] ? "vec4<f32>" : "f32"));
  const wide = wantsGroups(machine, count * parts, chunk);
  const plan = { types, outer: outer.shape.length, inner: inner.shape.length, wide, quads: quads !== undefined };
  const key = `${name} ${types.map((type) => type.length)} ${plan.outer} ${plan.inner} ${wide} ${plan.quads}`;
  const program = machine.program(key, () => print(plan), wide ? "workgroup" : "invocation");
  const params = machine.params().int(length).int(parts).int(chunk).ints(outer.shape.slice(1)).ints(inner.shape.slice(1));
  operands.forEach((x, i) => params.int(x.offset).ints(outer.strides[i]).ints(inner.strides[i]));
  for (const x of numbers) params.float(x);
  machine.run(program, [...operands.map(({ block }) => block), ...blocks], count * parts);
}
