/**
 * Register tiles of the matrix products and the micro-kernels that compute them.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, type Operand, V128 } from "./asm.js";
import { ACCUMULATE, type Element, RELU, zeroVector } from "./element.js";
import type { KernelOptions } from "./features.js";

/** A register tile and how its kernel is written. */
export interface Tile {
  readonly rows: number;
  /** Vectors in a row. */
  readonly vectors: number;
  readonly form: KernelOptions["tile"] | "joins";
}

/**
 * The tile of a form, for V8's 15 registers:
 * - `short`: 8 sums, 2 and 4 loads, even if all loads of a step come before its sums, as V8 up to 12 orders a block of code,
 * - `tall`: 12 sums, 2 and 1 loads,
 * - `grouped`: the same for V8 up to 12: rows under conditions that always hold are blocks of their own, so that few loads come first,
 * - `joins`: the same for vectors of 256 bits; loads and stores of the result in one stretch, without conditions, so that V8 joins pairs of
 *   vectors.
 */
export const tileOf = (form: Tile["form"]): Tile => ({ rows: form === "short" ? 4 : 6, vectors: form === "joins" ? 4 : 2, form });
export const WIDE: Tile = tileOf("joins");

export const BLOCK_DEPTH = 256;
export const BLOCK_TILES = 20;
export const BLOCK_COLUMNS = 1024;
/** Room at the front of a workspace: a clipped tile, a clipped bias, and values whose addition changes nothing. */
export const CLIP_BYTES = 1024;
export const CLIPPED_BIAS = 512;
export const NEUTRAL = 768;

/** True if `turned` micro-kernels do without packing a. Each of its rows takes a register for its address, of which V8 has enough. */
export const readsDirectly = ({ form }: Tile): boolean => form !== "short";

export const columnsOf = (element: Element, { vectors }: Tile): number => vectors * element.lanes;

/** The functions around one tile. */
export interface Tiles {
  readonly tile: Tile;
  readonly packA: FunctionBuilder;
  readonly packB: FunctionBuilder;
  /** The micro-kernels for 1, 2, ... rows. */
  readonly micro: readonly FunctionBuilder[];
}

/** How many rows of a micro-kernel each block of its code takes. */
const groupsOf = ({ form }: Tile, rows: number): readonly number[] =>
  form === "grouped" && rows > 4 ? [2, 2, 1, 1].slice(0, rows - 2) : [rows];

/**
 * Emits `micro(depth, a, b, c, cRow, mode, bias)`: `rows` rows of a tile of c from one panel of a and one of b. Where the tile joins there is
 * a further parameter, the address of vectors whose addition changes nothing. The loop is not unrolled: V8 up to version 12 moves all loads
 * of a block to its front, and more of them than registers would spill. An address that a step has just computed needs no extension to 64
 * bits: steps begin with the move to their elements.
 *
 * Where it is `turned` the bias belongs to the rows, and a last parameter `valid` says how many of them exist; the others are computed
 * from anything. If its form reads a directly, `aRow` and `aColumn` follow: a is no panel but lies in memory as it is.
 */
export function emitMicro(
  module: ModuleBuilder,
  element: Element,
  tile: Tile,
  fma: boolean,
  rows: number,
  turned = false,
): FunctionBuilder {
  const direct = turned && readsDirectly(tile);
  const joins = tile.form === "joins";
  const f = module.function(undefined, 7 + (joins ? 1 : 0) + (turned ? (direct ? 3 : 1) : 0));
  const [depth, a, b, , , , bias, ...rest] = f.params;
  const [valid, aRow, aColumn] = rest.slice(joins ? 1 : 0);
  const sums = Array.from({ length: rows }, () => f.locals(V128, tile.vectors));
  const right = f.locals(V128, tile.vectors);
  const left = f.local(V128);
  const { add, choose, lit, lt } = arithmetic(f);
  const ofRow = (i: number, step: Operand): Operand => choose(lt(lit(i), valid), step, lit(0));
  const lines = direct ? [a, ...f.locals(I32, rows - 1)] : [];
  for (let i = 1; i < lines.length; i++) f.assign(lines[i], add(lines[i - 1], ofRow(i, aRow)));
  const start = (): void => {
    for (const [i, row] of sums.entries()) {
      if (turned) f.load(element.loadSplat, add(bias, ofRow(i, lit(i * element.bytes)))).set(left);
      for (const [j, sum] of row.entries()) f.push(turned ? left : () => f.load("v128.load", bias, 16 * j)).set(sum);
    }
  };
  // Without a bias its address is 0, where nothing but zeros lie.
  if (joins) start();
  else f.get(bias).if(start);
  const addRows = (first: number, end: number): void => {
    for (let i = first; i < end; i++) {
      if (direct) f.load(element.loadSplat, lines[i]).set(left);
      else f.load(element.loadSplat, a, i * element.bytes).set(left);
      for (const [j, sum] of sums[i].entries()) f.mulAdd(element.vector, fma, left, right[j], sum).set(sum);
    }
  };
  const advance = (direction: 1 | -1): void => {
    if (direct) for (const line of lines) f.apply(direction === 1 ? "i32.add" : "i32.sub", line, aColumn).set(line);
    else f.inc(a, direction * tile.rows * element.bytes);
    f.inc(b, direction * 16 * tile.vectors);
  };
  advance(-1);
  f.loop(() => {
    advance(1);
    for (const [j, vector] of right.entries()) f.load("v128.load", b, 16 * j).set(vector);
    let first = 0;
    for (const [group, count] of groupsOf(tile, rows).entries()) {
      const [from, end] = [first, first + count];
      if (end === rows) addRows(from, end);
      else f.get((direct ? lines : [a, b, depth])[group]).if(() => addRows(from, end));
      first = end;
    }
    f.get(depth).i32(1).op("i32.sub").tee(depth).brIf(0);
  });
  if (joins) storeJoined(f, element, sums);
  else storeByMode(f, element, sums);
  return f;
}

/** Calls `body` with each sum and where it lies from the address in the local that it gets, which starts at `c`. */
function eachSum(
  f: FunctionBuilder,
  sums: readonly (readonly Local[])[],
  body: (sum: Local, row: Local, offset: number) => unknown,
  c: Operand = 3,
  cRow: Operand = 4,
): void {
  const row = f.local(I32);
  f.assign(row, c);
  for (const line of sums) {
    for (const [j, sum] of line.entries()) body(sum, row, 16 * j);
    f.addTo(row, cRow);
  }
}

/** One vector after the other, and no value for all of them: with more of it in registers, the loop before would lose some of its own. */
function storeByMode(f: FunctionBuilder, element: Element, sums: readonly (readonly Local[])[]): void {
  const mode = 5;
  const leave = (adds: boolean, clamps: boolean): void =>
    eachSum(f, sums, (sum, row, offset) => {
      if (adds) f.load("v128.load", row, offset).get(sum).op(`${element.vector}.add`).set(sum);
      if (clamps) zeroVector(f.get(sum)).op(`${element.vector}.pmax`).set(sum);
      f.store("v128.store", row, sum, offset);
    });
  const choose = (bit: number, body: (on: boolean) => void): void =>
    void f
      .get(mode)
      .i32(bit)
      .op("i32.and")
      .if(
        () => body(true),
        () => body(false),
      );
  choose(ACCUMULATE, (adds) => choose(RELU, (clamps) => leave(adds, clamps)));
}

/** Adds what the result holds, or else what changes nothing. */
function storeJoined(f: FunctionBuilder, element: Element, sums: readonly (readonly Local[])[]): void {
  const [c, cRow, mode, neutral] = [3, 4, 5, 7];
  const { and, choose, lit } = arithmetic(f);
  const addendRow = f.local(I32);
  const adds = and(mode, lit(ACCUMULATE));
  f.assign(addendRow, choose(adds, cRow, lit(0)));
  const add = (sum: Local, row: Local, offset: number): unknown =>
    f.load("v128.load", row, offset).get(sum).op(`${element.vector}.add`).set(sum);
  eachSum(f, sums, add, choose(adds, c, neutral), addendRow);
  eachSum(f, sums, (sum, row, offset) => f.store("v128.store", row, sum, offset));
}

/** Puts what the addition of changes nothing where {@link emitMicro} gets it from. */
export function storeNeutral(f: FunctionBuilder, workspace: Local, tile: Tile): void {
  for (let v = 0; v < tile.vectors; v++) f.store("v128.store", workspace, () => f.f32x4(-0), NEUTRAL + 16 * v);
}
