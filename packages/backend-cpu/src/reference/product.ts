/**
 * Matrix products and convolutions with any number of spatial dimensions.
 *
 * @module
 */
import { type ConvAttrs, contiguousStrides, type DType, hostArray, type Layout } from "@sconce/core";
import { type ArrayOutput, type Elements, elementsOf, type ReferenceKernel, type Steps, walk } from "./array.js";
import { arithmeticOf } from "./scalar.js";

export const matmul: ReferenceKernel<"matmul"> = ([a, b, bias], [output]) => {
  const rank = output.shape.length;
  const inner = a.shape[rank - 1];
  const { zero, add, mul } = arithmeticOf(output.dtype);
  const rows: Steps = { offset: a.offset, strides: a.strides.map((s, d) => (d === rank - 1 ? 0 : s)) };
  const columns: Steps = { offset: b.offset, strides: b.strides.map((s, d) => (d === rank - 2 ? 0 : s)) };
  walk(output.shape, [rows, columns, bias ?? rows], ([left, right, base], i) => {
    let sum = zero;
    for (let k = 0; k < inner; k++) {
      sum = add(sum, mul(a.data[left + k * a.strides[rank - 1]], b.data[right + k * b.strides[rank - 2]]));
    }
    output.data[i] = bias === undefined ? sum : add(sum, bias.data[base]);
  });
};

/**
 * Calls `visit` with the positions of the factors and the result of every product in y += x * w, where `x` `[N, C, ...]` is the input,
 * `w` `[F, C / groups, ...]` the weight and `y` `[N, F, ...]` the output of a convolution, whichever of them is computed.
 */
function eachProduct(x: Layout, w: Layout, y: Layout, attrs: ConvAttrs, visit: (x: number, w: number, y: number) => void): void {
  const spatial = x.shape.length - 2;
  const [filters, channels, ...kernel] = w.shape;
  const sizes = [...y.shape, channels, ...kernel];
  const index = new Array<number>(sizes.length).fill(0);
  const total = sizes.reduce((n, d) => n * d, 1);
  for (let i = 0; i < total; i++) {
    const [n, f] = index;
    const c = index[2 + spatial];
    const group = Math.floor(f / (filters / attrs.groups));
    let atX = x.offset + n * x.strides[0] + (group * channels + c) * x.strides[1];
    let atW = w.offset + f * w.strides[0] + c * w.strides[1];
    let atY = y.offset + n * y.strides[0] + f * y.strides[1];
    let inside = true;
    for (let d = 0; d < spatial; d++) {
      const o = index[2 + d];
      const k = index[3 + spatial + d];
      const p = o * attrs.stride[d] - attrs.padding[d] + k * attrs.dilation[d];
      if (p < 0 || p >= x.shape[2 + d]) inside = false;
      atX += p * x.strides[2 + d];
      atW += k * w.strides[2 + d];
      atY += o * y.strides[2 + d];
    }
    if (inside) visit(atX, atW, atY);
    for (let d = sizes.length - 1; d >= 0 && ++index[d] === sizes[d]; d--) index[d] = 0;
  }
}

const dense = (shape: readonly number[]): Layout => ({ shape, strides: contiguousStrides(shape), offset: 0 });

/** Sums of products; floats in double precision until the end. */
function accumulate(
  output: ArrayOutput,
  start: Elements | undefined,
  sums: (add: (at: number, x: number, y: number) => void) => void,
): void {
  const wide: DType = output.dtype === "float32" ? "float64" : output.dtype;
  const totals = elementsOf(hostArray(wide, output.data.length));
  if (start !== undefined) totals.set(start);
  const { add, mul } = arithmeticOf(output.dtype);
  sums((at, x, y) => {
    totals[at] = add(totals[at], mul(x, y));
  });
  output.data.set(totals);
}

export const conv: ReferenceKernel<"conv"> = ([x, w, bias], [output], attrs) => {
  let start: Elements | undefined;
  if (bias !== undefined) {
    start = elementsOf(hostArray(output.dtype, output.data.length));
    const strides = output.shape.map((_, d) => (d === 1 ? bias.strides[0] : 0));
    walk(output.shape, [{ strides, offset: bias.offset }], ([at], i) => {
      (start as Elements)[i] = bias.data[at];
    });
  }
  accumulate(output, start, (add) => {
    eachProduct(x, w, dense(output.shape), attrs, (atX, atW, atY) => add(atY, x.data[atX], w.data[atW]));
  });
};

export const convInput: ReferenceKernel<"convInput"> = ([grad, w], [output], attrs) => {
  accumulate(output, undefined, (add) => {
    eachProduct(dense(output.shape), w, grad, attrs, (atX, atW, atY) => add(atX, grad.data[atY], w.data[atW]));
  });
};

export const convWeight: ReferenceKernel<"convWeight"> = ([grad, x], [output], attrs) => {
  accumulate(output, undefined, (add) => {
    eachProduct(x, dense(output.shape), grad, attrs, (atX, atW, atY) => add(atW, grad.data[atY], x.data[atX]));
  });
};
