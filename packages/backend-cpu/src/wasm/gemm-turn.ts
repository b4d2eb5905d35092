/**
 * Products whose result is computed column after column: the rows of its left operand are the columns of the register tiles, which leaves no
 * tile empty where the result has few columns, and its right operand is read as it lies in memory. What comes out is turned at the end.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, V128 } from "./asm.js";
import { ACCUMULATE, type Element, RELU, transposeSquare, zeroVector } from "./element.js";
import {
  BLOCK_COLUMNS,
  BLOCK_DEPTH,
  BLOCK_TILES,
  CLIP_BYTES,
  columnsOf,
  emitMicro,
  NEUTRAL,
  readsDirectly,
  storeNeutral,
  type Tile,
  type Tiles,
} from "./gemm-tile.js";

/** Columns of b at a time. Their panels take a quarter of those of the packed product; the result takes the rest, as many rows as fit. */
const TURN_COLUMNS = BLOCK_COLUMNS / 4;
const TURN_ROWS = 744;
/** Rows of the micro-kernel for the last tile where that is enough. */
const FEWER_ROWS = 4;

/**
 * Emits `gemmTurned(m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias, workspace)`: element (i, j) of a b goes to row j, `cRow`
 * apart, and column i of c. The bias is one of rows of a;
 * of the modes only RELU is for it.
 */
export function emitTurned(module: ModuleBuilder, element: Element, tiles: Tiles, fma: boolean): void {
  const { tile, packA, packB } = tiles;
  const micro = [...new Set([FEWER_ROWS, tile.rows])].map((rows) => emitMicro(module, element, tile, fma, rows, true));
  const macro = emitTurnedMacro(module, element, tile, micro);
  const turn = emitTurn(module, element);
  const f = module.function("gemmTurned", Array(14).fill(I32));
  const [m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias, workspace] = Array.from({ length: 14 }, (_, i) => i);
  const [ic, jc, pc, mc, nc, kc, depth, panels, packedA, result, resultRow, first, count, source, ownBias] = f.locals(I32, 15);
  const { add, ceilDiv, choose, lit, lt, min, mul, or, sub } = arithmetic(f);
  const { bytes } = element;
  const columns = columnsOf(element, tile);
  const blockRows = BLOCK_TILES * tile.rows;
  const take = (target: Local, size: Local, done: Local, block: number): FunctionBuilder =>
    f.assign(target, sub(size, done)).assign(target, min(target, lit(block)));
  const rowBlock = (): void => {
    take(count, mc, first, blockRows);
    f.assign(source, add(a, mul(add(ic, first), aRow), mul(pc, aColumn)));
    if (!readsDirectly(tile)) {
      f.call(packA, count, kc, source, aRow, aColumn, packedA, mul(kc, lit(tile.rows * bytes))).assign(source, packedA);
    }
    f.assign(ownBias, choose(or(lt(bias, lit(1)), pc), lit(0), add(bias, mul(add(ic, first), lit(bytes)))));
    const extra = tile.form === "joins" ? add(workspace, lit(NEUTRAL)) : lit(-1);
    const target = [add(result, mul(first, resultRow)), resultRow, choose(pc, lit(ACCUMULATE), lit(0)), ownBias, extra];
    f.call(macro, count, nc, kc, source, aRow, aColumn, panels, ...target);
  };
  const depthBlock = (): void => {
    f.assign(kc, sub(k, pc)).assign(kc, min(kc, depth));
    f.call(packB, nc, kc, add(b, mul(jc, bColumn), mul(pc, bRow)), bColumn, bRow, panels, mul(kc, lit(columns * bytes)));
    f.assign(first, lit(0)).forRange(first, mc, blockRows, rowBlock);
  };
  if (tile.form === "joins") storeNeutral(f, workspace, tile);
  f.assign(panels, add(workspace, lit(CLIP_BYTES)));
  f.assign(result, add(panels, lit(BLOCK_DEPTH * TURN_COLUMNS * bytes)));
  f.assign(packedA, add(panels, lit(BLOCK_DEPTH * BLOCK_COLUMNS * bytes)));
  f.assign(depth, ceilDiv(k, ceilDiv(k, lit(BLOCK_DEPTH))));
  f.forRange(jc, n, TURN_COLUMNS, () => {
    take(nc, n, jc, TURN_COLUMNS);
    f.assign(resultRow, mul(ceilDiv(nc, lit(columns)), lit(columns * bytes)));
    f.assign(ic, lit(0)).forRange(ic, m, TURN_ROWS, () => {
      take(mc, m, ic, TURN_ROWS);
      f.assign(pc, lit(0)).loop(() => {
        depthBlock();
        f.assign(pc, add(pc, depth));
        f.push(lt(pc, k)).brIf(0);
      });
      f.call(turn, mc, nc, result, resultRow, add(c, mul(ic, lit(bytes)), mul(jc, cRow)), cRow, mode);
    });
  });
}

/** Emits `macro(rows, columns, depth, a, aRow, aColumn, b, c, cRow, mode, bias, extra)`: whole tiles alone, since c has room for them. */
function emitTurnedMacro(module: ModuleBuilder, element: Element, tile: Tile, micro: readonly FunctionBuilder[]): FunctionBuilder {
  const f = module.function(undefined, Array(12).fill(I32));
  const [rows, columns, depth, a, aRow, aColumn, b, c, cRow, mode, bias, extra] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
  const [i, j, source, target, ownBias, left] = f.locals(I32, 6);
  const { lit, lt, mul, sub } = arithmetic(f);
  const tileBytes = columnsOf(element, tile) * element.bytes;
  const direct = readsDirectly(tile);
  f.forRange(j, columns, columnsOf(element, tile), () => {
    f.assign(i, lit(0)).assign(source, a).assign(target, c).assign(ownBias, bias);
    f.forRange(i, rows, tile.rows, () => {
      f.assign(left, sub(rows, i));
      const call = (kernel: FunctionBuilder) => (): unknown =>
        f.call(kernel, depth, source, b, target, cRow, mode, ownBias, extra, left, ...(direct ? [aRow, aColumn] : []));
      if (micro.length === 1) call(micro[0])();
      else f.push(lt(lit(FEWER_ROWS), left)).if(call(micro[1]), call(micro[0]));
      f.addTo(source, direct ? mul(aRow, lit(tile.rows)) : mul(depth, lit(tile.rows * element.bytes)));
      f.addTo(target, mul(cRow, lit(tile.rows)));
      f.get(bias).if(() => f.inc(ownBias, tile.rows * element.bytes));
    });
    f.addTo(b, mul(depth, lit(tileBytes))).inc(c, tileBytes);
  });
  return f;
}

/**
 * Emits `turn(rows, columns, x, xRow, c, cRow, mode)`: element (i, j) of x goes to row j and column i of c. Squares are transposed in registers.
 */
function emitTurn(module: ModuleBuilder, element: Element): FunctionBuilder {
  const f = module.function(undefined, Array(7).fill(I32));
  const [rows, columns, x, xRow, c, cRow, mode] = [0, 1, 2, 3, 4, 5, 6];
  const [i, j, whole, wholeColumns, from, to, cursor] = f.locals(I32, 7);
  const { bytes, lanes, load, scalar, store, vector } = element;
  const [block, spare] = [f.locals(V128, lanes), f.locals(V128, lanes)];
  const value = f.local(element.type);
  const { add, and, choose, eq, lit, lt, mul } = arithmetic(f);
  const square = (): void => {
    f.assign(cursor, from);
    for (const line of block) f.load("v128.load", cursor).set(line).addTo(cursor, xRow);
    transposeSquare(f, element, block, spare);
    for (const line of block) {
      f.ifBits(mode, RELU, () => zeroVector(f.get(line)).op(`${vector}.pmax`).set(line));
      f.store("v128.store", to, line).addTo(to, cRow);
    }
    f.inc(from, 16);
  };
  const single = (): void => {
    f.load(load, from).set(value);
    f.ifBits(mode, RELU, () => f.get(value)[scalar](0).op(`${scalar}.max`).set(value));
    f.store(store, to, value).addTo(to, cRow).inc(from, bytes);
  };
  f.assign(whole, and(rows, lit(-lanes))).assign(wholeColumns, and(columns, lit(-lanes)));
  f.forRange(i, whole, lanes, () => {
    f.assign(from, add(x, mul(i, xRow))).assign(to, add(c, mul(i, lit(bytes))));
    f.assign(j, lit(0)).forRange(j, wholeColumns, lanes, square);
  });
  // What fills no square: the columns beside them, and the rows below.
  f.assign(i, choose(eq(wholeColumns, columns), whole, lit(0)));
  f.forRange(i, rows, 1, () => {
    f.assign(j, choose(lt(i, whole), wholeColumns, lit(0)));
    f.assign(from, add(x, mul(i, xRow), mul(j, lit(bytes)))).assign(to, add(c, mul(i, lit(bytes)), mul(j, cRow)));
    f.forRange(j, columns, 1, single);
  });
  return f;
}
