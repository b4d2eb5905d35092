/**
 * Kernels that read or write by position: gather, scatter, rows by index, regions, concatenation.
 *
 * @module
 */
import { contiguousStrides, type DType, type ScatterMode, ShapeError } from "@sconce/core";
import { type ArrayOutput, type ArrayView, type ReferenceKernel, walk } from "./array.js";
import { arithmeticOf } from "./scalar.js";

/** An index, or an error if it is out of range. */
export function checkIndex(index: number, dim: number, size: number): number {
  if (index < 0 || index >= size) throw new ShapeError(`index ${index} is out of bounds for dimension ${dim} with size ${size}`);
  return index;
}

/** How a mode combines an element with a value. */
export function combiner(mode: ScatterMode, dtype: DType): (old: number, value: number) => number {
  const { add, mul } = arithmeticOf(dtype);
  const table: { readonly [K in ScatterMode]: (old: number, value: number) => number } = {
    set: (_, value) => value,
    add,
    mul,
    max: (old, value) => (value > old || Number.isNaN(value) ? value : old),
    min: (old, value) => (value < old || Number.isNaN(value) ? value : old),
  };
  return table[mode];
}

/** Copies a view into an output of the same shape. */
function copyInto(x: ArrayView, output: ArrayOutput): void {
  walk(x.shape, [x], ([at], i) => {
    output.data[i] = x.data[at];
  });
}

const without = (strides: readonly number[], dim: number): number[] => strides.map((s, d) => (d === dim ? 0 : s));

export const gather: ReferenceKernel<"gather"> = ([x, index], [output], { dim }) => {
  const [size, step] = x.shape.length === 0 ? [1, 0] : [x.shape[dim], x.strides[dim]];
  walk(index.shape, [index, { strides: without(x.strides, dim), offset: x.offset }], ([at, from], i) => {
    output.data[i] = x.data[from + checkIndex(index.data[at], dim, size) * step];
  });
};

export const scatter: ReferenceKernel<"scatter"> = ([self, index, source], [output], { dim, mode }) => {
  copyInto(self, output);
  const combine = combiner(mode, self.dtype);
  const dense = contiguousStrides(self.shape);
  const [size, step] = self.shape.length === 0 ? [1, 0] : [self.shape[dim], dense[dim]];
  walk(index.shape, [index, { strides: without(dense, dim), offset: 0 }, source], ([at, to, from]) => {
    const target = to + checkIndex(index.data[at], dim, size) * step;
    output.data[target] = combine(output.data[target], source.data[from]);
  });
};

export const indexSelect: ReferenceKernel<"indexSelect"> = ([x, index], [output], { dim }) => {
  const along = output.shape.map((_, d) => (d === dim ? index.strides[0] : 0));
  walk(
    output.shape,
    [
      { strides: along, offset: index.offset },
      { strides: without(x.strides, dim), offset: x.offset },
    ],
    ([at, from], i) => {
      output.data[i] = x.data[from + checkIndex(index.data[at], dim, x.shape[dim]) * x.strides[dim]];
    },
  );
};

export const indexUpdate: ReferenceKernel<"indexUpdate"> = ([self, index, source], [output], { dim, mode }) => {
  copyInto(self, output);
  const combine = combiner(mode, self.dtype);
  const dense = contiguousStrides(self.shape);
  const along = source.shape.map((_, d) => (d === dim ? index.strides[0] : 0));
  const layouts = [{ strides: along, offset: index.offset }, { strides: without(dense, dim), offset: 0 }, source];
  walk(source.shape, layouts, ([at, to, from]) => {
    const target = to + checkIndex(index.data[at], dim, self.shape[dim]) * dense[dim];
    output.data[target] = combine(output.data[target], source.data[from]);
  });
};

export const updateSlice: ReferenceKernel<"updateSlice"> = ([base, source], [output], { strides, offset }) => {
  copyInto(base, output);
  walk(source.shape, [source, { strides, offset }], ([from, to]) => {
    output.data[to] = source.data[from];
  });
};

export const concat: ReferenceKernel<"concat"> = (inputs, [output], { dim }) => {
  const strides = contiguousStrides(output.shape);
  let start = 0;
  for (const x of inputs) {
    walk(x.shape, [x, { strides, offset: start }], ([from, to]) => {
      output.data[to] = x.data[from];
    });
    start += x.shape[dim] * strides[dim];
  }
};
