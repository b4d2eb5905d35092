/**
 * Products whose result is computed column after column: the rows of its left operand are the columns of the register tiles, which leaves no
 * tile empty where the result has few columns, and its right operand is read as it lies in memory. What comes out is turned at the end.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type ModuleBuilder, V128 } from "./asm.js";
import { ACCUMULATE, type Element, transposeSquare } from "./element.js";
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
  type Tiles,
} from "./gemm-tile.js";

/** Columns of b at a time. Their panels take a quarter of the room for those of the packed product; the result takes the rest. */
const TURN_COLUMNS = BLOCK_COLUMNS / 4;
/** Rows of the micro-kernel for the last tile where that is enough. */
const FEWER_ROWS = 4;

/**
 * Emits `gemmTurned(m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias, workspace)`: element (i, j) of a b goes to row j, `cRow`
 * apart, and column i of c. The bias is one of rows of a, the mode 0. There is room for 2048 rows of a where n is at most 128, and for half
 * of them beyond that.
 */
export function emitTurned(module: ModuleBuilder, element: Element, { tile, packA, packB }: Tiles, fma: boolean): void {
  const micro = [...new Set([FEWER_ROWS, tile.rows])].map((rows) => emitMicro(module, element, tile, fma, rows, true));
  const turn = emitTurn(module, element);
  const f = module.function("gemmTurned", 14);
  const [m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, , bias, workspace] = f.params;
  const [ic, jc, pc, mc, nc, kc, depth, panels, packedA, result, resultRow, source] = f.locals(I32, 12);
  const [i, j, line, target, ownBias, left, panel] = f.locals(I32, 7);
  const direct = readsDirectly(tile);
  const { add, ceilDiv, choose, lit, lt, min, mul, or, sub } = arithmetic(f);
  const { bytes } = element;
  const columns = columnsOf(element, tile);
  const blockRows = BLOCK_TILES * tile.rows;
  const rowBlock = (): void => {
    f.assign(mc, sub(m, ic)).assign(mc, min(mc, lit(blockRows)));
    f.assign(source, add(a, mul(ic, aRow), mul(pc, aColumn)));
    if (!direct) f.call(packA, mc, kc, source, aRow, aColumn, packedA, mul(kc, lit(tile.rows * bytes))).assign(source, packedA);
    f.assign(line, source).assign(ownBias, choose(or(lt(bias, lit(1)), pc), lit(0), add(bias, mul(ic, lit(bytes)))));
    f.assign(i, lit(0)).forRange(i, mc, tile.rows, () => {
      f.assign(left, sub(mc, i))
        .assign(panel, panels)
        .assign(target, add(result, mul(add(ic, i), resultRow)));
      f.push(lt(lit(FEWER_ROWS), left)).if(lineOf(micro[micro.length - 1]), lineOf(micro[0]));
      f.addTo(line, mul(direct ? aRow : mul(kc, lit(bytes)), lit(tile.rows)));
      f.get(ownBias).if(() => f.inc(ownBias, tile.rows * bytes));
    });
  };
  const neutral = tile.form === "joins" ? [add(workspace, lit(NEUTRAL))] : [];
  const lines = direct ? [aRow, aColumn] : [];
  const lineOf = (kernel: FunctionBuilder) => (): unknown =>
    f.assign(j, lit(0)).forRange(j, nc, columns, () => {
      f.call(kernel, kc, line, panel, target, resultRow, choose(pc, lit(ACCUMULATE), lit(0)), ownBias, ...neutral, left, ...lines);
      f.addTo(panel, mul(kc, lit(columns * bytes))).inc(target, columns * bytes);
    });
  if (tile.form === "joins") storeNeutral(f, workspace, tile);
  f.assign(panels, add(workspace, lit(CLIP_BYTES)));
  f.assign(result, add(panels, lit(BLOCK_DEPTH * TURN_COLUMNS * bytes)));
  f.assign(packedA, add(panels, lit(BLOCK_DEPTH * BLOCK_COLUMNS * bytes)));
  f.assign(depth, ceilDiv(k, ceilDiv(k, lit(BLOCK_DEPTH))));
  f.forRange(jc, n, TURN_COLUMNS, () => {
    f.assign(nc, sub(n, jc)).assign(nc, min(nc, lit(TURN_COLUMNS)));
    f.assign(resultRow, mul(ceilDiv(nc, lit(columns)), lit(columns * bytes)));
    f.assign(pc, lit(0)).forStep(pc, k, depth, () => {
      f.assign(kc, sub(k, pc)).assign(kc, min(kc, depth));
      f.call(packB, nc, kc, add(b, mul(jc, bColumn), mul(pc, bRow)), bColumn, bRow, panels, mul(kc, lit(columns * bytes)));
      f.assign(ic, lit(0)).forRange(ic, m, blockRows, rowBlock);
    });
    f.call(turn, m, nc, result, resultRow, add(c, mul(jc, cRow)), cRow);
  });
}

/**
 * Emits `turn(rows, columns, x, xRow, c, cRow)`: element (i, j) of x goes to row j and column i of c. Squares are
 * transposed in registers; the last ones overlap those before them.
 */
function emitTurn(module: ModuleBuilder, element: Element): FunctionBuilder {
  const f = module.function(undefined, 6);
  const [rows, columns, x, xRow, c, cRow] = f.params;
  const [i, j, row, column, from, to] = f.locals(I32, 6);
  const { bytes, lanes, load, store } = element;
  const [block, spare] = [f.locals(V128, lanes), f.locals(V128, lanes)];
  const { add, and, ge, lit, min, mul, sub } = arithmetic(f);
  const each = (count: number, body: () => void): void => {
    f.assign(i, lit(0)).forRange(i, rows, count, () => {
      f.assign(row, sub(rows, lit(count))).assign(row, min(row, i));
      f.assign(j, lit(0)).forRange(j, columns, count, () => {
        f.assign(column, sub(columns, lit(count))).assign(column, min(column, j));
        f.assign(from, add(x, mul(row, xRow), mul(column, lit(bytes))));
        f.assign(to, add(c, mul(row, lit(bytes)), mul(column, cRow)));
        body();
      });
    });
  };
  const square = (): void => {
    for (const line of block) f.load("v128.load", from).set(line).addTo(from, xRow);
    transposeSquare(f, element, block, spare);
    for (const line of block) f.store("v128.store", to, line).addTo(to, cRow);
  };
  f.push(and(ge(rows, lit(lanes)), ge(columns, lit(lanes)))).if(
    () => each(lanes, square),
    () => each(1, () => f.store(store, to, () => f.load(load, from))),
  );
  return f;
}
