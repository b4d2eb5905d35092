/**
 * The way out of a tile whose rows become columns of the result.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, V128 } from "./asm.js";
import { ACCUMULATE, type Element, RELU, transposeSquare, zeroVector } from "./element.js";

const TILE_ROWS = 4;

/**
 * Emits `turn(rows, width, tile, c, cRow, mode, bias)`: element (i, j) of a tile of at most 4 rows and `vectors` vectors goes to row j and
 * column i of the result, with the bias of i.
 */
export function emitTurn(module: ModuleBuilder, element: Element, vectors: number): FunctionBuilder {
  const f = module.function(undefined, Array(7).fill(I32));
  const [rows, width, , c] = [0, 1, 2, 3, 4, 5, 6];
  const [i, j, from, to] = f.locals(I32, 4);
  const { and, eq, lit } = arithmetic(f);
  const whole = and(eq(rows, lit(TILE_ROWS)), eq(width, lit(vectors * element.lanes)));
  f.push(whole).if(
    () => turnWhole(f, element, vectors, to),
    () => {
      f.forRange(j, width, 1, () => {
        f.get(c).set(to).i32(0).set(i);
        turnColumn(f, element, vectors, { i, j, from, to });
        f.addTo(c, 4);
      });
    },
  );
  return f;
}

/** Blocks of `lanes` rows and columns are transposed in registers. */
function turnWhole(f: FunctionBuilder, element: Element, vectors: number, to: Local): void {
  const [tile, c, cRow, mode, bias] = [2, 3, 4, 5, 6];
  const { bytes, lanes, vector } = element;
  const [block, spare] = [f.locals(V128, lanes), f.locals(V128, lanes)];
  const shift = f.local(V128);
  for (let row = 0; row < TILE_ROWS; row += lanes) {
    zeroVector(f).set(shift);
    f.get(bias).if(() => f.load("v128.load", bias, row * bytes).set(shift));
    f.get(c).set(to);
    for (let v = 0; v < vectors; v++) {
      for (const [i, line] of block.entries()) f.load("v128.load", tile, (row + i) * vectors * 16 + v * 16).set(line);
      transposeSquare(f, element, block, spare);
      for (const line of block) {
        f.get(line).get(shift).op(`${vector}.add`).set(line);
        f.ifBits(mode, ACCUMULATE, () =>
          f
            .load("v128.load", to, row * bytes)
            .get(line)
            .op(`${vector}.add`)
            .set(line),
        );
        f.ifBits(mode, RELU, () => zeroVector(f.get(line)).op(`${vector}.pmax`).set(line));
        f.store("v128.store", to, line, row * bytes).addTo(to, cRow);
      }
    }
  }
}

interface Walk {
  readonly i: Local;
  readonly j: Local;
  readonly from: Local;
  readonly to: Local;
}

/** One column of a tile, element after element. */
function turnColumn(f: FunctionBuilder, element: Element, vectors: number, { i, j, from, to }: Walk): void {
  const [rows, , tile, , , mode, bias] = [0, 1, 2, 3, 4, 5, 6];
  const { bytes, scalar } = element;
  const value = f.local(element.type);
  const { add, lit, mul } = arithmetic(f);
  f.assign(from, add(tile, mul(j, lit(bytes))));
  f.forRange(i, rows, 1, () => {
    f.load(element.load, from).set(value);
    f.get(bias).if(() =>
      f
        .load(element.load, add(bias, mul(i, lit(bytes))))
        .get(value)
        .op(element.add)
        .set(value),
    );
    f.ifBits(mode, ACCUMULATE, () => f.load(element.load, to).get(value).op(element.add).set(value));
    f.ifBits(mode, RELU, () => f.get(value)[scalar](0).op(`${scalar}.max`).set(value));
    f.store(element.store, to, value)
      .inc(to, bytes)
      .inc(from, vectors * 16);
  });
}
