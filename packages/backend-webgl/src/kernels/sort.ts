import { type DType, sizeOf } from "@sconce/core";
import { orderText, typeOf } from "@sconce/core/shader";
import { Source } from "../glsl/source.js";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../textures.js";
import type { Kernel } from "./kernel.js";
import { placeText, type Rows, rowParams, rowsOf, startText, writeRows } from "./rows.js";

/** Rows up to this length are sorted by counting what comes before each element; longer ones by a bitonic network. */
const COUNTED = 512;

/** What the kernels of a sort depend on. */
interface Plan {
  readonly dtype: DType;
  readonly rank: number;
  readonly descending: boolean;
}

const keyOf = ({ dtype, rank, descending }: Plan): string => `${dtype} ${rank} ${descending}`;

/** The place of each element in its sorted row. */
function printRank(plan: Plan): Source {
  const source = new Source();
  const x = source.read(plan.dtype);
  source.global(orderText(plan.dtype, plan.descending));
  const row = rowParams(source);
  placeText(source, row);
  startText(source, plan.rank, "row");
  const read = (k: string): string => x.at(`start + ${k} * ${row.step}`);
  source.add(`${typeOf(plan.dtype)} y = ${read("at")};`, "int place = 0;", `for (int j = 0; j < ${row.length}; j++) {`);
  source.add(`  if (j != at && sc_before(${read("j")}, j, y, at)) { place++; }`, "}", "return sc_store_int(place);");
  return source;
}

/** Which element of its row has each place, given the places `[..., length, ...]`. */
function printPositions(): Source {
  const source = new Source();
  const places = source.read("int32");
  const row = rowParams(source);
  placeText(source, row);
  source.add(`int first = index - at * ${row.inner};`, "int found = 0;", `for (int j = 0; j < ${row.length}; j++) {`);
  source.add(`  if (${places.at(`first + j * ${row.inner}`)} == at) { found = j; }`, "}", "return sc_store_int(found);");
  return source;
}

/** The elements at the positions. */
function printTake(plan: Plan): Source {
  const source = new Source();
  const [x, positions] = [source.read(plan.dtype), source.read("int32")];
  const row = rowParams(source);
  placeText(source, row);
  startText(source, plan.rank, "row");
  source.add(`return ${x.raw(`start + ${positions.at("index")} * ${row.step}`)};`);
  return source;
}

function countPositions(machine: Machine, x: BlockView, plan: Plan, rows: Rows, size: number): Block {
  const places = machine.alloc(x);
  const rank = machine.program(`sort rank ${keyOf(plan)}`, () => printRank(plan));
  writeRows(machine.params(), rows);
  machine.run(rank, [x.block], places, size);
  const positions = machine.alloc(x);
  const invert = machine.program("sort positions", printPositions);
  machine.params().int(rows.length).int(rows.step).int(rows.inner);
  machine.run(invert, [places], positions, size);
  machine.free(places);
  return positions;
}

function printStart(): Source {
  const source = new Source();
  const padded = source.int();
  source.add(`return float(index - (index / ${padded}) * ${padded});`);
  return source;
}

/** One step of the network over `[rows, padded]` positions; those beyond the row's length come last. Both of a pair compare alike. */
function printNetwork(plan: Plan): Source {
  const source = new Source();
  const [x, order] = [source.read(plan.dtype), source.read("int32")];
  source.global(orderText(plan.dtype, plan.descending));
  const { length, step } = rowParams(source);
  const [padded, block, distance] = source.ints(3);
  source.add(`int row = index / ${padded};`, `int at = index - row * ${padded};`);
  startText(source, plan.rank, "row");
  source.add(`bool lower = (at & ${distance}) == 0;`, `int low = lower ? at : at - ${distance};`);
  source.add(`int i = ${order.at(`row * ${padded} + low`)};`, `int j = ${order.at(`row * ${padded} + low + ${distance}`)};`);
  const read = (k: string): string => x.at(`start + min(${k}, ${length} - 1) * ${step}`);
  source.add("bool swap = i > j;", `if (i < ${length} && j < ${length}) { swap = sc_before(${read("j")}, j, ${read("i")}, i); }`);
  source.add(`bool up = (low & ${block}) == 0;`, "return float((swap == up) == lower ? j : i);");
  return source;
}

/** Positions of a padded order, without the padding. */
function printFinish(): Source {
  const source = new Source();
  const order = source.read("int32");
  const row = rowParams(source);
  placeText(source, row);
  source.add(`return ${order.raw(`row * ${source.int()} + at`)};`);
  return source;
}

function networkPositions(machine: Machine, x: BlockView, plan: Plan, rows: Rows, size: number): Block {
  const padded = 2 ** Math.ceil(Math.log2(rows.length));
  const spec = { shape: [rows.count, padded] };
  let order = machine.alloc(spec);
  machine.params().int(padded);
  machine.run(machine.program("sort start", printStart), [], order, rows.count * padded);
  const network = machine.program(`sort network ${keyOf(plan)}`, () => printNetwork(plan));
  for (let block = 2; block <= padded; block *= 2) {
    for (let distance = block / 2; distance >= 1; distance /= 2) {
      const next = machine.alloc(spec);
      const { length, step, inner, shape, offset, strides } = rows;
      machine.params().ints([length, step, inner, padded, block, distance]).ints(shape.slice(1)).int(offset).ints(strides);
      machine.run(network, [x.block, order], next, rows.count * padded);
      machine.free(order);
      order = next;
    }
  }
  const positions = machine.alloc(x);
  machine.params().int(rows.length).int(rows.step).int(rows.inner).int(padded);
  machine.run(machine.program("sort finish", printFinish), [order], positions, size);
  machine.free(order);
  return positions;
}

export const sort: Kernel<"sort"> = (machine, [x], [output], { dim, descending }) => {
  const rows = rowsOf(x, dim);
  const plan: Plan = { dtype: x.dtype, rank: rows.shape.length, descending };
  const size = sizeOf(x.shape);
  const values = machine.alloc(output);
  if (size === 0) return [values, machine.alloc(output)];
  const find = rows.length > COUNTED ? networkPositions : countPositions;
  const positions = find(machine, x, plan, rows, size);
  const take = machine.program(`sort take ${keyOf(plan)}`, () => printTake(plan));
  writeRows(machine.params(), rows);
  machine.run(take, [x.block, positions], values, size);
  return [values, positions];
};
