/**
 * Positions of extremes, running results and sorting, row by row in TypeScript; int64 and, for running results, everything but floats
 * run the reference.
 *
 * @module
 */

import { contiguousStrides, isFloatingPoint, itemSize, type View } from "@sconce/core";
import { type Block, type Machine, pointerOf } from "../machine.js";
import { type Elements, elementsOf, type Steps } from "../reference/array.js";
import type { Fill } from "./kernel.js";
import { eachRow, lastSize, lastStride, moveLast, rowsAlong } from "./rows.js";

/** A row-major block whose rows go along `dim`. */
function blockRows(block: Block, x: View, dim: number, bytes: number): Steps {
  return { offset: block.pointer / bytes, strides: moveLast(contiguousStrides(x.shape), dim) };
}

/** The rows of `x` along `dim` in the memory. */
function sourceRows(machine: Machine, x: View, dim: number): { rows: View; steps: Steps; step: number; count: number; data: Elements } {
  const rows = rowsAlong(x, dim);
  const steps = { offset: pointerOf(x) / itemSize(x.dtype), strides: rows.strides };
  return { rows, steps, step: lastStride(rows.strides), count: lastSize(rows.shape), data: elementsOf(machine.elements(x.dtype)) };
}

export const argReduce: Fill<"argReduce"> = (machine, [x], _, blocks, attrs) => {
  if (x.dtype === "int64") return false;
  const { rows, steps, step, count, data } = sourceRows(machine, x, attrs.dim);
  const { i32 } = machine.heap;
  let to = blocks[0].pointer / 4;
  const find = attrs.op === "max" ? largest : smallest;
  eachRow(rows.shape, [steps], ([from]) => {
    i32[to++] = find(data, from, step, count);
  });
};

/** Position of the first largest element of a row; the first NaN counts as it. */
function largest(data: Elements, from: number, step: number, count: number): number {
  let best = 0;
  let value = data[from];
  for (let k = 0; k < count; k++) {
    const x = data[from + k * step];
    if (x > value) {
      best = k;
      value = x;
    } else if (Number.isNaN(x)) return k;
  }
  return best;
}

function smallest(data: Elements, from: number, step: number, count: number): number {
  let best = 0;
  let value = data[from];
  for (let k = 0; k < count; k++) {
    const x = data[from + k * step];
    if (x < value) {
      best = k;
      value = x;
    } else if (Number.isNaN(x)) return k;
  }
  return best;
}

export const cumulate: Fill<"cumulate"> = (machine, [x], _, blocks, { op, dim }) => {
  if (!isFloatingPoint(x.dtype) || op === "max" || op === "min") return false;
  const { rows, steps, step, count, data } = sourceRows(machine, x, dim);
  const target = blockRows(blocks[0], x, dim, itemSize(x.dtype));
  const toStep = lastStride(target.strides);
  const sum = op === "sum";
  eachRow(rows.shape, [steps, target], ([from, to]) => {
    let total = sum ? 0 : 1;
    for (let k = 0; k < count; k++) {
      const value = data[from + k * step];
      total = sum ? total + value : total * value;
      data[to + k * toStep] = total;
    }
  });
};

export const sort: Fill<"sort"> = (machine, [x], _, blocks, { dim, descending }) => {
  if (x.dtype === "int64") return false;
  const { rows, steps, step, count, data } = sourceRows(machine, x, dim);
  const { i32 } = machine.heap;
  const [values, positions] = [blockRows(blocks[0], x, dim, itemSize(x.dtype)), blockRows(blocks[1], x, dim, 4)];
  const toStep = lastStride(values.strides);
  const keys = new Float64Array(count);
  const order = new Int32Array(count);
  const spare = new Int32Array(count);
  eachRow(rows.shape, [steps, values, positions], ([from, to, at]) => {
    // NaN is the largest: it goes to the end, or to the front of a descending order.
    let nans = 0;
    for (let k = 0; k < count; k++) if (Number.isNaN(data[from + k * step])) nans++;
    let [nan, number] = descending ? [0, nans] : [count - nans, 0];
    for (let k = 0; k < count; k++) {
      const value = data[from + k * step];
      keys[k] = descending ? -value : value;
      if (Number.isNaN(value)) order[nan++] = k;
      else order[number++] = k;
    }
    mergeSort(keys, order, spare, descending ? nans : 0, descending ? count : count - nans);
    for (let k = 0; k < count; k++) {
      data[to + k * toStep] = data[from + order[k] * step];
      i32[at + k * toStep] = order[k];
    }
  });
};

const RUN = 8;

/** Sorts the positions `order[first .. end)` by their keys, keeping the order of equal ones. */
function mergeSort(keys: Float64Array, order: Int32Array, spare: Int32Array, first: number, end: number): void {
  for (let low = first; low < end; low += RUN) insertionSort(keys, order, low, Math.min(low + RUN, end));
  let [source, target] = [order, spare];
  for (let width = RUN; width < end - first; width *= 2) {
    for (let low = first; low < end; low += 2 * width) {
      merge(keys, source, target, low, Math.min(low + width, end), Math.min(low + 2 * width, end));
    }
    [source, target] = [target, source];
  }
  if (source !== order) order.set(source.subarray(first, end), first);
}

function insertionSort(keys: Float64Array, order: Int32Array, low: number, high: number): void {
  for (let i = low + 1; i < high; i++) {
    const position = order[i];
    const key = keys[position];
    let j = i;
    for (; j > low && keys[order[j - 1]] > key; j--) order[j] = order[j - 1];
    order[j] = position;
  }
}

function merge(keys: Float64Array, source: Int32Array, target: Int32Array, low: number, middle: number, high: number): void {
  let left = low;
  let right = middle;
  for (let i = low; i < high; i++) {
    const takeLeft = left < middle && (right >= high || keys[source[left]] <= keys[source[right]]);
    target[i] = takeLeft ? source[left++] : source[right++];
  }
}
