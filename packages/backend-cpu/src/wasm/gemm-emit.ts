/**
 * The packed matrix product as one WebAssembly module: micro-kernels, the macro-kernel over packed panels, and the blocking driver.
 * Everything comes through arguments, so any thread may run any part with a workspace of its own.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, ModuleBuilder, type Operand, V128 } from "./asm.js";
import { ACCUMULATE, type Element, RELU, zeroVector } from "./element.js";
import type { KernelOptions } from "./features.js";
import { emitPack } from "./gemm-pack.js";
import { emitTurn } from "./gemm-turn.js";
import { emitGemvColumns, emitGemvRows } from "./gemv-emit.js";

/** Rows of a register tile. With two vectors per row, 8 sums, 2 and 4 loads stay within the 15 registers V8 can use. */
const TILE_ROWS = 4;
const TILE_VECTORS = 2;
const BLOCK_DEPTH = 256;
const BLOCK_ROWS = 20 * TILE_ROWS;
const BLOCK_COLUMNS = 512;
/** Room at the front of a workspace for a clipped tile and a clipped bias. */
const CLIP_BYTES = 512;

const tileColumns = (element: Element): number => TILE_VECTORS * element.lanes;

/** Bytes of workspace that each thread hands to the driver. */
export function gemmWorkspace(element: Element): number {
  return CLIP_BYTES + BLOCK_DEPTH * (BLOCK_COLUMNS + BLOCK_ROWS) * element.bytes;
}

/**
 * Emits the module. Its exports, with pointers and strides in bytes:
 * - `gemm(m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias, workspace)` for positive sizes,
 * - `gemmTurned`, the same with a result that is stored column after column, `cRow` apart, a bias per row and at most one block of rows,
 * - `gemvRows(n, k, x, matrix, stride, y, mode)` and `gemvColumns`, see gemv-emit,
 * - `copy(target, source, bytes)`, and `micro4`, the full tile, for measuring.
 */
export function emitGemm(options: KernelOptions, element: Element): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  const packA = emitPack(module, undefined, element, TILE_ROWS);
  const packB = emitPack(module, undefined, element, tileColumns(element));
  const micro = Array.from({ length: TILE_ROWS }, (_, i) => emitMicro(module, element, options.fma, i + 1));
  emitDriver(module, element, "gemm", packA, packB, emitMacro(module, element, micro));
  emitDriver(module, element, "gemmTurned", packA, packB, emitTurnedMacro(module, element, micro));
  emitGemvRows(module, element, options.fma);
  emitGemvColumns(module, element, options.fma);
  module.function("copy", [I32, I32, I32]).get(0).get(1).get(2).memoryCopy();
  return module.bytes();
}

/**
 * Emits `micro(depth, a, b, c, cRow, mode, bias)`: `rows` x 2 vectors of c from one panel of a and one of b. The loop is not unrolled:
 * V8 up to version 12 moves all loads of a block to its front, and more of them than registers would spill.
 */
function emitMicro(module: ModuleBuilder, element: Element, fma: boolean, rows: number): FunctionBuilder {
  const f = module.function(rows === TILE_ROWS ? `micro${rows}` : undefined, Array(7).fill(I32));
  const [depth, a, b, c, cRow, mode, bias] = [0, 1, 2, 3, 4, 5, 6];
  const sums = Array.from({ length: rows }, () => f.locals(V128, TILE_VECTORS));
  const right = f.locals(V128, TILE_VECTORS);
  const left = f.local(V128);
  f.get(bias).if(() => {
    for (const row of sums) for (const [j, sum] of row.entries()) f.load("v128.load", bias, 16 * j).set(sum);
  });
  f.loop(() => {
    for (const [j, vector] of right.entries()) f.load("v128.load", b, 16 * j).set(vector);
    for (const [i, row] of sums.entries()) {
      f.load(element.loadSplat, a, i * element.bytes).set(left);
      for (const [j, sum] of row.entries()) f.mulAdd(element.vector, fma, left, right[j], sum).set(sum);
    }
    f.inc(a, TILE_ROWS * element.bytes).inc(b, 16 * TILE_VECTORS);
    f.get(depth).i32(1).op("i32.sub").tee(depth).brIf(0);
  });
  const start = f.local(I32);
  const eachSum = (body: (sum: Local, offset: number) => void): void => {
    f.get(c).set(start);
    for (const row of sums) {
      for (const [j, sum] of row.entries()) body(sum, 16 * j);
      f.addTo(start, cRow);
    }
  };
  f.ifBits(mode, ACCUMULATE, () => {
    eachSum((sum, offset) => f.load("v128.load", start, offset).get(sum).op(`${element.vector}.add`).set(sum));
  });
  f.ifBits(mode, RELU, () => {
    for (const sum of sums.flat()) zeroVector(f.get(sum)).op(`${element.vector}.pmax`).set(sum);
  });
  eachSum((sum, offset) => f.store("v128.store", start, sum, offset));
  return f;
}

/**
 * Emits `macro(rows, columns, depth, a, b, c, cRow, mode, bias, scratch)`: all tiles of one packed block. A tile that sticks out to the
 * right is computed into the scratch and copied as far as it is valid.
 */
function emitMacro(module: ModuleBuilder, element: Element, micro: readonly FunctionBuilder[]): FunctionBuilder {
  const clip = emitClip(module, element);
  const f = module.function(undefined, Array(10).fill(I32));
  const [rows, columns, depth, a, b, c, cRow, mode, bias, scratch] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const [i, j, left, width, panel, target] = f.locals(I32, 6);
  const { add, ge, lit, min, mul, sub } = arithmetic(f);
  const tile = tileColumns(element);
  const tileBytes = tile * element.bytes;
  const eachTile = (body: () => void): void => {
    f.assign(i, lit(0)).assign(panel, a).assign(target, c);
    f.forRange(i, rows, TILE_ROWS, () => {
      f.assign(left, sub(rows, i));
      body();
      f.addTo(panel, mul(depth, lit(TILE_ROWS * element.bytes))).addTo(target, mul(cRow, lit(TILE_ROWS)));
    });
  };
  const whole = (): void => eachTile(() => callByRows(f, micro, left, [depth, panel, b, target, cRow, mode, bias]));
  const clipped = (): void => {
    const clippedBias = add(scratch, lit(CLIP_BYTES / 2));
    f.get(bias).if(() => {
      f.push(clippedBias)
        .get(bias)
        .push(mul(width, lit(element.bytes)))
        .memoryCopy();
      f.assign(bias, clippedBias);
    });
    eachTile(() => {
      callByRows(f, micro, left, [depth, panel, b, scratch, lit(tileBytes), lit(0), bias]);
      f.call(clip, min(left, lit(TILE_ROWS)), width, scratch, target, cRow, mode);
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
function emitTurnedMacro(module: ModuleBuilder, element: Element, micro: readonly FunctionBuilder[]): FunctionBuilder {
  const turn = emitTurn(module, element, TILE_VECTORS);
  const f = module.function(undefined, Array(10).fill(I32));
  const [rows, columns, depth, a, b, c, cRow, mode, bias, scratch] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const [i, j, left, panel, target, ownBias] = f.locals(I32, 6);
  const { lit, min, mul, sub } = arithmetic(f);
  const tile = tileColumns(element);
  f.forRange(j, columns, tile, () => {
    f.assign(i, lit(0)).assign(panel, a).assign(target, c).assign(ownBias, bias);
    f.forRange(i, rows, TILE_ROWS, () => {
      f.assign(left, sub(rows, i));
      callByRows(f, micro, left, [depth, panel, b, scratch, lit(tile * element.bytes), lit(0), lit(0)]);
      f.call(turn, min(left, lit(TILE_ROWS)), min(sub(columns, j), lit(tile)), scratch, target, cRow, mode, ownBias);
      f.addTo(panel, mul(depth, lit(TILE_ROWS * element.bytes))).inc(target, TILE_ROWS * element.bytes);
      f.get(bias).if(() => f.inc(ownBias, TILE_ROWS * element.bytes));
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
  from(TILE_ROWS);
}

/** Emits `clip(rows, width, scratch, c, cRow, mode)`: the valid part of a scratch tile goes to the result. */
function emitClip(module: ModuleBuilder, element: Element): FunctionBuilder {
  const f = module.function(undefined, Array(6).fill(I32));
  const [rows, width, scratch, c, cRow, mode] = [0, 1, 2, 3, 4, 5];
  const [i, j, from, to] = f.locals(I32, 4);
  const value = f.local(element.type);
  const { bytes, scalar } = element;
  const tileBytes = tileColumns(element) * bytes;
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
  packA: FunctionBuilder,
  packB: FunctionBuilder,
  macro: FunctionBuilder,
): void {
  const f = module.function(name, Array(14).fill(I32));
  const [m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias, workspace] = Array.from({ length: 14 }, (_, i) => i);
  const [ic, jc, pc, mc, nc, kc, depth, packedA, packedB, blockMode, blockBias, rest] = f.locals(I32, 12);
  const { add, and, ceilDiv, choose, eq, ge, lit, lt, min, mul, ne, or, sub } = arithmetic(f);
  const { bytes } = element;
  const remaining = (size: Local, done: Local, block: Operand): Operand => {
    f.assign(rest, sub(size, done));
    return min(rest, block);
  };
  const columnBytes = mul(jc, lit(bytes));
  const turned = name === "gemmTurned";
  const target = turned ? add(c, mul(ic, lit(bytes)), mul(jc, cRow)) : add(c, mul(ic, cRow), columnBytes);
  const rowBlock = (): void => {
    f.assign(mc, remaining(m, ic, lit(BLOCK_ROWS)));
    f.call(packA, mc, kc, add(a, mul(ic, aRow), mul(pc, aColumn)), aRow, aColumn, packedA, mul(kc, lit(TILE_ROWS * bytes)));
    f.call(macro, mc, nc, kc, packedA, packedB, target, cRow, blockMode, blockBias, workspace);
  };
  const depthBlock = (): void => {
    f.assign(kc, remaining(k, pc, depth));
    f.call(packB, nc, kc, add(b, mul(jc, bColumn), mul(pc, bRow)), bColumn, bRow, packedB, mul(kc, lit(tileColumns(element) * bytes)));
    const first = eq(pc, lit(0));
    const last = ge(add(pc, kc), k);
    f.assign(blockMode, or(choose(first, and(mode, lit(ACCUMULATE)), lit(ACCUMULATE)), choose(last, and(mode, lit(RELU)), lit(0))));
    f.assign(blockBias, choose(and(first, ne(bias, lit(0))), turned ? bias : add(bias, columnBytes), lit(0)));
    f.assign(ic, lit(0)).forRange(ic, m, BLOCK_ROWS, rowBlock);
  };
  f.assign(packedB, add(workspace, lit(CLIP_BYTES)));
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
