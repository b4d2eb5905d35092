/**
 * Packing for the matrix product: a strided block is copied into panels that the micro-kernel reads from front to back.
 *
 * @module
 */
import { type FunctionBuilder, I32, type Local, type ModuleBuilder, V128 } from "./asm.js";
import { at, type Element, transposeSquare } from "./element.js";

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
 * Emits `name(rows, depth, source, rowStride, depthStride, out)` (strides in bytes): `rows x depth` elements become panels of `width`
 * rows, each stored as `[depth][width]`; the last panel is padded with zeros.
 */
export function emitPack(module: ModuleBuilder, name: string | undefined, element: Element, width: number): FunctionBuilder {
  const f = module.function(name, Array(6).fill(I32));
  const [wholeRows, row, step, from, to, cursor] = f.locals(I32, 6);
  const params = { rows: 0, depth: 1, source: 2, rowStride: 3, depthStride: 4, out: 5 };
  const p: PackState = { f, element, width, ...params, wholeRows, row, step, from, to, cursor };
  f.get(p.rows).get(p.rows).i32(width).op("i32.rem_u", "i32.sub").set(wholeRows);
  f.i32(0).set(row);
  f.get(p.rowStride).i32(element.bytes).op("i32.eq");
  f.if(
    () => packLines(p),
    () =>
      f
        .get(p.depthStride)
        .i32(element.bytes)
        .op("i32.eq")
        .if(() => packTransposed(p)),
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
  const lineBytes = width * element.bytes;
  const panelBytes = f.local(I32);
  const wholeSteps = f.local(I32);
  f.get(depth).i32(lineBytes).op("i32.mul").set(panelBytes);
  f.get(depth).i32(-4).op("i32.and").set(wholeSteps);
  const lines = (count: number): void => {
    at(f, p.source, step, p.depthStride).set(from);
    at(f, p.out, step, () => f.i32(lineBytes)).set(to);
    f.i32(0).set(p.row);
    f.forRange(p.row, p.wholeRows, width, () => {
      f.get(from).set(cursor);
      for (let line = 0; line < count; line++) {
        for (let byte = 0; byte < lineBytes; byte += 16) {
          f.get(to)
            .get(cursor)
            .mem("v128.load", byte)
            .mem("v128.store", line * lineBytes + byte);
        }
        if (line < count - 1) f.addTo(cursor, p.depthStride);
      }
      f.inc(from, lineBytes).addTo(to, panelBytes);
    });
  };
  f.i32(0).set(step);
  f.forRange(step, wholeSteps, 4, () => lines(4));
  f.forRange(step, depth, 1, () => lines(1));
  f.get(p.wholeRows).set(p.row);
}

/** The steps of depth are neighbours in memory: square blocks are transposed in registers. */
function packTransposed(p: PackState): void {
  const { f, element, width, step, from, to, cursor, depth } = p;
  const { bytes, lanes } = element;
  const wholeSteps = f.local(I32);
  const rows = f.locals(V128, lanes);
  const spare = f.locals(V128, lanes);
  f.get(depth).i32(-lanes).op("i32.and").set(wholeSteps);
  const block = (): void => {
    f.get(from).set(cursor);
    for (let row = 0; row < width; row += lanes) {
      for (const vector of rows) f.get(cursor).mem("v128.load").set(vector).addTo(cursor, p.rowStride);
      transposeSquare(f, element, rows, spare);
      rows.forEach((vector, k) => {
        f.get(to)
          .get(vector)
          .mem("v128.store", (k * width + row) * bytes);
      });
    }
    f.inc(from, 16).inc(to, width * 16);
  };
  const single = (): void => {
    f.get(from).set(cursor);
    for (let row = 0; row < width; row++) {
      f.get(to)
        .get(cursor)
        .mem(element.load)
        .mem(element.store, row * bytes)
        .addTo(cursor, p.rowStride);
    }
    f.inc(from, bytes).inc(to, width * bytes);
  };
  f.forRange(p.row, p.wholeRows, width, () => {
    startPanel(p);
    f.forRange(step, wholeSteps, lanes, block);
    f.forRange(step, depth, 1, single);
  });
}

/** General strides, and the rows that do not fill a panel. */
function packScalar(p: PackState): void {
  const { f, element, width, row, step, from, to, cursor } = p;
  const [target, left, i] = f.locals(I32, 3);
  const widthOperand = (): unknown => f.i32(width);
  f.forRange(row, p.rows, width, () => {
    f.get(p.rows).get(row).op("i32.sub").set(left);
    f.minI32(left, widthOperand).set(left);
    startPanel(p);
    f.forRange(step, p.depth, 1, () => {
      f.get(from).set(cursor).get(to).set(target).i32(0).set(i);
      f.forRange(i, left, 1, () => {
        f.get(target).get(cursor).mem(element.load).mem(element.store);
        f.addTo(cursor, p.rowStride).inc(target, element.bytes);
      });
      f.forRange(i, widthOperand, 1, () => {
        f.get(target)[element.scalar](0).mem(element.store).inc(target, element.bytes);
      });
      f.addTo(from, p.depthStride).inc(to, width * element.bytes);
    });
  });
}

/** Points `from` and `to` at the panel of the current row and rewinds `step`. */
function startPanel(p: PackState): void {
  const { f, row, depth, element } = p;
  at(f, p.source, row, p.rowStride).set(p.from);
  f.get(p.out).get(row).get(depth).op("i32.mul").i32(element.bytes).op("i32.mul", "i32.add").set(p.to);
  f.i32(0).set(p.step);
}
