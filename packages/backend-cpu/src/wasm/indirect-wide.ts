/**
 * The convolution kernel for V8 with vectors of 256 bits: tiles of 6 positions and 16 columns, which go to memory by way of a scratch tile,
 * since V8 joins vectors only where all are loaded and stored in one stretch. Results have the same bits.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, V128 } from "./asm.js";
import { ACCUMULATE, FLOAT32, RELU, transposeSquare } from "./element.js";
import { leavePart, PARAMETERS, sumTile, WIDE_COLUMNS, WIDE_ROWS } from "./indirect-emit.js";

const VECTORS = WIDE_COLUMNS / 4;
/** Bytes of a row of the scratch tile. */
const PITCH = 4 * WIDE_COLUMNS;

/** Emits `indirectWide` with the parameters of `indirect`. */
export function emitIndirectWide(module: ModuleBuilder, fma: boolean): FunctionBuilder {
  const leave = emitLeave(module);
  const f = module.function("indirectWide", 13);
  const p = PARAMETERS;
  const [row, column, target, panel] = f.locals(I32, 4);
  const sums = Array.from({ length: VECTORS }, () => f.locals(V128, WIDE_ROWS));
  const { add, lit, mul, sub } = arithmetic(f);
  const eachSum = (body: (sum: Local, i: number, v: number) => void): void => {
    for (let i = 0; i < WIDE_ROWS; i++) for (const [v, list] of sums.entries()) body(list[i], i, v);
  };
  f.forRange(column, p.columns, WIDE_COLUMNS, () => {
    f.assign(target, p.out).assign(row, lit(0));
    f.forRange(row, p.rows, WIDE_ROWS, () => {
      // Without a bias its address is 0, where nothing but zeros lie.
      eachSum((sum, _, v) => f.load("v128.load", p.bias, 16 * v).set(sum));
      f.assign(panel, p.panels);
      sumTile(f, fma, p, add(p.rowTable, mul(row, lit(4))), panel, sums);
      eachSum((sum, i, v) => f.store("v128.store", p.scratch, sum, i * PITCH + 16 * v));
      f.call(leave, sub(p.rows, row), sub(p.columns, column), p.scratch, target, p.outColumn, p.mode);
      f.inc(target, 4 * WIDE_ROWS);
    });
    f.addTo(p.panels, p.panelStride);
    f.addTo(p.out, mul(p.outColumn, lit(WIDE_COLUMNS)));
    f.get(p.bias).if(() => f.inc(p.bias, 4 * WIDE_COLUMNS));
  });
  return f;
}

/** Emits `leave(rows, columns, scratch, target, outColumn, mode)`: what is valid of a tile goes to the result, column after column. */
function emitLeave(module: ModuleBuilder): FunctionBuilder {
  const f = module.function(undefined, 6);
  const [rows, columns] = f.params;
  const { and, ge, lit } = arithmetic(f);
  f.push(and(ge(rows, lit(WIDE_ROWS)), ge(columns, lit(WIDE_COLUMNS)))).if(
    () => leaveWhole(f),
    () => leavePart(f, [WIDE_ROWS, WIDE_COLUMNS], [PITCH, 4]),
  );
  return f;
}

/** Four rows of four columns are transposed in registers, the other two rows go out in pairs. */
function leaveWhole(f: FunctionBuilder): void {
  const [, , scratch, target, outColumn, mode] = [0, 1, 2, 3, 4, 5];
  const [block, spare] = [f.locals(V128, 4), f.locals(V128, 4)];
  for (let v = 0; v < VECTORS; v++) {
    const line = (i: number): FunctionBuilder => f.load("v128.load", scratch, i * PITCH + 16 * v);
    for (const [i, vector] of block.entries()) line(i).set(vector);
    transposeSquare(f, FLOAT32, block, spare);
    line(4).set(spare[0]);
    line(5).set(spare[1]);
    f.get(spare[0]).get(spare[1]).shuffle(0, 4, 1, 5).set(spare[2]).get(spare[0]).get(spare[1]).shuffle(2, 6, 3, 7).set(spare[3]);
    for (const [j, column] of block.entries()) {
      const pair = spare[2 + (j >> 1)];
      f.ifBits(mode, ACCUMULATE, () => {
        f.load("v128.load", target).get(column).op("f32x4.add").set(column);
        f.load("v128.load64_splat", target, 16).get(pair).op("f32x4.add").set(spare[0]);
        // The other half belongs to the next column.
        f.get(spare[0]).get(pair);
        f.shuffle(...(j % 2 === 0 ? [0, 1, 6, 7] : [4, 5, 2, 3])).set(pair);
      });
      f.get(pair).set(spare[0]);
      f.ifBits(mode, RELU, () => {
        for (const vector of [column, spare[0]]) f.get(vector).f32x4(0).op("f32x4.pmax").set(vector);
      });
      f.store("v128.store", target, column);
      f.get(target)
        .get(spare[0])
        .memLane("v128.store64_lane", j % 2, 16);
      f.addTo(target, outColumn);
    }
  }
}
