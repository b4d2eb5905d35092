/**
 * The two element types of the matrix kernels and their instructions; emitters are written once over them.
 *
 * @module
 */
import { F32, F64, type FunctionBuilder, type Local, type MemName, type OpName, type ValType } from "./asm.js";

/** Mode bit: add to what the result holds instead of replacing it. */
export const ACCUMULATE = 1;
/** Mode bit: clamp the finished result at zero; NaN stays. */
export const RELU = 2;
/** Mode bit: the right operand is what `panels` made of it. */
export const PANELS = 4;

/** What an emitter needs to know about an element type. */
export interface Element {
  readonly bytes: number;
  /** Elements per 128-bit vector. */
  readonly lanes: number;
  readonly vector: "f32x4" | "f64x2";
  readonly scalar: "f32" | "f64";
  readonly type: ValType;
  readonly load: MemName;
  readonly store: MemName;
  readonly loadSplat: MemName;
  readonly loadZero: MemName;
  readonly storeLane: MemName;
  readonly add: OpName;
}

export const FLOAT32: Element = {
  bytes: 4,
  lanes: 4,
  vector: "f32x4",
  scalar: "f32",
  type: F32,
  load: "f32.load",
  store: "f32.store",
  loadSplat: "v128.load32_splat",
  loadZero: "v128.load32_zero",
  storeLane: "v128.store32_lane",
  add: "f32.add",
};

export const FLOAT64: Element = {
  bytes: 8,
  lanes: 2,
  vector: "f64x2",
  scalar: "f64",
  type: F64,
  load: "f64.load",
  store: "f64.store",
  loadSplat: "v128.load64_splat",
  loadZero: "v128.load64_zero",
  storeLane: "v128.store64_lane",
  add: "f64.add",
};

/** Pushes a vector of zeros. */
export function zeroVector(f: FunctionBuilder): FunctionBuilder {
  return f.i32x4(0);
}

/** Stores the number in `value` at `pointer + offset` as the bits of `mode` say. */
export function storeNumber(f: FunctionBuilder, element: Element, mode: Local, pointer: Local, value: Local, offset = 0): void {
  const { scalar } = element;
  f.ifBits(mode, ACCUMULATE, () => f.load(element.load, pointer, offset).get(value).op(element.add).set(value));
  f.ifBits(mode, RELU, () => f.get(value)[scalar](0).op(`${scalar}.max`).set(value));
  f.store(element.store, pointer, value, offset);
}

/** Pushes the sum of all lanes of a vector. */
export function horizontalSum(f: FunctionBuilder, element: Element, vector: Local): FunctionBuilder {
  const { vector: type, lanes } = element;
  if (lanes === 4) f.get(vector).get(vector).get(vector).shuffle(1, 0).op("f32x4.add").set(vector);
  return f.get(vector).lane(`${type}.extract_lane`, 0).get(vector).lane(`${type}.extract_lane`, 1).op(element.add);
}

/** Transposes a block of `lanes` vectors in place; `spare` holds as many scratch vectors. */
export function transposeSquare(f: FunctionBuilder, element: Element, rows: readonly Local[], spare: readonly Local[]): void {
  const pair = (a: Local, b: Local, high: boolean): FunctionBuilder =>
    f
      .get(a)
      .get(b)
      .shuffle(...(high ? [1, 3] : [0, 2]));
  if (element.lanes === 2) {
    pair(rows[0], rows[1], false).set(spare[0]);
    pair(rows[0], rows[1], true).set(rows[1]).get(spare[0]).set(rows[0]);
    return;
  }
  f.get(rows[0]).get(rows[1]).shuffle(0, 4, 1, 5).set(spare[0]);
  f.get(rows[2]).get(rows[3]).shuffle(0, 4, 1, 5).set(spare[1]);
  f.get(rows[0]).get(rows[1]).shuffle(2, 6, 3, 7).set(spare[2]);
  f.get(rows[2]).get(rows[3]).shuffle(2, 6, 3, 7).set(spare[3]);
  for (let half = 0; half < 2; half++) {
    pair(spare[2 * half], spare[2 * half + 1], false).set(rows[2 * half]);
    pair(spare[2 * half], spare[2 * half + 1], true).set(rows[2 * half + 1]);
  }
}
