import { type DType, type Expr, type Spec, sizeOf } from "@sconce/core";
import {
  type Access,
  accessOf,
  type Collapsed,
  collapse,
  coordinates,
  dot,
  numberTexts,
  printExprs,
  writeNumbers,
} from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import type { Params } from "../params.js";
import type { Program } from "../pipelines.js";
import { fromStorage, Source, STORAGE_TYPE, toStorage } from "../wgsl/source.js";
import { type Kernel, WORKGROUP } from "./kernel.js";

const programs = new WeakMap<Machine, WeakMap<Expr, Map<string, Program>>>();

/** The programs of an expression by layout class; the expression object is the key. */
export function programsOf(machine: Machine, expr: Expr): Map<string, Program> {
  let byExpr = programs.get(machine);
  if (byExpr === undefined) programs.set(machine, (byExpr = new WeakMap()));
  let found = byExpr.get(expr);
  if (found === undefined) byExpr.set(expr, (found = new Map()));
  return found;
}

/** Elements from which on an invocation takes four neighbours at a time, where all inputs allow it. */
const QUADS = 4096;
const LANES = "xyzw";

/** True if every input is read in order from a multiple of four, or is a single element. Blocks are padded, so any size will do. */
function readsQuads(size: number, inputs: readonly BlockView[], access: readonly Access[]): boolean {
  return size >= QUADS && access.every((kind, i) => kind === "single" || (kind === "linear" && inputs[i].offset % 4 === 0));
}

interface ElementwisePlan {
  readonly dtypes: readonly DType[];
  readonly access: readonly Access[];
  readonly rank: number;
  /** An invocation computes four elements. */
  readonly quads: boolean;
  /** The first inputs are the outputs' buffers. */
  readonly over: boolean;
}

function printElementwise(exprs: readonly Expr[], { dtypes, access, rank, quads, over }: ElementwisePlan): Source {
  const source = new Source(WORKGROUP);
  const wide = (kind: Access, dtype: DType): string => (quads && kind === "linear" ? `vec4<${STORAGE_TYPE[dtype]}>` : STORAGE_TYPE[dtype]);
  const read = dtypes.map((dtype, i) => (over && i < exprs.length ? "" : source.read(wide(access[i], dtype))));
  const outputs = exprs.map((expr) => source.write(wide("linear", expr.dtype)));
  const inputs = read.map((name, i) => name || outputs[i]);
  const numbers = numberTexts(source, exprs);
  if (access.includes("strided")) source.add(...coordinates(source, rank, "index"));
  access.forEach((kind, i) => {
    const offset = source.int();
    const at = kind === "single" ? offset : kind === "linear" ? `index + ${offset}` : `${offset} + ${dot(source, rank)}`;
    source.add(`let x${i} = ${inputs[i]}[${at}];`);
  });
  const lanes = (quads ? [...LANES] : [""]).map((lane) => {
    const leaves = {
      input: (i: number, dtype: DType): string => fromStorage(dtype, quads && access[i] === "linear" ? `x${i}.${lane}` : `x${i}`),
      number: (i: number): string => numbers.get(i) as string,
    };
    return printExprs(exprs, leaves, (line) => source.add(line), `v${lane}`);
  });
  exprs.forEach(({ dtype }, i) => {
    const values = lanes.map((names) => toStorage(dtype, names[i]));
    source.add(`${outputs[i]}[index] = ${quads ? `${wide("linear", dtype)}(${values.join(", ")})` : values[0]};`);
  });
  return source;
}

const ACCESS_KEY: { readonly [K in Access]: string } = { linear: "l", single: "s", strided: "t" };

function programFor(
  machine: Machine,
  exprs: readonly Expr[],
  inputs: readonly BlockView[],
  plan: Omit<ElementwisePlan, "dtypes">,
): Program {
  const { access, rank, quads, over } = plan;
  let key = access.includes("strided") ? String(rank) : quads ? "q" : "";
  if (over) key += "o";
  for (const kind of access) key += ACCESS_KEY[kind];
  for (let i = 1; i < exprs.length; i++) key += `,${exprs[i].id}`;
  const found = programsOf(machine, exprs[0]);
  let program = found.get(key);
  if (program === undefined) {
    const source = printElementwise(exprs, { ...plan, dtypes: inputs.map(({ dtype }) => dtype) });
    program = machine.queue.pipelines.make(`elementwise ${labelOf(exprs[0])}`, source);
    found.set(key, program);
  }
  return program;
}

/** The last op of an expression, for profiles. */
export function labelOf(expr: Expr): string {
  return expr.kind === "op" ? expr.op : expr.kind;
}

function writeLayouts(
  params: Params,
  inputs: readonly BlockView[],
  access: readonly Access[],
  { shape, strides }: Collapsed,
  quads: boolean,
): void {
  if (access.includes("strided")) for (let d = 1; d < shape.length; d++) params.int(shape[d]);
  for (let i = 0; i < inputs.length; i++) {
    params.int(quads && access[i] === "linear" ? inputs[i].offset / 4 : inputs[i].offset);
    if (access[i] === "strided") params.ints(strides[i]);
  }
}

/** True if each output can be the buffer of the input of its number: that is read in order, and by no other input. */
function canOverwrite(inputs: readonly BlockView[], outputs: readonly Spec[], access: readonly Access[]): boolean {
  return outputs.every(({ dtype }, i) => {
    const { block, offset } = inputs[i];
    const alone = inputs.every((x, j) => j === i || x.block !== block);
    return alone && offset === 0 && access[i] === "linear" && STORAGE_TYPE[inputs[i].dtype] === STORAGE_TYPE[dtype];
  });
}

export const elementwise: Kernel<"elementwise"> = (machine, inputs, outputs, { exprs, numbers, overwrite }) => {
  const [{ shape }] = outputs;
  const layout = collapse(
    shape,
    inputs.map(({ strides }) => strides),
  );
  const access = layout.strides.map((strides) => accessOf(layout.shape, strides, 0));
  const over = overwrite === true && canOverwrite(inputs, outputs, access);
  const blocks = outputs.map((spec, i) => (over ? inputs[i].block : machine.alloc(spec)));
  if (over) for (const block of blocks) block.indices = null;
  const size = sizeOf(shape);
  const quads = readsQuads(size, inputs, access);
  const program = programFor(machine, exprs, inputs, { access, rank: layout.shape.length, quads, over });
  const params = machine.params();
  writeNumbers(params, exprs, numbers);
  writeLayouts(params, inputs, access, layout, quads);
  const read = inputs.slice(over ? outputs.length : 0).map(({ block }) => block);
  machine.run(program, [...read, ...blocks], quads ? Math.ceil(size / 4) : size);
  return blocks;
};
