/**
 * Attention as products of blocks with a kernel over rows between them, so that no more than a bounded part of the scores is in memory;
 * blocks of queries skip the keys that causal attention hides from all of them. The gradient makes the scores again, but for small ones,
 * whose weights are a result.
 *
 * @module
 */
import { type AttentionAttrs, isContiguous, sizeOf } from "@sconce/core";
import { collapse, coordinates, dot, range } from "@sconce/core/shader";
import type { BlockView, Machine } from "../machine.js";
import { Source } from "../wgsl/source.js";
import { copyOf } from "./copy.js";
import { type Kernel, WORKGROUP, wholeView } from "./kernel.js";
import { multiply } from "./matmul.js";
import { EXP_QUAD, rowLoops, wantsGroups } from "./row-loops.js";

/** Scores in memory at a time. */
const MOST_SCORES = 2 ** 23;
/** Queries of the smallest block. */
const FEWEST = 64;
/** Blocks that causal attention is cut into at least: with eight, 9/16 of the scores are computed. */
const CAUSAL_BLOCKS = 8;

/** Part of a dimension of a view. */
function sliced(x: BlockView, dim: number, start: number, length: number): BlockView {
  return { ...x, shape: x.shape.map((n, d) => (d === dim ? length : n)), offset: x.offset + start * x.strides[dim] };
}

/** Calls `body` for parts of batches, operands of whose leading dimensions are those of the batch, that are small enough for a block of queries. */
function eachBatch(operands: readonly BlockView[], rank: number, perItem: number, body: (part: readonly BlockView[]) => void): void {
  const batch = operands[0].shape.slice(0, rank);
  const dim = batch.findIndex((n) => n > 1);
  if (dim < 0 || sizeOf(batch) * perItem <= MOST_SCORES) {
    body(operands);
    return;
  }
  const half = batch[dim] >> 1;
  for (const [start, length] of [
    [0, half],
    [half, batch[dim] - half],
  ]) {
    const part = operands.map((x) => sliced(x, dim, start, length));
    eachBatch(part, rank, perItem, body);
  }
}

/** A block of queries: where it starts, how many there are, and the number of keys that some of them see. */
interface Queries {
  readonly first: number;
  readonly count: number;
  readonly keys: number;
}

/** The blocks of queries of a batch; an empty one if there are none. */
function blocksOf(batch: number, length: number, keys: number, causal: boolean): Queries[] {
  const fits = Math.floor(MOST_SCORES / Math.max(batch * keys, 1));
  const wanted = causal ? Math.min(fits, Math.ceil(length / CAUSAL_BLOCKS)) : fits;
  const step = Math.max(Math.ceil(wanted / FEWEST) * FEWEST, FEWEST);
  return Array.from({ length: Math.max(Math.ceil(length / step), 1) }, (_, i) => {
    const first = i * step;
    const count = Math.min(step, length - first);
    return { first, count, keys: causal ? Math.min(keys, first + count) : keys };
  });
}

/** The last two dimensions exchanged. */
function turned(x: BlockView): BlockView {
  const swap = ([...list]: readonly number[]): number[] => [...list.slice(0, -2), list[list.length - 1], list[list.length - 2]];
  return { ...x, shape: swap(x.shape), strides: swap(x.strides) };
}

/** Operands `[..., queries, n]`, or without the last dimension, by name. */
type Operands = { readonly [name: string]: BlockView };

/** A kernel over the rows of scores of a block of queries. */
interface RowCall {
  readonly name: string;
  readonly reads: Operands;
  /** The first one is rows of scores. */
  readonly writes: Operands;
  /** The first query. */
  readonly first: number;
  /** Length of the rows of the result. */
  readonly width: number;
  readonly attrs: AttentionAttrs;
}

const isScores = (name: string): boolean => name === "scores" || name === "slopes";
const typeOf = (name: string): string => (isScores(name) ? "vec4<f32>" : "f32");

/** What the text of a kernel over rows depends on. */
interface RowPlan {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly rank: number;
  readonly causal: boolean;
  readonly wide: boolean;
}

/** The parts of a kernel over rows that all have; `k` is the number of four keys. */
interface RowText {
  /** Vectors of four keys in a row. */
  readonly quads: string;
  readonly width: string;
  /** Factor of the scores. */
  readonly scale: string;
  /** Four scores, scaled and masked. */
  readonly score: string;
  /** Which of four keys the query sees. */
  readonly seen: string;
  /** Element `k` of an operand's row. */
  readonly element: (name: string, k: string) => string;
  /** Elements `4 k` to `4 k + 3` of a row of scores or slopes. */
  readonly four: (name: string) => string;
}

function rowText(source: Source, { reads, writes, rank, causal, wide }: RowPlan): RowText {
  const buffers = [...reads.map((name) => source.read(typeOf(name))), ...writes.map((name) => source.write(typeOf(name)))];
  const [keys, width, count, first] = source.ints(4);
  const scale = source.float();
  const row = wide ? "group" : "index";
  source.add(...coordinates(source, rank, row));
  const names = [...reads, ...writes];
  const steps = names.map((name) => {
    const start = `${source.int()} + ${dot(source, rank)}`;
    source.add(`let ${name}_row = ${isScores(name) ? `(${start}) / 4` : start};`);
    return source.int();
  });
  const at = (name: string): number => names.indexOf(name);
  const element = (name: string, k: string): string => `${buffers[at(name)]}[${name}_row + ${k} * ${steps[at(name)]}]`;
  const four = (name: string): string => `${buffers[at(name)]}[${name}_row + k]`;
  const limit = causal ? `min(${keys}, ${first} + ${row} % ${count} + 1)` : keys;
  source.add(`let limit = vec4<i32>(${limit});`, `let quads = (${keys} + 3) / 4;`);
  const mask = range(4).map((lane) => element("mask", `min(4 * k + ${lane}, ${keys} - 1)`));
  return {
    quads: "quads",
    width,
    scale,
    score: `${four("scores")} * ${scale}${reads.includes("mask") ? ` + vec4<f32>(${mask.join(", ")})` : ""}`,
    seen: "vec4<i32>(4 * k) + vec4<i32>(0, 1, 2, 3) < limit",
    element,
    four,
  };
}

function runRows(machine: Machine, { name, reads, writes, first, width, attrs }: RowCall, print: (plan: RowPlan) => Source): void {
  const [rows] = Object.values(writes);
  const shape = rows.shape.slice(0, -1);
  const [count, keys] = rows.shape.slice(-2);
  const operands = [...Object.values(reads), ...Object.values(writes)];
  const layout = collapse(
    shape,
    operands.map(({ strides }) => strides.slice(0, shape.length)),
  );
  const plan: RowPlan = {
    reads: Object.keys(reads),
    writes: Object.keys(writes),
    rank: layout.shape.length,
    causal: attrs.causal,
    wide: wantsGroups(machine, sizeOf(shape), keys / 4),
  };
  const key = `${name} ${plan.reads} ${plan.writes} ${plan.rank} ${plan.causal} ${plan.wide}`;
  const program = machine.program(key, () => print(plan), plan.wide ? "workgroup" : "invocation");
  const params = machine.params().int(keys).int(width).int(count).int(first).float(attrs.scale).ints(layout.shape.slice(1));
  operands.forEach((x, i) =>
    params
      .int(x.offset)
      .ints(layout.strides[i])
      .int(x.strides[shape.length] ?? 0),
  );
  machine.run(
    program,
    operands.map(({ block }) => block),
    sizeOf(shape),
  );
}

/** Turns scores into weights, and writes the logarithm of the sum of their exponentials if that is wanted. */
function printWeights(plan: RowPlan): Source {
  const source = new Source(WORKGROUP);
  source.global(EXP_QUAD);
  const { quads, score, seen, element, four } = rowText(source, plan);
  const { each, sums, high } = rowLoops(source, quads, { ...plan, quads: true });
  const own = four("scores");
  const masked = `let y = select(vec4<f32>(-sc_inf()), ${score}, ${seen});`;
  source.add(...high("high", "y", [masked, `${own} = y;`]));
  source.add(...sums({ total: "y" }, [`let y = exp_quad(${own} - high);`, `${own} = y;`]), "let share = sc_divide(1.0, total);");
  source.add(...each(`${own} = ${own} * share;`));
  if (plan.writes.includes("logs")) source.add(`${plan.wide ? "if (lane == 0) " : ""}{ ${element("logs", "0")} = high + sc_log(total); }`);
  return source;
}

/** Turns the products of gradient and values into the slopes of the scores, and scores into weights unless they are weights that were read. */
function printSlopes(plan: RowPlan): Source {
  const source = new Source(WORKGROUP);
  const { quads, width, scale, score, seen, element, four } = rowText(source, plan);
  const { each } = rowLoops(source, quads, plan);
  const columns = rowLoops(source, width, { wide: false });
  source.add(...columns.sums({ along: `${element("grad", "k")} * ${element("result", "k")}` }));
  const slope = `${four("slopes")} = weight * (${four("slopes")} - along) * ${scale};`;
  if (plan.reads.includes("scores")) source.add(...each(`let weight = ${four("scores")};`, slope));
  else {
    source.global(EXP_QUAD);
    const weight = `let weight = select(vec4<f32>(), exp_quad(${score} - log), ${seen});`;
    source.add(`let log = ${element("logs", "0")};`, ...each(weight, `${four("scores")} = weight;`, slope));
  }
  return source;
}

/** A temporary matrix for each item of a batch; its rows begin at multiples of four. */
function temporary(machine: Machine, shape: readonly number[]): BlockView {
  const [...padded] = shape;
  const last = shape.length - 1;
  padded[last] = 4 * Math.ceil(shape[last] / 4);
  const spec = { shape: padded, dtype: "float32" } as const;
  return { ...wholeView(machine.alloc(spec), spec), shape };
}

/** The blocks of queries of a batch; where weights are a result, all are one block. */
const queriesOf = (batch: number, length: number, keys: number, { causal, weights }: AttentionAttrs): Queries[] =>
  weights ? [{ first: 0, count: length, keys }] : blocksOf(batch, length, keys, causal);

export const attention: Kernel<"attention"> = (machine, inputs, outputs, attrs) => {
  const blocks = outputs.map((spec) => machine.alloc(spec));
  const [q, k] = inputs;
  const rank = q.shape.length - 2;
  const [length, keys] = [q.shape[rank], k.shape[rank]];
  const operands = [...outputs.map((spec, i) => wholeView(blocks[i], spec)), ...inputs];
  eachBatch(operands, rank, Math.min(length, FEWEST) * keys, (part) => {
    const batch = part[0].shape.slice(0, rank);
    for (const block of queriesOf(sizeOf(batch), length, keys, attrs)) {
      const rows = (x: BlockView): BlockView => sliced(x, rank, block.first, block.count);
      const some = (x: BlockView): BlockView => sliced(x, rank, 0, block.keys);
      const [result, saved, query, key, value, mask] = part;
      const scores = attrs.weights ? saved : temporary(machine, [...batch, block.count, block.keys]);
      multiply(machine, [rows(query), turned(some(key))], scores);
      const reads: Operands = mask === undefined ? {} : { mask: rows(mask) };
      const writes: Operands = attrs.weights ? { scores } : { scores, logs: rows(saved) };
      runRows(machine, { name: "attention", reads, writes, first: block.first, width: 0, attrs }, printWeights);
      multiply(machine, [scores, some(value)], rows(result));
      if (!attrs.weights) machine.free(scores.block);
    }
  });
  return blocks;
};

/** Adds what a block of queries gives to the gradients. `fresh`: nothing has been added for these keys before. */
function addGradients(
  machine: Machine,
  part: readonly BlockView[],
  { first, count, keys }: Queries,
  attrs: AttentionAttrs,
  fresh: boolean,
): void {
  const [dq, dk, dv, ...given] = part;
  const rank = dq.shape.length - 2;
  const rows = (x: BlockView): BlockView => sliced(x, rank, first, count);
  const some = (x: BlockView): BlockView => sliced(x, rank, 0, keys);
  const [grad, query, key, value, result, saved, mask] = given;
  const shape = [...dq.shape.slice(0, rank), count, keys];
  const [scores, slopes] = [attrs.weights ? saved : temporary(machine, shape), temporary(machine, shape)];
  if (!attrs.weights) multiply(machine, [rows(query), turned(some(key))], scores);
  multiply(machine, [rows(grad), turned(some(value))], slopes);
  const along: Operands = { grad: rows(grad), result: rows(result) };
  const reads: Operands = attrs.weights ? { ...along, scores } : { ...along, logs: rows(saved), ...(mask && { mask: rows(mask) }) };
  const writes: Operands = attrs.weights ? { slopes } : { slopes, scores };
  const width = value.shape[rank + 1];
  runRows(machine, { name: "attentionGrad", reads, writes, first, width, attrs }, printSlopes);
  multiply(machine, [turned(scores), rows(grad)], some(dv), !fresh);
  multiply(machine, [slopes, some(key)], rows(dq));
  multiply(machine, [turned(slopes), rows(query)], some(dk), !fresh);
  if (!attrs.weights) machine.free(scores.block);
  machine.free(slopes.block);
}

export const attentionGrad: Kernel<"attentionGrad"> = (machine, inputs, outputs, attrs) => {
  const blocks = outputs.map((spec) => machine.alloc(spec));
  const [, q, k, , , saved] = inputs;
  // Weights are read by fours.
  const apart = attrs.weights && !(isContiguous(saved.shape, saved.strides) && saved.offset % 4 === 0);
  const own = apart ? wholeView(copyOf(machine, saved), saved) : saved;
  const rank = q.shape.length - 2;
  const [length, keys] = [q.shape[rank], k.shape[rank]];
  const operands = [...outputs.map((spec, i) => wholeView(blocks[i], spec)), ...inputs.slice(0, 5), own, ...inputs.slice(6)];
  eachBatch(operands, rank, Math.min(length, FEWEST) * keys, (part) => {
    const queries = queriesOf(sizeOf(part[0].shape.slice(0, rank)), length, keys, attrs).reverse();
    // The last queries see the most keys; the first block fills all keys' gradients, with zeros where nobody looks.
    queries.forEach((block, i) => {
      addGradients(machine, part, i === 0 ? { ...block, keys } : block, attrs, i === 0);
    });
  });
  if (apart) machine.free(own.block);
  return blocks;
};
