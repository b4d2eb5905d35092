/**
 * The packed matrix product as one WebAssembly module: micro-kernels, the macro-kernel over packed panels, and the blocking driver.
 * Everything comes through arguments, so any thread may run any part with a workspace of its own.
 *
 * @module
 */
import { type FunctionBuilder, I32, type Local, ModuleBuilder, V128 } from "./asm.js";
import { at, type Element, zeroVector } from "./element.js";
import type { KernelOptions } from "./features.js";
import { emitPack } from "./gemm-pack.js";
import { emitGemvColumns, emitGemvRows } from "./gemv-emit.js";

/** Mode bit: add to what the result holds instead of replacing it. */
export const ACCUMULATE = 1;
/** Mode bit: clamp the finished result at zero; NaN stays. */
export const RELU = 2;

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
 * - `gemvRows(n, k, x, matrix, stride, y, mode)` and `gemvColumns`, see gemv-emit,
 * - `copy(target, source, bytes)`, and `micro4`, the full tile, for measuring.
 */
export function emitGemm(options: KernelOptions, element: Element): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  const packA = emitPack(module, undefined, element, TILE_ROWS);
  const packB = emitPack(module, undefined, element, tileColumns(element));
  const micro = Array.from({ length: TILE_ROWS }, (_, i) => emitMicro(module, element, options.fma, i + 1));
  const macro = emitMacro(module, element, micro);
  emitDriver(module, element, packA, packB, macro);
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
    for (const row of sums)
      row.forEach((sum, j) =>
        f
          .get(bias)
          .mem("v128.load", 16 * j)
          .set(sum),
      );
  });
  f.loop(() => {
    right.forEach((vector, j) =>
      f
        .get(b)
        .mem("v128.load", 16 * j)
        .set(vector),
    );
    sums.forEach((row, i) => {
      f.get(a)
        .mem(element.loadSplat, i * element.bytes)
        .set(left);
      row.forEach((sum, j) => f.mulAdd(element.vector, fma, left, right[j], sum).set(sum));
    });
    f.inc(a, TILE_ROWS * element.bytes).inc(b, 16 * TILE_VECTORS);
    f.get(depth).i32(1).op("i32.sub").tee(depth).brIf(0);
  });
  const eachRow = (body: (sum: Local, offset: number) => void): void => {
    sums.forEach((row, i) => {
      row.forEach((sum, j) => body(sum, 16 * j));
      if (i < rows - 1) f.addTo(c, cRow);
    });
  };
  const start = f.local(I32);
  f.get(c).set(start);
  f.get(mode)
    .i32(ACCUMULATE)
    .op("i32.and")
    .if(() => {
      eachRow((sum, offset) => f.get(c).mem("v128.load", offset).get(sum).op(`${element.vector}.add`).set(sum));
      f.get(start).set(c);
    });
  f.get(mode)
    .i32(RELU)
    .op("i32.and")
    .if(() => {
      for (const sum of sums.flat()) zeroVector(f.get(sum)).op(`${element.vector}.pmax`).set(sum);
    });
  eachRow((sum, offset) => f.get(c).get(sum).mem("v128.store", offset));
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
  const { bytes } = element;
  const tile = tileColumns(element);
  const clippedBias = (): FunctionBuilder =>
    f
      .get(scratch)
      .i32(CLIP_BYTES / 2)
      .op("i32.add");
  const eachTile = (body: () => void): void => {
    f.i32(0).set(i).get(a).set(panel).get(c).set(target);
    f.forRange(i, rows, TILE_ROWS, () => {
      f.get(rows).get(i).op("i32.sub").set(left);
      body();
      f.addTo(panel, () =>
        f
          .get(depth)
          .i32(TILE_ROWS * bytes)
          .op("i32.mul"),
      );
      f.addTo(target, () => f.get(cRow).i32(TILE_ROWS).op("i32.mul"));
    });
  };
  f.i32(0).set(j);
  f.forRange(j, columns, tile, () => {
    f.get(columns)
      .get(j)
      .op("i32.sub")
      .tee(width)
      .i32(tile)
      .op("i32.ge_s")
      .if(
        () => eachTile(() => callByRows(f, micro, left, () => f.get(depth).get(panel).get(b).get(target).get(cRow).get(mode).get(bias))),
        () => {
          f.get(bias).if(() => {
            clippedBias().get(bias).get(width).i32(bytes).op("i32.mul").memoryCopy();
            clippedBias().set(bias);
          });
          eachTile(() => {
            callByRows(f, micro, left, () =>
              f
                .get(depth)
                .get(panel)
                .get(b)
                .get(scratch)
                .i32(tile * bytes)
                .i32(0)
                .get(bias),
            );
            f.minI32(left, () => f.i32(TILE_ROWS))
              .get(width)
              .get(scratch)
              .get(target)
              .get(cRow)
              .get(mode)
              .call(clip);
          });
        },
      );
    f.addTo(b, () =>
      f
        .get(depth)
        .i32(tile * bytes)
        .op("i32.mul"),
    ).inc(c, tile * bytes);
    f.get(bias).if(() => f.inc(bias, tile * bytes));
  });
  return f;
}

/** Calls the micro-kernel for `left` rows, the full tile first since it is the common one. */
function callByRows(f: FunctionBuilder, micro: readonly FunctionBuilder[], left: Local, args: () => unknown): void {
  const chain = (rows: number): void => {
    args();
    f.call(micro[rows - 1]);
  };
  const from = (rows: number): void => {
    if (rows === 1) chain(1);
    else
      f.get(left)
        .i32(rows)
        .op("i32.ge_s")
        .if(
          () => chain(rows),
          () => from(rows - 1),
        );
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
      f.get(from).mem(element.load).set(value);
      f.get(mode)
        .i32(ACCUMULATE)
        .op("i32.and")
        .if(() => f.get(value).get(to).mem(element.load).op(element.add).set(value));
      f.get(mode)
        .i32(RELU)
        .op("i32.and")
        .if(() => f.get(value)[scalar](0).op(`${scalar}.max`).set(value));
      f.get(to).get(value).mem(element.store).inc(from, bytes).inc(to, bytes);
    });
    f.inc(scratch, tileBytes).addTo(c, cRow);
  });
  return f;
}

/** Emits the driver `gemm`: blocks of columns, depth and rows in that order, so that a packed block of b serves all rows. */
function emitDriver(module: ModuleBuilder, element: Element, packA: FunctionBuilder, packB: FunctionBuilder, macro: FunctionBuilder): void {
  const f = module.function("gemm", Array(14).fill(I32));
  const [m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias, workspace] = Array.from({ length: 14 }, (_, i) => i);
  const [ic, jc, pc, mc, nc, kc, depth, packedA, packedB, blockMode, blockBias, rest] = f.locals(I32, 12);
  const { bytes } = element;
  const remaining = (size: Local, done: Local, block: () => unknown): FunctionBuilder =>
    f.get(size).get(done).op("i32.sub").set(rest).minI32(rest, block);
  const columnBytes = (): FunctionBuilder => f.get(jc).i32(bytes).op("i32.mul");
  f.get(workspace).i32(CLIP_BYTES).op("i32.add").set(packedB);
  f.get(packedB)
    .i32(BLOCK_DEPTH * BLOCK_COLUMNS * bytes)
    .op("i32.add")
    .set(packedA);
  // Depth is cut into equal blocks: 288 becomes 144 + 144 and not 256 + 32.
  f.get(k)
    .i32(BLOCK_DEPTH - 1)
    .op("i32.add")
    .i32(BLOCK_DEPTH)
    .op("i32.div_u")
    .set(rest);
  f.get(k).get(rest).op("i32.add").i32(1).op("i32.sub").get(rest).op("i32.div_u").set(depth);
  const rowBlock = (): void => {
    remaining(m, ic, () => f.i32(BLOCK_ROWS)).set(mc);
    f.get(mc).get(kc);
    at(f, () => at(f, a, ic, aRow), pc, aColumn)
      .get(aRow)
      .get(aColumn)
      .get(packedA)
      .call(packA);
    f.get(mc).get(nc).get(kc).get(packedA).get(packedB);
    at(f, c, ic, cRow).push(columnBytes).op("i32.add").get(cRow).get(blockMode).get(blockBias).get(workspace).call(macro);
  };
  const depthBlock = (): void => {
    remaining(k, pc, () => f.get(depth)).set(kc);
    f.get(nc).get(kc);
    at(f, () => at(f, b, jc, bColumn), pc, bRow)
      .get(bColumn)
      .get(bRow)
      .get(packedB)
      .call(packB);
    f.get(mode).i32(ACCUMULATE).op("i32.and").get(pc).i32(0).op("i32.ne", "i32.or");
    f.get(mode).i32(RELU).op("i32.and").i32(0).get(pc).get(kc).op("i32.add").get(k).op("i32.ge_s", "select", "i32.or").set(blockMode);
    f.get(bias)
      .push(columnBytes)
      .op("i32.add")
      .i32(0)
      .get(bias)
      .i32(0)
      .op("i32.ne")
      .get(pc)
      .op("i32.eqz", "i32.and", "select")
      .set(blockBias);
    f.i32(0).set(ic).forRange(ic, m, BLOCK_ROWS, rowBlock);
  };
  f.forRange(jc, n, BLOCK_COLUMNS, () => {
    remaining(n, jc, () => f.i32(BLOCK_COLUMNS)).set(nc);
    f.i32(0).set(pc);
    f.loop(() => {
      depthBlock();
      f.get(pc).get(depth).op("i32.add").tee(pc).get(k).op("i32.lt_s").brIf(0);
    });
  });
}
