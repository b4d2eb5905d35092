/**
 * The packed matrix product as one WebAssembly module: micro-kernels, the macro-kernel over packed panels, and the blocking driver.
 * Everything comes through arguments, so any thread may run any part with a workspace of its own.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, ModuleBuilder, type Operand } from "./asm.js";
import { ACCUMULATE, type Element, FLOAT32, PANELS, RELU, storeNumber } from "./element.js";
import type { KernelOptions } from "./features.js";
import { emitPack } from "./gemm-pack.js";
import {
  BLOCK_COLUMNS,
  BLOCK_DEPTH,
  BLOCK_TILES,
  CLIP_BYTES,
  CLIPPED_BIAS,
  columnsOf,
  emitMicro,
  NEUTRAL,
  storeNeutral,
  type Tile,
  type Tiles,
  tileOf,
  WIDE,
} from "./gemm-tile.js";
import { emitTurned } from "./gemm-turn.js";
import { emitGemvColumns, emitGemvRows } from "./gemv-emit.js";

/** Bytes of workspace that each thread hands to the driver. */
export function gemmWorkspace(element: Element): number {
  return CLIP_BYTES + BLOCK_DEPTH * (BLOCK_COLUMNS + BLOCK_TILES * WIDE.rows) * element.bytes;
}

/**
 * Emits the module. Its exports, with pointers and strides in bytes:
 * - `gemm(m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias, workspace)` for positive n and k;
 *   with no rows, it packs b into panels at c, for products that get them for b and PANELS in `mode`,
 * - `gemmTurned(m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias, workspace)`, see gemm-turn,
 * - `gemvRows(n, k, x, matrix, stride, y, mode, workspace)` and `gemvColumns`, see gemv-emit,
 * - `copy(target, source, bytes)`.
 */
export function emitGemm(options: KernelOptions, element: Element): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  const tiles = emitTiles(module, element, tileOf(options.tile), options.fma);
  emitDriver(module, element, tiles, emitMacro(module, element, tiles));
  emitTurned(module, element, tiles, options.fma);
  emitGemvRows(module, element, options, false);
  emitGemvColumns(module, element, options.fma);
  module.function("copy", 3).get(0).get(1).get(2).memoryCopy();
  return module.bytes();
}

/** Emits `gemm`, `gemmTurned` and `gemvRows` for V8 with vectors of 256 bits; a `gemm` with relu, or with a bias and ACCUMULATE, is left to the other module. */
export function emitWideGemm(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  const tiles = emitTiles(module, FLOAT32, WIDE, options.fma);
  emitDriver(module, FLOAT32, tiles, emitMacro(module, FLOAT32, tiles));
  emitTurned(module, FLOAT32, tiles, options.fma);
  emitGemvRows(module, FLOAT32, options, true);
  return module.bytes();
}

function emitTiles(module: ModuleBuilder, element: Element, tile: Tile, fma: boolean): Tiles {
  return {
    tile,
    packA: emitPack(module, undefined, element, tile.rows),
    packB: emitPack(module, undefined, element, columnsOf(element, tile)),
    micro: Array.from({ length: tile.rows }, (_, i) => emitMicro(module, element, tile, fma, i + 1)),
  };
}

/**
 * Emits `macro(rows, columns, depth, a, b, c, cRow, mode, bias, scratch)`: all tiles of one packed block. A tile that sticks out to the
 * right is computed into the scratch and copied as far as it is valid.
 */
function emitMacro(module: ModuleBuilder, element: Element, { micro, tile: { rows: tileRows, vectors, form } }: Tiles): FunctionBuilder {
  const clip = emitClip(module, element, vectors);
  const f = module.function(undefined, 10);
  const [rows, columns, depth, a, b, c, cRow, mode, bias, scratch] = f.params;
  const [i, j, left, width, panel, target] = f.locals(I32, 6);
  const { add, ge, lit, min, mul, sub } = arithmetic(f);
  const tile = vectors * element.lanes;
  const tileBytes = tile * element.bytes;
  const neutral = form === "joins" ? [add(scratch, lit(NEUTRAL))] : [];
  const eachTile = (body: () => void): void => {
    f.assign(i, lit(0)).assign(panel, a).assign(target, c);
    f.forRange(i, rows, tileRows, () => {
      f.assign(left, sub(rows, i));
      body();
      f.addTo(panel, mul(depth, lit(tileRows * element.bytes))).addTo(target, mul(cRow, lit(tileRows)));
    });
  };
  const whole = (): void => eachTile(() => callByRows(f, micro, left, [depth, panel, b, target, cRow, mode, bias, ...neutral]));
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
      callByRows(f, micro, left, [depth, panel, b, scratch, lit(tileBytes), lit(0), bias, ...neutral]);
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
  const f = module.function(undefined, 6);
  const [rows, width, scratch, c, cRow, mode] = f.params;
  const [i, j, from, to] = f.locals(I32, 4);
  const value = f.local(element.type);
  const { bytes } = element;
  const tileBytes = 16 * vectors;
  f.forRange(i, rows, 1, () => {
    f.get(scratch).set(from).get(c).set(to).i32(0).set(j);
    f.forRange(j, width, 1, () => {
      f.load(element.load, from).set(value);
      storeNumber(f, element, mode, to, value);
      f.inc(from, bytes).inc(to, bytes);
    });
    f.inc(scratch, tileBytes).addTo(c, cRow);
  });
  return f;
}

/** Emits the driver: blocks of columns, depth and rows in that order, so that a packed block of b serves all rows. */
function emitDriver(module: ModuleBuilder, element: Element, { tile, packA, packB }: Tiles, macro: FunctionBuilder): void {
  const f = module.function("gemm", 14);
  const [m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias, workspace] = f.params;
  const [ic, jc, pc, mc, nc, kc, depth, packedA, packedB, panels, blockMode, blockBias, rest] = f.locals(I32, 13);
  const { add, and, ceilDiv, choose, eq, ge, lit, lt, min, mul, ne, or, sub } = arithmetic(f);
  const { bytes } = element;
  const blockRows = BLOCK_TILES * tile.rows;
  const remaining = (size: Local, done: Local, block: Operand): Operand => {
    f.assign(rest, sub(size, done));
    return min(rest, block);
  };
  const columnBytes = mul(jc, lit(bytes));
  const target = add(c, mul(ic, cRow), columnBytes);
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
    f.assign(blockBias, choose(and(first, ne(bias, lit(0))), add(bias, columnBytes), lit(0)));
    f.assign(ic, lit(0)).forRange(ic, m, blockRows, rowBlock);
    f.addTo(panels, mul(panelBytes, ceilDiv(nc, lit(columnsOf(element, tile)))));
  };
  if (tile.form === "joins") storeNeutral(f, workspace, tile);
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
