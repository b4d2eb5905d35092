/**
 * The convolution kernel: a matrix product whose left operand is never formed. Element (row, step) of it lies at
 * `x + rowTable[row] + stepTable[step]`; with positions and taps as the two tables this is a convolution, with the tables exchanged it is
 * the gradient of its weights, and any number of dimensions, strides and dilations are only other tables.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, type Operand, V128 } from "./asm.js";
import { ACCUMULATE, FLOAT32, RELU, transposeSquare } from "./element.js";

/** Rows of a register tile; row tables are padded to a multiple of it. */
export const TILE_ROWS = 4;
/** Columns of a register tile, the width of packed panels and what a bias is padded to. */
export const TILE_COLUMNS = 8;
/** The same of the wide kernel. */
export const WIDE_ROWS = 6;
export const WIDE_COLUMNS = 16;
/** Bytes of scratch for a tile. */
export const SCRATCH_BYTES: number = 4 * WIDE_ROWS * WIDE_COLUMNS;

/** The parameters of `indirect`, in order; pointers, table entries and strides in bytes. */
export interface Parameters {
  readonly rows: Local;
  readonly steps: Local;
  readonly columns: Local;
  readonly x: Local;
  readonly rowTable: Local;
  readonly stepTable: Local;
  /** Panels `[steps][8]`, `panelStride` apart, the last one padded with zeros. */
  readonly panels: Local;
  readonly panelStride: Local;
  /** Element (row, column) of the result lies at `out + 4 * row + outColumn * column`. */
  readonly out: Local;
  readonly outColumn: Local;
  readonly mode: Local;
  /** One value per column, padded to a multiple of 8, or 0. */
  readonly bias: Local;
  readonly scratch: Local;
}

export const PARAMETERS: Parameters = {
  rows: 0,
  steps: 1,
  columns: 2,
  x: 3,
  rowTable: 4,
  stepTable: 5,
  panels: 6,
  panelStride: 7,
  out: 8,
  outColumn: 9,
  mode: 10,
  bias: 11,
  scratch: 12,
};

/** Emits `indirect` with the parameters above for positive sizes. */
export function emitIndirect(module: ModuleBuilder, fma: boolean): FunctionBuilder {
  const f = module.function("indirect", 13);
  const p = PARAMETERS;
  const [row, column, target, panel] = f.locals(I32, 4);
  const sums = f.locals(V128, 2 * TILE_ROWS);
  const spare = f.locals(V128, TILE_ROWS);
  const { add, ge, lit, mul, sub } = arithmetic(f);
  const clip = emitClip(module);
  f.forRange(column, p.columns, TILE_COLUMNS, () => {
    f.assign(target, p.out).assign(row, lit(0));
    f.forRange(row, p.rows, TILE_ROWS, () => {
      startSums(f, p, sums);
      f.assign(panel, p.panels);
      sumTile(f, fma, p, add(p.rowTable, mul(row, lit(4))), panel, [sums.slice(0, TILE_ROWS), sums.slice(TILE_ROWS)]);
      for (const half of [sums.slice(0, 4), sums.slice(4)]) transposeSquare(f, FLOAT32, half, spare);
      f.push(ge(sub(p.rows, row), lit(TILE_ROWS))).if(
        () => storeTile(f, p, target, sub(p.columns, column), sums),
        () => {
          for (const [i, sum] of sums.entries()) f.store("v128.store", p.scratch, sum, 16 * i);
          f.call(clip, sub(p.rows, row), sub(p.columns, column), p.scratch, target, p.outColumn, p.mode);
        },
      );
      f.inc(target, 4 * TILE_ROWS);
    });
    f.addTo(p.panels, p.panelStride);
    f.addTo(p.out, mul(p.outColumn, lit(TILE_COLUMNS)));
    f.get(p.bias).if(() => f.inc(p.bias, 4 * TILE_COLUMNS));
  });
  return f;
}

/** Sets the sums to the bias or to zero. Sum `i` belongs to row `i % 4` and to the left or right half of the columns. */
function startSums(f: FunctionBuilder, p: Parameters, sums: readonly Local[]): void {
  const set = (value: (half: number) => unknown): void => {
    for (const [i, sum] of sums.entries()) f.assign(sum, () => value(i < TILE_ROWS ? 0 : 1));
  };
  f.get(p.bias).if(
    () => set((half) => f.load("v128.load", p.bias, 16 * half)),
    () => set(() => f.f32x4(0)),
  );
}

/**
 * The loop over the steps; `sums` holds for each vector of columns the sums of the rows. It is not unrolled, see the micro-kernel of the
 * matrix product.
 */
export function sumTile(
  f: FunctionBuilder,
  fma: boolean,
  p: Parameters,
  rowOffsets: Operand,
  panel: Local,
  sums: readonly (readonly Local[])[],
): void {
  const [table, step, offset] = f.locals(I32, 3);
  const starts = f.locals(I32, sums[0].length);
  const right = f.locals(V128, sums.length);
  const left = f.local(V128);
  const { add } = arithmetic(f);
  for (const [i, start] of starts.entries()) {
    f.assign(
      start,
      add(p.x, () => f.load("i32.load", rowOffsets, 4 * i)),
    );
  }
  f.assign(table, p.stepTable).assign(step, p.steps);
  f.loop(() => {
    f.load("i32.load", table).set(offset);
    for (const [v, vector] of right.entries()) f.load("v128.load", panel, 16 * v).set(vector);
    for (const [i, start] of starts.entries()) {
      f.load("v128.load32_splat", add(start, offset)).set(left);
      for (const [v, vector] of right.entries()) f.mulAdd("f32x4", fma, left, vector, sums[v][i]).set(sums[v][i]);
    }
    f.inc(table, 4).inc(panel, 16 * sums.length);
    f.get(step).i32(1).op("i32.sub").tee(step).brIf(0);
  });
}

/** Writes a tile with all rows: after the transposition sum `i` holds four rows of column `i`, of which `columns` exist. */
function storeTile(f: FunctionBuilder, p: Parameters, target: Local, columns: Operand, sums: readonly Local[]): void {
  const [cursor, left] = f.locals(I32, 2);
  const store = (whole: boolean): void => {
    const eachColumn = (body: (sum: Local) => void): void => {
      f.assign(cursor, target).block(() => {
        for (const [i, sum] of sums.entries()) {
          if (!whole && i > 0) f.get(left).i32(i).op("i32.le_s").brIf(0);
          body(sum);
          f.addTo(cursor, p.outColumn);
        }
      });
    };
    f.ifBits(p.mode, ACCUMULATE, () => eachColumn((sum) => f.load("v128.load", cursor).get(sum).op("f32x4.add").set(sum)));
    f.ifBits(p.mode, RELU, () => {
      for (const sum of sums) f.get(sum).f32x4(0).op("f32x4.pmax").set(sum);
    });
    eachColumn((sum) => f.store("v128.store", cursor, sum));
  };
  f.assign(left, columns).get(left).i32(TILE_COLUMNS).op("i32.ge_s");
  f.if(
    () => store(true),
    () => store(false),
  );
}

/** Emits `clip(rows, columns, scratch, target, outColumn, mode)`: what is valid of a tile with fewer rows goes to the result. */
function emitClip(module: ModuleBuilder): FunctionBuilder {
  const f = module.function(undefined, 6);
  leavePart(f, [TILE_ROWS, TILE_COLUMNS], [4, 4 * TILE_ROWS]);
  return f;
}

/** With the parameters of `clip`: element after element, for a scratch tile of `sizes` with `steps` bytes between its rows and columns. */
export function leavePart(f: FunctionBuilder, sizes: readonly [number, number], steps: readonly [number, number]): void {
  const [rows, columns, scratch, target, outColumn, mode] = [0, 1, 2, 3, 4, 5];
  const [i, j, from, to] = f.locals(I32, 4);
  const value = f.local(FLOAT32.type);
  const { lit, min } = arithmetic(f);
  f.assign(rows, min(rows, lit(sizes[0]))).assign(columns, min(columns, lit(sizes[1])));
  f.forRange(j, columns, 1, () => {
    f.assign(from, scratch).assign(to, target).assign(i, lit(0));
    f.forRange(i, rows, 1, () => {
      f.load("f32.load", from).set(value);
      f.ifBits(mode, ACCUMULATE, () => f.load("f32.load", to).get(value).op("f32.add").set(value));
      f.ifBits(mode, RELU, () => f.get(value).f32(0).op("f32.max").set(value));
      f.store("f32.store", to, value).inc(from, steps[0]).inc(to, 4);
    });
    f.inc(scratch, steps[1]).addTo(target, outColumn);
  });
}
