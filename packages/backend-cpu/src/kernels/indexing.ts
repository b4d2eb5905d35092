/**
 * Gather, scatter, and rows by index, for all dtypes and layouts: loops over the memory in TypeScript, and WebAssembly for rows of adjacent
 * elements.
 *
 * @module
 */
import { contiguousStrides, type DType, isContiguous, itemSize, type ScatterMode, sameShape, sizeOf, type View } from "@sconce/core";
import { type Block, type Machine, pointerOf } from "../machine.js";
import { type Elements, elementsOf, type Steps } from "../reference/array.js";
import { checkIndex, combiner } from "../reference/indexing.js";
import { shareRange } from "../threads/share.js";
import { copyView } from "./copy.js";
import type { Fill } from "./kernel.js";
import { rowKernels } from "./row-kernels.js";
import { eachRow, lastSize, lastStride } from "./rows.js";

/** For the choice of threads alone. */
const NANOSECONDS_PER_ADDITION = 1;

/** The memory as elements to be moved: float32 as its bits. */
function movedAs(machine: Machine, dtype: DType): Elements {
  return elementsOf(machine.elements(dtype === "float32" ? "int32" : dtype));
}

/** Position of a view's first element in the memory. */
function start(x: View): number {
  return pointerOf(x) / itemSize(x.dtype);
}

/** Steps of a view through the memory, with dimension `fixed` standing still. */
function steps(x: View, fixed = -1): Steps {
  return { offset: start(x), strides: x.strides.map((s, d) => (d === fixed ? 0 : s)) };
}

/** Steps of a row-major block. */
function denseSteps(block: Block, shape: readonly number[], dtype: DType, fixed = -1): Steps {
  return { offset: block.pointer / itemSize(dtype), strides: contiguousStrides(shape).map((s, d) => (d === fixed ? 0 : s)) };
}

/** Size and stride of a dimension; of a tensor without dimensions, those of its one element. */
function dimension(shape: readonly number[], strides: readonly number[], dim: number): [size: number, stride: number] {
  return shape.length === 0 ? [1, 0] : [shape[dim], strides[dim]];
}

/** Checks every index before anything is written. */
function checkIndices(machine: Machine, index: View, dim: number, size: number): void {
  // Negative indices are large when compared as unsigned.
  if (isContiguous(index.shape, index.strides) && rowKernels(machine).largest(pointerOf(index), sizeOf(index.shape)) >>> 0 < size) return;
  const { i32 } = machine.heap;
  const count = lastSize(index.shape);
  const step = lastStride(index.strides);
  eachRow(index.shape, [steps(index)], ([at]) => {
    for (let i = 0; i < count; i++) {
      const value = i32[at + i * step];
      if (value < 0 || value >= size) checkIndex(value, dim, size);
    }
  });
}

export const gather: Fill<"gather"> = (machine, [x, index], outputs, [block], { dim }) => {
  const [size, step] = dimension(x.shape, x.strides, dim);
  checkIndices(machine, index, dim, size);
  const { shape } = outputs[0];
  const data = movedAs(machine, x.dtype);
  const { i32 } = machine.heap;
  const from = steps(x, dim);
  const count = lastSize(shape);
  const [indexStep, fromStep] = [lastStride(index.strides), lastStride(from.strides)];
  eachRow(shape, [steps(index), from, denseSteps(block, shape, x.dtype)], ([at, source, to]) => {
    for (let i = 0; i < count; i++) data[to + i] = data[source + i * fromStep + i32[at + i * indexStep] * step];
  });
};

/** Writes a value over an element, or combines them. */
type Write = (data: Elements, at: number, value: number) => void;

function writer(mode: ScatterMode, dtype: DType): Write {
  if (mode === "set") {
    return (data, at, value) => {
      data[at] = value;
    };
  }
  if (mode === "add" && dtype !== "bool") {
    return (data, at, value) => {
      data[at] += value;
    };
  }
  const combine = combiner(mode, dtype);
  return (data, at, value) => {
    data[at] = combine(data[at], value);
  };
}

export const scatter: Fill<"scatter"> = (machine, [self, index, source], _, [block], { dim, mode }) => {
  const [size, step] = dimension(self.shape, contiguousStrides(self.shape), dim);
  checkIndices(machine, index, dim, size);
  copyView(machine, self, block);
  if (mode === "add" && self.dtype === "float32" && dim === self.shape.length - 1 && haveRowsOf(self.shape, index, source)) {
    addRows(machine, self.shape, index, source, block);
    return;
  }
  const data = elementsOf(machine.elements(self.dtype));
  const { i32 } = machine.heap;
  const write = writer(mode, self.dtype);
  const target = denseSteps(block, self.shape, self.dtype, dim);
  const count = lastSize(index.shape);
  const [indexStep, fromStep, toStep] = [index, source, target].map(({ strides }) => lastStride(strides));
  eachRow(index.shape, [steps(index), steps(source), target], ([at, from, to]) => {
    for (let i = 0; i < count; i++) write(data, to + i * toStep + i32[at + i * indexStep] * step, data[from + i * fromStep]);
  });
};

/** True if index and source lie without gaps and have a row for each row of `shape`. */
function haveRowsOf(shape: readonly number[], index: View, source: View): boolean {
  const rows = (list: readonly number[]): readonly number[] => list.slice(0, -1);
  const whole = isContiguous(index.shape, index.strides) && isContiguous(source.shape, source.strides);
  return whole && sameShape(index.shape, source.shape) && sameShape(rows(index.shape), rows(shape));
}

/** Adds rows of float32 to places within the rows of a block. */
function addRows(machine: Machine, shape: readonly number[], index: View, source: View, { pointer }: Block): void {
  const [size, count] = [lastSize(shape), lastSize(index.shape)];
  if (size === 0 || count === 0) return;
  const { scatterAdd } = rowKernels(machine);
  const [from, indices] = [pointerOf(source), pointerOf(index)];
  shareRange(machine.pool, sizeOf(index.shape) * NANOSECONDS_PER_ADDITION, sizeOf(shape) / size, 1, (calls, first, end) => {
    const [done, to] = [4 * first * count, pointer + 4 * first * size];
    calls.call(scatterAdd, 0, [end - first, count, size, from + done, indices + done, to]);
  });
}

/** Steps through an index list for each position of `shape`, along dimension `dim`. */
function alongDim(index: View, shape: readonly number[], dim: number): Steps {
  return { offset: start(index), strides: shape.map((_, d) => (d === dim ? index.strides[0] : 0)) };
}

export const indexSelect: Fill<"indexSelect"> = (machine, [x, index], [{ shape }], [block], { dim }) => {
  checkIndices(machine, index, dim, x.shape[dim]);
  const data = movedAs(machine, x.dtype);
  const { i32 } = machine.heap;
  const { copy } = rowKernels(machine);
  const bytes = itemSize(x.dtype);
  const step = x.strides[dim];
  const [list, from] = [alongDim(index, shape, dim), steps(x, dim)];
  const count = lastSize(shape);
  const [listStep, fromStep] = [lastStride(list.strides), lastStride(from.strides)];
  eachRow(shape, [list, from, denseSteps(block, shape, x.dtype)], ([at, source, to]) => {
    if (listStep !== 0) {
      for (let i = 0; i < count; i++) data[to + i] = data[source + i * fromStep + i32[at + i * listStep] * step];
    } else if (fromStep === 1) copy(to * bytes, (source + i32[at] * step) * bytes, count * bytes);
    else {
      const row = source + i32[at] * step;
      for (let i = 0; i < count; i++) data[to + i] = data[row + i * fromStep];
    }
  });
};

export const indexUpdate: Fill<"indexUpdate"> = (machine, [self, index, source], _, [block], { dim, mode }) => {
  checkIndices(machine, index, dim, self.shape[dim]);
  copyView(machine, self, block);
  if (sizeOf(source.shape) === 0) return;
  const data = elementsOf(machine.elements(self.dtype));
  const { i32 } = machine.heap;
  const write = writer(mode, self.dtype);
  const step = contiguousStrides(self.shape)[dim];
  const [list, target] = [alongDim(index, source.shape, dim), denseSteps(block, self.shape, self.dtype, dim)];
  const count = lastSize(source.shape);
  const [listStep, fromStep, toStep] = [list, source, target].map(({ strides }) => lastStride(strides));
  const adds = mode === "add" && self.dtype === "float32" && listStep === 0 && fromStep === 1 && toStep === 1;
  const { add } = rowKernels(machine);
  eachRow(source.shape, [list, steps(source), target], ([at, from, to]) => {
    if (adds) add(4 * (to + i32[at] * step), 4 * from, count);
    else for (let i = 0; i < count; i++) write(data, to + i * toStep + i32[at + i * listStep] * step, data[from + i * fromStep]);
  });
};
