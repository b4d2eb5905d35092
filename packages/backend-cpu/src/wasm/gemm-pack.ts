/**
 * Packing for the matrix product: a strided block is copied into panels that the micro-kernel reads from front to back.
 *
 * @module
 */
import { arithmetic } from "./arithmetic.js";
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, V128 } from "./asm.js";
import { type Element, transposeSquare } from "./element.js";

interface PackState {
  readonly f: FunctionBuilder;
  readonly element: Element;
  readonly width: number;
  readonly rows: Local;
  readonly depth: Local;
  readonly source: Local;
  readonly rowStride: Local;
  readonly depthStride: Local;
  readonly out: Local;
  readonly panelStride: Local;
  /** `rows` rounded down to whole panels. */
  readonly wholeRows: Local;
  readonly row: Local;
  readonly step: Local;
  /** Start of the panel row or line being read, and of what it becomes. */
  readonly from: Local;
  readonly to: Local;
  /** Moves inside the unit of work of a loop body. */
  readonly cursor: Local;
}

/**
 * Emits `name(rows, depth, source, rowStride, depthStride, out, panelStride)`, strides in bytes: `rows x depth` elements become panels of
 * `width` rows (whole vectors, or in float32 two rows more), each stored as `[depth][width]` and `panelStride` apart; the last panel is padded with zeros.
 */
export function emitPack(module: ModuleBuilder, name: string | undefined, element: Element, width: number): FunctionBuilder {
  const f = module.function(name, 7);
  const [wholeRows, row, step, from, to, cursor] = f.locals(I32, 6);
  const params = { rows: 0, depth: 1, source: 2, rowStride: 3, depthStride: 4, out: 5, panelStride: 6 };
  const p: PackState = { f, element, width, ...params, wholeRows, row, step, from, to, cursor };
  const { eq, lit, sub } = arithmetic(f);
  f.assign(
    wholeRows,
    sub(p.rows, () => f.apply("i32.rem_u", p.rows, lit(width))),
  );
  f.push(eq(p.rowStride, lit(element.bytes))).if(
    () => packLines(p),
    () => f.push(eq(p.depthStride, lit(element.bytes))).if(() => packTransposed(p)),
  );
  packScalar(p);
  return f;
}

/**
 * The rows of a panel are neighbours in memory: whole lines are copied, four steps of depth at a time across all panels, since one panel
 * after the other would hit a single set of the cache when the stride is a power of two.
 */
function packLines(p: PackState): void {
  const { f, element, width, step, from, to, cursor, depth } = p;
  const { add, and, lit, mul } = arithmetic(f);
  const lineBytes = width * element.bytes;
  const wholeSteps = f.local(I32);
  const lines = (count: number): void => {
    f.assign(from, add(p.source, mul(step, p.depthStride)));
    f.assign(to, add(p.out, mul(step, lit(lineBytes))));
    f.assign(p.row, lit(0));
    f.forRange(p.row, p.wholeRows, width, () => {
      f.assign(cursor, from);
      for (let line = 0; line < count; line++) {
        for (let byte = 0; byte < lineBytes; byte += 16) {
          const [load, store] = lineBytes - byte < 16 ? (["i64.load", "i64.store"] as const) : (["v128.load", "v128.store"] as const);
          f.store(store, to, () => f.load(load, cursor, byte), line * lineBytes + byte);
        }
        if (line < count - 1) f.addTo(cursor, p.depthStride);
      }
      f.inc(from, lineBytes).addTo(to, p.panelStride);
    });
  };
  f.assign(wholeSteps, and(depth, lit(-4)));
  f.forRange(step, wholeSteps, 4, () => lines(4));
  f.forRange(step, depth, 1, () => lines(1));
  f.assign(p.row, p.wholeRows);
}

/** The steps of depth are neighbours in memory: square blocks are transposed in registers. */
function packTransposed(p: PackState): void {
  const { f, element, width, step, from, to, cursor, depth } = p;
  const { bytes, lanes } = element;
  const { and, lit } = arithmetic(f);
  const wholeSteps = f.local(I32);
  const rows = f.locals(V128, lanes);
  const spare = f.locals(V128, lanes);
  const block = (): void => {
    f.assign(cursor, from);
    for (let row = 0; row + lanes <= width; row += lanes) {
      for (const vector of rows) f.load("v128.load", cursor).set(vector).addTo(cursor, p.rowStride);
      transposeSquare(f, element, rows, spare);
      for (const [k, vector] of rows.entries()) f.store("v128.store", to, vector, (k * width + row) * bytes);
    }
    if (width % lanes === 2) packPair(p, rows, (k) => (k * width + width - 2) * bytes);
    f.inc(from, 16).inc(to, width * 16);
  };
  const single = (): void => {
    f.assign(cursor, from);
    for (let row = 0; row < width; row++) {
      f.store(element.store, to, () => f.load(element.load, cursor), row * bytes).addTo(cursor, p.rowStride);
    }
    f.inc(from, bytes).inc(to, width * bytes);
  };
  f.assign(wholeSteps, and(depth, lit(-lanes)));
  f.forRange(p.row, p.wholeRows, width, () => {
    startPanel(p);
    f.forRange(step, wholeSteps, lanes, block);
    f.forRange(step, depth, 1, single);
  });
}

/** The last two rows of a panel of float32 whose width is no multiple of four; those of step `k` go to `offset(k)`. */
function packPair({ f, to, cursor, rowStride }: PackState, [first, second, pairs]: readonly Local[], offset: (k: number) => number): void {
  for (const vector of [first, second]) f.load("v128.load", cursor).set(vector).addTo(cursor, rowStride);
  for (const k of [0, 2]) {
    f.get(first)
      .get(second)
      .shuffle(k, k + 4, k + 1, k + 5)
      .set(pairs);
    for (const half of [0, 1])
      f.get(to)
        .get(pairs)
        .memLane("v128.store64_lane", half, offset(k + half));
  }
}

/** General strides, and the rows that do not fill a panel. */
function packScalar(p: PackState): void {
  const { f, element, width, row, step, from, to, cursor } = p;
  const { lit, min, sub } = arithmetic(f);
  const [target, left, i] = f.locals(I32, 3);
  f.forRange(row, p.rows, width, () => {
    f.assign(left, sub(p.rows, row)).assign(left, min(left, lit(width)));
    startPanel(p);
    f.forRange(step, p.depth, 1, () => {
      f.assign(cursor, from).assign(target, to).assign(i, lit(0));
      f.forRange(i, left, 1, () => {
        f.store(element.store, target, () => f.load(element.load, cursor));
        f.addTo(cursor, p.rowStride).inc(target, element.bytes);
      });
      f.forRange(i, lit(width), 1, () => f.store(element.store, target, () => f[element.scalar](0)).inc(target, element.bytes));
      f.addTo(from, p.depthStride).inc(to, width * element.bytes);
    });
  });
}

/** Points `from` and `to` at the panel of the current row and rewinds `step`. */
function startPanel(p: PackState): void {
  const { f, row, width } = p;
  const { add, div, lit, mul } = arithmetic(f);
  f.assign(p.from, add(p.source, mul(row, p.rowStride)));
  f.assign(p.to, add(p.out, mul(div(row, lit(width)), p.panelStride)));
  f.assign(p.step, lit(0));
}
