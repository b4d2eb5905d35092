import { contiguousStrides, type DType, type Expr, inputExpr, type Kernels, type ReduceOp, sizeOf } from "@sconce/core";
import {
  type Collapsed,
  castText,
  collapse,
  coordinates,
  dot,
  numberTexts,
  pickDims,
  printExprs,
  reductionOf,
  writeNumbers,
} from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import type { Program } from "../pipelines.js";
import type { Block } from "../pool.js";
import { fromStorage, Source, STORAGE_TYPE, toStorage, VALUE_TYPE } from "../wgsl/source.js";
import { labelOf, programsOf } from "./elementwise.js";
import { type Kernel, WORKGROUP } from "./kernel.js";

/** What a reduction's kernel depends on, besides the expression. */
interface Plan {
  readonly op: ReduceOp;
  readonly kept: Collapsed;
  readonly reduced: Collapsed;
  /** A workgroup for each result instead of an invocation. */
  readonly wide: boolean;
  /** Parts that each result's range is cut into. */
  readonly parts: number;
}

/** Elements that are added up before their sum joins the total: rounding grows with the number of blocks, not of elements. */
const BLOCK = 32;

function printReduce(expr: Expr, inputs: readonly BlockView[], { op, kept, reduced, wide }: Plan): Source {
  const source = new Source(WORKGROUP);
  const reads = inputs.map(({ dtype }) => source.read(STORAGE_TYPE[dtype]));
  const { dtype, start, combine } = reductionOf(op, expr.dtype);
  const output = source.write(STORAGE_TYPE[dtype]);
  const numbers = numberTexts(source, [expr]);
  const [length, parts] = [source.int(), source.int()];
  if (wide) source.global(`var<workgroup> scratch: array<${VALUE_TYPE[dtype]}, ${WORKGROUP}>;`);
  source.add(
    `let slot = ${wide ? "group" : "index"};`,
    `let part = slot % ${parts};`,
    `let chunk = (${length} + ${parts} - 1) / ${parts};`,
  );
  source.add(...coordinates(source, kept.shape.length, `(slot / ${parts})`, "k"));
  const starts = inputs.map((_, i) => {
    source.add(`let start${i} = ${source.int()} + ${dot(source, kept.shape.length, "k")};`);
    return `start${i}`;
  });
  const lane = wide ? "lane" : "0";
  source.add(`var total: ${VALUE_TYPE[dtype]} = ${start};`, `var block: ${VALUE_TYPE[dtype]} = ${start};`, "var count = 0;");
  source.add(`let end = min((part + 1) * chunk, ${length});`);
  source.add(`for (var r = part * chunk + ${lane}; r < end; r += ${wide ? WORKGROUP : 1}) {`);
  source.add(...coordinates(source, reduced.shape.length, "r", "r"));
  const offsets = starts.map((name) => `${name} + ${dot(source, reduced.shape.length, "r")}`);
  const leaves = {
    input: (i: number, type: DType): string => fromStorage(type, `${reads[i]}[${offsets[i]}]`),
    number: (i: number): string => numbers.get(i) as string,
  };
  const [value] = printExprs([expr], leaves, (line) => source.add(`  ${line}`));
  source.add(`  block = ${combine("block", castText(expr.dtype, dtype, value))};`, "  count = count + 1;");
  source.add(`  if ((count & ${BLOCK - 1}) == 0) { total = ${combine("total", "block")}; block = ${start}; }`, "}");
  source.add(`total = ${combine("total", "block")};`);
  if (wide)
    source.add(
      ...source.joinLanes("total", combine, dtype !== "bool"),
      `if (lane == 0) { ${output}[slot] = ${toStorage(dtype, "total")}; }`,
    );
  else source.add(`${output}[slot] = ${toStorage(dtype, "total")};`);
  return source;
}

function programFor(machine: Machine, expr: Expr, inputs: readonly BlockView[], plan: Plan): Program {
  const key = `${plan.op} ${plan.kept.shape.length} ${plan.reduced.shape.length} ${plan.wide}`;
  const found = programsOf(machine, expr);
  let program = found.get(key);
  if (program === undefined) {
    const source = printReduce(expr, inputs, plan);
    program = machine.queue.pipelines.make(`reduce ${plan.op} ${labelOf(expr)}`, source, plan.wide ? "workgroup" : "invocation");
    found.set(key, program);
  }
  return program;
}

/** Results from which on one invocation for each keeps hardware busy. */
const MANY = 16384;
const SHORT = 64;
/** Elements that one workgroup goes through. */
const CHUNK = 8192;
/** Software adapters run invocations four at a time, and barriers are slow there: workgroups are for fewer results. */
const FEW = 4;
/** Invocations that keep the cores of a software adapter busy, where each has much to do. */
const BUSY = 128;
const MUCH = 2048;

function split(machine: Machine, results: number, length: number): Pick<Plan, "wide" | "parts"> {
  if (length <= SHORT || (!machine.software && results >= MANY)) return { wide: false, parts: 1 };
  if (machine.software && results >= FEW) return { wide: false, parts: length < MUCH ? 1 : Math.ceil(BUSY / results) };
  const parts = results >= 256 ? 1 : Math.min(Math.ceil(length / CHUNK), Math.ceil(1024 / results));
  return { wide: true, parts };
}

export const reduce: Kernel<"reduce"> = (machine, inputs, [output], attrs) => {
  const { op, dims, shape, expr } = attrs;
  const strides = inputs.map((x) => x.strides);
  const side = (inside: boolean): Collapsed =>
    collapse(
      pickDims(shape, dims, inside),
      strides.map((list) => pickDims(list, dims, inside)),
    );
  const [kept, reduced] = [side(false), side(true)];
  const results = sizeOf(kept.shape);
  const length = sizeOf(reduced.shape);
  const plan: Plan = { op, kept, reduced, ...split(machine, results, length) };
  const block = machine.alloc({ shape: [results, plan.parts] });
  launch(machine, inputs, block, attrs, plan, results, length);
  if (plan.parts === 1) return [block];
  const { dtype } = reductionOf(op, expr.dtype);
  const partial: BlockView = { block, dtype, shape: [results, plan.parts], strides: contiguousStrides([results, plan.parts]), offset: 0 };
  const rest = { op, dims: [1], shape: partial.shape, expr: inputExpr(0, dtype), numbers: [] };
  const final = reduce(machine, [partial], [output], rest);
  machine.free(block);
  return final;
};

function launch(
  machine: Machine,
  inputs: readonly BlockView[],
  output: Block,
  { expr, numbers }: Kernels["reduce"],
  plan: Plan,
  results: number,
  length: number,
): void {
  const { kept, reduced } = plan;
  const program = programFor(machine, expr, inputs, plan);
  const params = machine.params();
  writeNumbers(params, [expr], numbers);
  params.int(length).int(plan.parts).ints(kept.shape.slice(1));
  inputs.forEach((x, i) => params.int(x.offset).ints(kept.strides[i]));
  params.ints(reduced.shape.slice(1));
  for (const strides of reduced.strides) params.ints(strides);
  machine.run(program, [...inputs.map(({ block }) => block), output], results * plan.parts);
}
