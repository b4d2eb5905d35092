/**
 * The packed matrix product as one WebAssembly module: micro-kernels, the macro-kernel over packed panels, and the blocking driver.
 * Everything comes through arguments, so any thread may run any part with a workspace of its own.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, ModuleBuilder, type Operand, V128 } from "./asm.js";
import { ACCUMULATE, type Element, FLOAT32, PANELS, RELU, zeroVector } from "./element.js";
import type { KernelOptions } from "./features.js";
import { emitPack } from "./gemm-pack.js";
import { emitTurn } from "./gemm-turn.js";
import { emitGemvColumns, emitGemvRows } from "./gemv-emit.js";

/** A register tile and how its kernel is written. */
interface Tile {
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
const tileOf = (form: Tile["form"]): Tile => ({ rows: form === "short" ? 4 : 6, vectors: form === "joins" ? 4 : 2, form });
const WIDE = tileOf("joins");

const BLOCK_DEPTH = 384;
const BLOCK_TILES = 20;
const BLOCK_COLUMNS = 1024;
/** Room at the front of a workspace: a clipped tile, a clipped bias, and values whose addition changes nothing. */
const CLIP_BYTES = 1024;
const CLIPPED_BIAS = 512;
const NEUTRAL = 768;

const columnsOf = (element: Element, { vectors }: Tile): number => vectors * element.lanes;

/** Bytes of workspace that each thread hands to the driver. */
export function gemmWorkspace(element: Element): number {
  return CLIP_BYTES + BLOCK_DEPTH * (BLOCK_COLUMNS + BLOCK_TILES * WIDE.rows) * element.bytes;
}

/**
 * Emits the module. Its exports, with pointers and strides in bytes:
 * - `gemm(m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias, workspace)` for positive n and k;
 *   with no rows, it packs b into panels at c, for products that get them for b and PANELS in `mode`,
 * - `gemmTurned`, the same with a result that is stored column after column, `cRow` apart, a bias per row and at most one block of rows,
 * - `gemvRows(n, k, x, matrix, stride, y, mode)` and `gemvColumns`, see gemv-emit,
 * - `copy(target, source, bytes)`.
 */
export function emitGemm(options: KernelOptions, element: Element): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  const tiles = emitTiles(module, element, tileOf(options.tile), options.fma);
  emitDriver(module, element, "gemm", tiles, emitMacro(module, element, tiles));
  const turned = options.tile === "short" ? tiles : emitTiles(module, element, tileOf("short"), options.fma, tiles.packB);
  emitDriver(module, element, "gemmTurned", turned, emitTurnedMacro(module, element, turned));
  emitGemvRows(module, element, options);
  emitGemvColumns(module, element, options.fma);
  module.function("copy", [I32, I32, I32]).get(0).get(1).get(2).memoryCopy();
  return module.bytes();
}

/** Emits `gemm` alone, for V8 with vectors of 256 bits; relu, and a bias with ACCUMULATE, are left to the other module. */
export function emitWideGemm(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  const tiles = emitTiles(module, FLOAT32, WIDE, options.fma);
  emitDriver(module, FLOAT32, "gemm", tiles, emitMacro(module, FLOAT32, tiles));
  return module.bytes();
}

/** The functions around one tile. */
interface Tiles {
  readonly tile: Tile;
  readonly packA: FunctionBuilder;
  readonly packB: FunctionBuilder;
  /** The micro-kernels for 1, 2, ... rows. */
  readonly micro: readonly FunctionBuilder[];
}

function emitTiles(module: ModuleBuilder, element: Element, tile: Tile, fma: boolean, packB?: FunctionBuilder): Tiles {
  return {
    tile,
    packA: emitPack(module, undefined, element, tile.rows),
    packB: packB ?? emitPack(module, undefined, element, columnsOf(element, tile)),
    micro: Array.from({ length: tile.rows }, (_, i) => emitMicro(module, element, tile, fma, i + 1)),
  };
}

/** How many rows of a micro-kernel each block of its code takes. */
const groupsOf = ({ form }: Tile, rows: number): readonly number[] =>
  form === "grouped" && rows > 4 ? [2, 2, 1, 1].slice(0, rows - 2) : [rows];

/**
 * Emits `micro(depth, a, b, c, cRow, mode, bias, extra)`: `rows` rows of a tile of c from one panel of a and one of b. `extra` is the address of
 * vectors whose addition changes nothing where the tile joins, -1 else. The loop is not unrolled: V8 up to version 12 moves all loads of a
 * block to its front, and more of them than registers would spill.
 */
function emitMicro(module: ModuleBuilder, element: Element, tile: Tile, fma: boolean, rows: number): FunctionBuilder {
  const f = module.function(undefined, Array(8).fill(I32));
  const [depth, a, b, , , , bias, always] = [0, 1, 2, 3, 4, 5, 6, 7];
  const sums = Array.from({ length: rows }, () => f.locals(V128, tile.vectors));
  const right = f.locals(V128, tile.vectors);
  const left = f.local(V128);
  const joins = tile.form === "joins";
  const start = (): void => {
    for (const row of sums) for (const [j, sum] of row.entries()) f.load("v128.load", bias, 16 * j).set(sum);
  };
  // Without a bias its address is 0, where nothing but zeros lie.
  if (joins) start();
  else f.get(bias).if(start);
  const addRows = (first: number, end: number): void => {
    for (let i = first; i < end; i++) {
      f.load(element.loadSplat, a, i * element.bytes).set(left);
      for (const [j, sum] of sums[i].entries()) f.mulAdd(element.vector, fma, left, right[j], sum).set(sum);
    }
  };
  f.loop(() => {
    for (const [j, vector] of right.entries()) f.load("v128.load", b, 16 * j).set(vector);
    let first = 0;
    for (const count of groupsOf(tile, rows)) {
      const [from, end] = [first, first + count];
      if (end === rows) addRows(from, end);
      else f.ifBits(always, 1 << from, () => addRows(from, end));
      first = end;
    }
    f.inc(a, tile.rows * element.bytes).inc(b, 16 * tile.vectors);
    f.get(depth).i32(1).op("i32.sub").tee(depth).brIf(0);
  });
  if (joins) storeJoined(f, element, sums);
  else storeByMode(f, element, sums);
  return f;
}

/** Calls `body` with each sum and where it lies from the address in the local that it gets. */
function eachSum(f: FunctionBuilder, sums: readonly (readonly Local[])[], body: (sum: Local, row: Local, offset: number) => void): void {
  const [c, cRow] = [3, 4];
  const row = f.local(I32);
  f.get(c).set(row);
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
  const [addend, addendRow] = f.locals(I32, 2);
  const adds = and(mode, lit(ACCUMULATE));
  f.assign(addend, choose(adds, c, neutral)).assign(addendRow, choose(adds, cRow, lit(0)));
  for (const line of sums) {
    for (const [j, sum] of line.entries())
      f.load("v128.load", addend, 16 * j)
        .get(sum)
        .op(`${element.vector}.add`)
        .set(sum);
    f.addTo(addend, addendRow);
  }
  eachSum(f, sums, (sum, row, offset) => f.store("v128.store", row, sum, offset));
}

/**
 * Emits `macro(rows, columns, depth, a, b, c, cRow, mode, bias, scratch)`: all tiles of one packed block. A tile that sticks out to the
 * right is computed into the scratch and copied as far as it is valid.
 */
function emitMacro(module: ModuleBuilder, element: Element, { micro, tile: { rows: tileRows, vectors, form } }: Tiles): FunctionBuilder {
  const clip = emitClip(module, element, vectors);
  const f = module.function(undefined, Array(10).fill(I32));
  const [rows, columns, depth, a, b, c, cRow, mode, bias, scratch] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const [i, j, left, width, panel, target] = f.locals(I32, 6);
  const { add, ge, lit, min, mul, sub } = arithmetic(f);
  const tile = vectors * element.lanes;
  const tileBytes = tile * element.bytes;
  const extra = form === "joins" ? add(scratch, lit(NEUTRAL)) : lit(-1);
  const eachTile = (body: () => void): void => {
    f.assign(i, lit(0)).assign(panel, a).assign(target, c);
    f.forRange(i, rows, tileRows, () => {
      f.assign(left, sub(rows, i));
      body();
      f.addTo(panel, mul(depth, lit(tileRows * element.bytes))).addTo(target, mul(cRow, lit(tileRows)));
    });
  };
  const whole = (): void => eachTile(() => callByRows(f, micro, left, [depth, panel, b, target, cRow, mode, bias, extra]));
  const clipped = (): void => {
    const clippedBias = add(scratch, lit(CLIPPED_BIAS));
    f.get(bias).if(() => {
      f.push(clippedBias)
        .get(bias)
        .push(mul(width, lit(element.bytes)))
        .memoryCopy();
      f.assign(bias, clippedBias);
    });
    eachTile(() => {
      callByRows(f, micro, left, [depth, panel, b, scratch, lit(tileBytes), lit(0), bias, extra]);
      f.call(clip, min(left, lit(tileRows)), width, scratch, target, cRow, mode);
    });
  };
  f.forRange(j, columns, tile, () => {
    f.assign(width, sub(columns, j));
    f.push(ge(width, lit(tile))).if(whole, clipped);
    f.addTo(b, mul(depth, lit(tileBytes))).inc(c, tileBytes);
    f.get(bias).if(() => f.inc(bias, tileBytes));
  });
  return f;
}

/**
 * Emits `macro(rows, columns, depth, a, b, c, cRow, mode, bias, scratch)` for a turned result: every tile is computed into the scratch and
 * turned on its way out.
 */
function emitTurnedMacro(module: ModuleBuilder, element: Element, { micro, tile: { rows: tileRows, vectors } }: Tiles): FunctionBuilder {
  const turn = emitTurn(module, element, vectors);
  const f = module.function(undefined, Array(10).fill(I32));
  const [rows, columns, depth, a, b, c, cRow, mode, bias, scratch] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const [i, j, left, panel, target, ownBias] = f.locals(I32, 6);
  const { lit, min, mul, sub } = arithmetic(f);
  const tile = vectors * element.lanes;
  f.forRange(j, columns, tile, () => {
    f.assign(i, lit(0)).assign(panel, a).assign(target, c).assign(ownBias, bias);
    f.forRange(i, rows, tileRows, () => {
      f.assign(left, sub(rows, i));
      callByRows(f, micro, left, [depth, panel, b, scratch, lit(tile * element.bytes), lit(0), lit(0), lit(-1)]);
      f.call(turn, min(left, lit(tileRows)), min(sub(columns, j), lit(tile)), scratch, target, cRow, mode, ownBias);
      f.addTo(panel, mul(depth, lit(tileRows * element.bytes))).inc(target, tileRows * element.bytes);
      f.get(bias).if(() => f.inc(ownBias, tileRows * element.bytes));
    });
    f.addTo(b, mul(depth, lit(tile * element.bytes))).addTo(c, mul(cRow, lit(tile)));
  });
  return f;
}

/** Calls the micro-kernel for `left` rows, the full tile first since it is the common one. */
function callByRows(f: FunctionBuilder, micro: readonly FunctionBuilder[], left: Local, args: readonly Operand[]): void {
  const { ge, lit } = arithmetic(f);
  const from = (rows: number): void => {
    const call = (): FunctionBuilder => f.call(micro[rows - 1], ...args);
    if (rows === 1) call();
    else f.push(ge(left, lit(rows))).if(call, () => from(rows - 1));
  };
  from(micro.length);
}

/** Emits `clip(rows, width, scratch, c, cRow, mode)`: the valid part of a scratch tile goes to the result. */
function emitClip(module: ModuleBuilder, element: Element, vectors: number): FunctionBuilder {
  const f = module.function(undefined, Array(6).fill(I32));
  const [rows, width, scratch, c, cRow, mode] = [0, 1, 2, 3, 4, 5];
  const [i, j, from, to] = f.locals(I32, 4);
  const value = f.local(element.type);
  const { bytes, scalar } = element;
  const tileBytes = 16 * vectors;
  f.forRange(i, rows, 1, () => {
    f.get(scratch).set(from).get(c).set(to).i32(0).set(j);
    f.forRange(j, width, 1, () => {
      f.load(element.load, from).set(value);
      f.ifBits(mode, ACCUMULATE, () => f.load(element.load, to).get(value).op(element.add).set(value));
      f.ifBits(mode, RELU, () => f.get(value)[scalar](0).op(`${scalar}.max`).set(value));
      f.store(element.store, to, value).inc(from, bytes).inc(to, bytes);
    });
    f.inc(scratch, tileBytes).addTo(c, cRow);
  });
  return f;
}

/** Emits a driver: blocks of columns, depth and rows in that order, so that a packed block of b serves all rows. */
function emitDriver(
  module: ModuleBuilder,
  element: Element,
  name: "gemm" | "gemmTurned",
  { tile, packA, packB }: Tiles,
  macro: FunctionBuilder,
): void {
  const f = module.function(name, Array(14).fill(I32));
  const [m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias, workspace] = Array.from({ length: 14 }, (_, i) => i);
  const [ic, jc, pc, mc, nc, kc, depth, packedA, packedB, panels, blockMode, blockBias, rest] = f.locals(I32, 13);
  const { add, and, ceilDiv, choose, eq, ge, lit, lt, min, mul, ne, or, sub } = arithmetic(f);
  const { bytes } = element;
  const blockRows = BLOCK_TILES * tile.rows;
  const remaining = (size: Local, done: Local, block: Operand): Operand => {
    f.assign(rest, sub(size, done));
    return min(rest, block);
  };
  const columnBytes = mul(jc, lit(bytes));
  const turned = name === "gemmTurned";
  const target = turned ? add(c, mul(ic, lit(bytes)), mul(jc, cRow)) : add(c, mul(ic, cRow), columnBytes);
  const given = and(mode, lit(PANELS));
  const panelBytes = mul(kc, lit(16 * tile.vectors));
  const rowBlock = (): void => {
    f.assign(mc, remaining(m, ic, lit(blockRows)));
    f.call(packA, mc, kc, add(a, mul(ic, aRow), mul(pc, aColumn)), aRow, aColumn, packedA, mul(kc, lit(tile.rows * bytes)));
    f.call(macro, mc, nc, kc, packedA, choose(given, panels, packedB), target, cRow, blockMode, blockBias, workspace);
  };
  const depthBlock = (): void => {
    f.assign(kc, remaining(k, pc, depth));
    f.push(eq(given, lit(0))).if(() => {
      f.call(packB, nc, kc, add(b, mul(jc, bColumn), mul(pc, bRow)), bColumn, bRow, choose(m, packedB, panels), panelBytes);
    });
    const first = eq(pc, lit(0));
    const last = ge(add(pc, kc), k);
    f.assign(blockMode, or(choose(first, and(mode, lit(ACCUMULATE)), lit(ACCUMULATE)), choose(last, and(mode, lit(RELU)), lit(0))));
    f.assign(blockBias, choose(and(first, ne(bias, lit(0))), turned ? bias : add(bias, columnBytes), lit(0)));
    f.assign(ic, lit(0)).forRange(ic, m, blockRows, rowBlock);
    f.addTo(panels, mul(panelBytes, ceilDiv(nc, lit(columnsOf(element, tile)))));
  };
  if (tile.form === "joins") {
    for (let v = 0; v < tile.vectors; v++) f.store("v128.store", workspace, () => f.f32x4(-0), NEUTRAL + 16 * v);
  }
  f.assign(packedB, add(workspace, lit(CLIP_BYTES))).assign(panels, choose(m, b, c));
  f.assign(packedA, add(packedB, lit(BLOCK_DEPTH * BLOCK_COLUMNS * bytes)));
  // Equal blocks of depth: 288 becomes 144 + 144 and not 256 + 32.
  f.assign(depth, ceilDiv(k, ceilDiv(k, lit(BLOCK_DEPTH))));
  f.forRange(jc, n, BLOCK_COLUMNS, () => {
    f.assign(nc, remaining(n, jc, lit(BLOCK_COLUMNS)));
    f.assign(pc, lit(0)).loop(() => {
      depthBlock();
      f.assign(pc, add(pc, depth));
      f.push(lt(pc, k)).brIf(0);
    });
  });
}
