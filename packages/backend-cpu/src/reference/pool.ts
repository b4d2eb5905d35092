/**
 * Pooling over windows of any number of spatial dimensions.
 *
 * @module
 */
import { type AvgPoolAttrs, contiguousStrides, hostArray } from "@sconce/core";
import { elementsOf, type ReferenceKernel, walk } from "./array.js";

/** Geometry of one window: `visit` gets the coordinates of each element that lies inside the input. */
function eachInWindow(
  output: readonly number[],
  input: readonly number[],
  kernel: readonly number[],
  stride: readonly number[],
  padding: readonly number[],
  dilation: readonly number[],
  visit: (at: readonly number[]) => void,
): void {
  const at = new Array<number>(kernel.length);
  const step = (d: number): void => {
    if (d === kernel.length) {
      visit(at);
      return;
    }
    for (let k = 0; k < kernel[d]; k++) {
      at[d] = output[d] * stride[d] - padding[d] + k * dilation[d];
      if (at[d] >= 0 && at[d] < input[d]) step(d + 1);
    }
  };
  step(0);
}

const dot = (at: readonly number[], strides: readonly number[]): number => at.reduce((sum, p, d) => sum + p * strides[d], 0);

/** The coordinates of element `i` of a row-major `shape`. */
function unravel(i: number, shape: readonly number[]): number[] {
  const index = new Array<number>(shape.length);
  let rest = i;
  for (let d = shape.length - 1; d >= 0; d--) {
    index[d] = rest % shape[d];
    rest = Math.floor(rest / shape[d]);
  }
  return index;
}

export const maxPool: ReferenceKernel<"maxPool"> = ([x], [values, positions], { kernel, stride, padding, dilation }) => {
  const plane = x.shape.slice(2);
  const dense = contiguousStrides(plane);
  const channels = x.strides.map((s, d) => (d < 2 ? s : 0));
  walk(values.shape, [{ strides: channels, offset: x.offset }], ([base], i) => {
    let best = Number.NEGATIVE_INFINITY;
    let found = -1;
    eachInWindow(unravel(i, values.shape).slice(2), plane, kernel, stride, padding, dilation, (at) => {
      const y = x.data[base + dot(at, x.strides.slice(2))];
      if (found < 0 || y > best || Number.isNaN(y)) {
        best = y;
        found = dot(at, dense);
      }
    });
    values.data[i] = best;
    positions.data[i] = found;
  });
};

/** What a window's sum is divided by: its elements, those in the padding too or not, or a given number. */
function divisorOf(output: readonly number[], input: readonly number[], attrs: AvgPoolAttrs): number {
  if (attrs.divisor !== null) return attrs.divisor;
  return attrs.kernel.reduce((n, k, d) => {
    const start = output[d] * attrs.stride[d] - attrs.padding[d];
    const end = Math.min(start + k, input[d] + attrs.padding[d]);
    return n * (attrs.countIncludePad ? end - start : Math.min(end, input[d]) - Math.max(start, 0));
  }, 1);
}

export const avgPool: ReferenceKernel<"avgPool"> = ([x], [output], attrs) => {
  const { kernel, stride, padding } = attrs;
  const plane = x.shape.slice(2);
  const ones = kernel.map(() => 1);
  const channels = x.strides.map((s, d) => (d < 2 ? s : 0));
  walk(output.shape, [{ strides: channels, offset: x.offset }], ([base], i) => {
    const window = unravel(i, output.shape).slice(2);
    let sum = 0;
    eachInWindow(window, plane, kernel, stride, padding, ones, (at) => {
      sum += x.data[base + dot(at, x.strides.slice(2))];
    });
    output.data[i] = sum / divisorOf(window, plane, attrs);
  });
};

export const avgPoolGrad: ReferenceKernel<"avgPoolGrad"> = ([grad], [output], attrs) => {
  const { kernel, stride, padding } = attrs;
  const plane = output.shape.slice(2);
  const ones = kernel.map(() => 1);
  const dense = contiguousStrides(output.shape);
  const totals = elementsOf(hostArray("float64", output.data.length));
  const channels = dense.map((s, d) => (d < 2 ? s : 0));
  walk(grad.shape, [grad, { strides: channels, offset: 0 }], ([from, base], i) => {
    const window = unravel(i, grad.shape).slice(2);
    const share = grad.data[from] / divisorOf(window, plane, attrs);
    eachInWindow(window, plane, kernel, stride, padding, ones, (at) => {
      totals[base + dot(at, dense.slice(2))] += share;
    });
  });
  output.data.set(totals);
};
