/**
 * Kernels over rows of many dimensions: an invocation or a workgroup goes through each row, or each part of it.
 *
 * @module
 */
import { sizeOf } from "@sconce/core";
import { type Collapsed, collapse, coordinates, dot } from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../pool.js";
import { Source, STORAGE_TYPE } from "../wgsl/source.js";
import { WORKGROUP } from "./kernel.js";
import { type RowLoops, rowLoops, wantsGroups } from "./row-loops.js";

/** Operands as rows: the dimensions that count rows, and those that a row consists of. */
export interface Rows {
  /** Those that are read; if there are results of the same rows, those come last. */
  readonly operands: readonly BlockView[];
  readonly results: number;
  readonly outer: Collapsed;
  readonly inner: Collapsed;
  readonly count: number;
  /** Elements, or vectors of four. */
  readonly length: number;
  /** True for operands that are read in vectors of four elements; the others have one element for a whole row. */
  readonly quads?: readonly boolean[];
}

/**
 * `shape` as rows of the dimensions from `lead` on. Operands without the dimensions before it are the same for every row; those of size 1
 * there have one element a row. The last `results` of them are written.
 */
export function rowsOf(operands: readonly BlockView[], shape: readonly number[], lead: number, results: number = 0): Rows {
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
    results,
    outer: part(0, lead),
    inner: part(lead, shape.length),
    count: sizeOf(shape.slice(0, lead)),
    length: sizeOf(shape.slice(lead)),
  };
}

/** Operands and results as rows along one dimension. */
export function rowsAlong(dim: number, reads: readonly BlockView[], writes: readonly BlockView[] = []): Rows {
  const last = <T>(list: readonly T[]): T[] => [...list.filter((_, d) => d !== dim), ...list.slice(dim, dim + 1)];
  const turned = [...reads, ...writes].map((x) => ({ ...x, shape: last(x.shape), strides: last(x.strides) }));
  const { shape } = turned[0];
  return rowsOf(turned, shape, Math.max(shape.length - 1, 0), writes.length);
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
    ...rows,
    operands: operands.map((x, i) => (quads[i] ? { ...x, offset: x.offset / 4 } : x)),
    outer: quarters(outer, -1),
    inner: quarters(inner, last),
    length: rows.length / 4,
    quads,
  };
}

/** What a kernel's text depends on. */
export interface RowKernelPlan {
  /** Of an element of each operand. */
  readonly types: readonly string[];
  readonly results: number;
  readonly outer: number;
  readonly inner: number;
  readonly wide: boolean;
  readonly quads: boolean;
}

/** Texts of a kernel over rows. */
export interface RowText extends RowLoops {
  readonly source: Source;
  readonly quads: boolean;
  /** Elements number `k` of what is read and of the results, behind the lines `find`. */
  readonly values: readonly string[];
  readonly results: readonly string[];
  readonly find: readonly string[];
  /** The same of any number, in rows of one dimension. */
  value(k: string, operand?: number): string;
  result(k: string, operand?: number): string;
  /** Number of the part among those of all rows. */
  readonly slot: string;
  /** Elements in the row, and in the part of it. */
  readonly size: string;
  readonly partSize: string;
  /** A statement that stores something of the part. */
  once(line: string): string;
  /** Statements that declare values of the part's first element. */
  firsts(values: { readonly [name: string]: string }): string[];
}

/** Starts a kernel over rows: binds the operands and reserves their layouts. */
export function rowKernel({ types, results, outer, inner, wide, quads }: RowKernelPlan): RowText {
  const source = new Source(WORKGROUP);
  const reads = types.length - results;
  const names = types.map((type, i) => (i < reads ? source.read(type) : source.write(type)));
  const [length, parts, chunk] = source.ints(3);
  const slot = wide ? "group" : "index";
  source.add(
    `let row = ${slot} / ${parts};`,
    `let first = (${slot} % ${parts}) * ${chunk};`,
    `let end = min(first + ${chunk}, ${length});`,
  );
  source.add(...coordinates(source, outer, "row"));
  const find = coordinates(source, inner, "k", "e");
  const at = names.map((name, i) => {
    source.add(`let row${i} = ${source.int()} + ${dot(source, outer)};`);
    const place = dot(source, inner, "e");
    return (k: string): string => `${name}[row${i} + ${place.replace("e0", k)}]`;
  });
  const count = (text: string): string => `f32(${quads ? `4 * (${text})` : text})`;
  return {
    ...rowLoops(source, "end", { wide, quads, first: "first" }),
    source,
    quads,
    values: at.slice(0, reads).map((text) => text("e0")),
    results: at.slice(reads).map((text) => text("e0")),
    value: (k, operand = 0) => at[operand](k),
    result: (k, operand = 0) => at[reads + operand](k),
    find,
    slot,
    size: count(length),
    partSize: count("end - first"),
    once: (line) => (wide ? `if (lane == 0) { ${line} }` : line),
    firsts(named) {
      const list = Object.entries(named);
      return [
        ...list.map(([name]) => `var ${name} = 0.0;`),
        ...["{", "let k = first;", ...find, ...list.map(([name, value]) => `${name} = ${value};`), "}"],
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

/** Rows from which on neighbours are read together where they lie side by side and the elements of a row do not. */
const MANY = 4096;

/** Runs a kernel over rows, or parts of rows; it fills `blocks`, too, and `numbers` are the parameters that it has of its own. */
export function runRows(
  machine: Machine,
  name: string,
  rows: Rows,
  blocks: readonly Block[],
  print: (plan: RowKernelPlan) => Source,
  { numbers = [], cut = cutInto(rows.length, rows.length) }: { readonly numbers?: readonly number[]; readonly cut?: Cut } = {},
): void {
  const { operands, results, outer, inner, count, length, quads } = rows;
  const { parts, chunk } = cut;
  const types = operands.map(({ dtype }, i) => (quads?.[i] ? "vec4<f32>" : STORAGE_TYPE[dtype]));
  const apart = inner.shape.length > 0 && Math.abs(inner.strides[0][inner.shape.length - 1]) > 1;
  const wide = wantsGroups(machine, count * parts, chunk) && !(apart && count * parts >= MANY);
  const plan = { types, results, outer: outer.shape.length, inner: inner.shape.length, wide, quads: quads !== undefined };
  const key = `${name} ${types} ${plan.outer} ${plan.inner} ${wide}`;
  const program = machine.program(key, () => print(plan), wide ? "workgroup" : "invocation");
  const params = machine.params().int(length).int(parts).int(chunk).ints(outer.shape.slice(1)).ints(inner.shape.slice(1));
  operands.forEach((x, i) => params.int(x.offset).ints(outer.strides[i]).ints(inner.strides[i]));
  for (const x of numbers) params.float(x);
  machine.run(program, [...operands.map(({ block }) => block), ...blocks], count * parts);
}
