/**
 * Kernels that go along dimensions: reductions, positions of extremes, running results, softmax, sort.
 *
 * @module
 */
import { type ComputeDType, contiguousStrides, type DType, hostArray, isFloatingPoint, type ReduceOp, sizeOf } from "@sconce/core";
import { type ArrayView, elementsOf, type ReferenceKernel, walk } from "./array.js";
import { evaluateExpr } from "./elementwise.js";
import { arithmeticOf } from "./scalar.js";

type Combine = (x: number, y: number) => number;

const larger: Combine = (x, y) => (x > y || Number.isNaN(x) ? x : y);
const smaller: Combine = (x, y) => (x < y || Number.isNaN(x) ? x : y);

const LOWEST: { readonly [D in ComputeDType]: number | bigint } = {
  bool: 0,
  uint8: 0,
  int32: -2147483648,
  int64: -9223372036854775808n,
  float32: Number.NEGATIVE_INFINITY,
  float64: Number.NEGATIVE_INFINITY,
};
const HIGHEST: { readonly [D in ComputeDType]: number | bigint } = {
  bool: 1,
  uint8: 255,
  int32: 2147483647,
  int64: 9223372036854775807n,
  float32: Number.POSITIVE_INFINITY,
  float64: Number.POSITIVE_INFINITY,
};

/** Start value and combination of a reduction over elements of `dtype`. */
function reductionOf(op: ReduceOp, dtype: DType): [start: number, combine: Combine] {
  const { zero, one, add, mul } = arithmeticOf(dtype);
  // biome-ignore lint/suspicious/noDoubleEquals: 0n == 0
  const truth = (x: number): boolean => x != 0;
  const table: { readonly [K in ReduceOp]: [number, Combine] } = {
    sum: [zero, add],
    prod: [one, mul],
    max: [LOWEST[dtype as ComputeDType] as number, larger],
    min: [HIGHEST[dtype as ComputeDType] as number, smaller],
    any: [0, (x, y) => Number(truth(x) || truth(y))],
    all: [1, (x, y) => Number(truth(x) && truth(y))],
  };
  return table[op];
}

export const reduce: ReferenceKernel<"reduce"> = (inputs, [output], { op, dims, shape, expr, numbers }) => {
  const values = elementsOf(hostArray(expr.dtype, sizeOf(shape)));
  evaluateExpr(expr, shape, inputs, numbers, values);
  const [start, combine] = reductionOf(op, expr.dtype);
  const totals = new Array<number>(output.data.length).fill(start);
  const kept = contiguousStrides(shape.map((n, d) => (dims.includes(d) ? 1 : n)));
  const strides = kept.map((s, d) => (dims.includes(d) ? 0 : s));
  // Float sums carry what each addition rounds off (Kahan).
  const lost = op === "sum" && isFloatingPoint(expr.dtype) ? new Float64Array(totals.length) : null;
  walk(shape, [{ strides, offset: 0 }], ([at], i) => {
    const before = totals[at];
    const value = lost === null ? values[i] : values[i] - lost[at];
    totals[at] = combine(before, value);
    if (lost !== null && Number.isFinite(totals[at])) lost[at] = totals[at] - before - value;
  });
  totals.forEach((total, i) => {
    output.data[i] = total;
  });
};

/** Calls `visit` for each row along `dim`: a reader of its elements and the positions of the same row in a row-major array. */
function eachRow(x: ArrayView, dim: number, visit: (read: (k: number) => number, at: (k: number) => number, length: number) => void): void {
  const scalar = x.shape.length === 0;
  const length = scalar ? 1 : x.shape[dim];
  const step = scalar ? 0 : x.strides[dim];
  const dense = contiguousStrides(x.shape);
  const outer = x.shape.map((n, d) => (d === dim ? 1 : n));
  walk(outer, [x, { strides: dense, offset: 0 }], ([from, to]) => {
    visit(
      (k) => x.data[from + k * step],
      (k) => to + k * (scalar ? 0 : dense[dim]),
      length,
    );
  });
}

export const argReduce: ReferenceKernel<"argReduce"> = ([x], [output], { op, dim }) => {
  const beats = op === "max" ? (a: number, b: number) => a > b : (a: number, b: number) => a < b;
  let row = 0;
  eachRow(x, dim, (read, _, length) => {
    let best = 0;
    for (let k = 1; k < length && !Number.isNaN(read(best)); k++) if (beats(read(k), read(best)) || Number.isNaN(read(k))) best = k;
    output.data[row++] = best;
  });
};

export const cumulate: ReferenceKernel<"cumulate"> = ([x], [values, positions], { op, dim }) => {
  const { add, mul } = arithmeticOf(x.dtype);
  eachRow(x, dim, (read, at, length) => {
    let total = length > 0 ? read(0) : 0;
    let best = 0;
    for (let k = 0; k < length; k++) {
      const y = read(k);
      if (op === "sum" || op === "prod") {
        if (k > 0) total = op === "sum" ? add(total, y) : mul(total, y);
      } else {
        if (Number.isNaN(y) || (op === "max" ? y >= total : y <= total)) {
          total = y;
          best = k;
        }
        positions.data[at(k)] = best;
      }
      values.data[at(k)] = total;
    }
  });
};

export const softmax: ReferenceKernel<"softmax"> = ([x], [output], { dim, log }) => {
  eachRow(x, dim, (read, at, length) => {
    let high = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < length; k++) high = larger(high, read(k));
    let sum = 0;
    for (let k = 0; k < length; k++) sum += Math.exp(read(k) - high);
    const logSum = Math.log(sum);
    for (let k = 0; k < length; k++) output.data[at(k)] = log ? read(k) - high - logSum : Math.exp(read(k) - high) / sum;
  });
};

export const sort: ReferenceKernel<"sort"> = ([x], [values, positions], { dim, descending }) => {
  const ascend: Combine = (a, b) => (Number.isNaN(a) ? (Number.isNaN(b) ? 0 : 1) : Number.isNaN(b) ? -1 : a < b ? -1 : a > b ? 1 : 0);
  eachRow(x, dim, (read, at, length) => {
    const order = Array.from({ length }, (_, k) => k).sort((a, b) => (descending ? ascend(read(b), read(a)) : ascend(read(a), read(b))));
    order.forEach((from, k) => {
      values.data[at(k)] = read(from);
      positions.data[at(k)] = from;
    });
  });
};
