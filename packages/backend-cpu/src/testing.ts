/**
 * Helpers of the kernel tests: random tensors in every layout, and the comparison of a kernel with its reference.
 *
 * @module
 */
import {
  contiguousStrides,
  type DType,
  encodeArray,
  type hostArray,
  isFloatingPoint,
  type KernelName,
  type Kernels,
  type Layout,
  numberArray,
  type Spec,
  sizeOf,
  type View,
} from "@sconce/core";
import { expect } from "vitest";
import type { CpuBackend } from "./backend.js";
import { kernels } from "./kernels/index.js";
import { elementsOf } from "./reference/array.js";
import { ReferenceBackend } from "./reference/backend.js";

/** A small generator of repeatable numbers in [0, 1). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A host tensor: an array with a layout. */
export interface HostTensor extends Layout {
  readonly array: ReturnType<typeof hostArray>;
  readonly dtype: DType;
}

/** Layouts that tests go through. */
export const LAYOUTS = ["contiguous", "transposed", "sliced", "reversed", "broadcast"] as const;
export type LayoutKind = (typeof LAYOUTS)[number];

/** A tensor of `shape` in one of the layouts whose elements come from `value`. */
export function hostTensor(dtype: DType, shape: readonly number[], kind: LayoutKind, value: (i: number) => number): HostTensor {
  const rank = shape.length;
  let storage = [...shape];
  let strides = contiguousStrides(shape);
  let offset = 0;
  if (kind === "transposed" && rank > 1) {
    storage = [...shape].reverse();
    strides = contiguousStrides(storage).reverse();
  } else if (kind === "sliced" && rank > 0) {
    storage = shape.map((n) => 2 * n + 1);
    strides = contiguousStrides(storage).map((s, d) => (d === rank - 1 ? 2 * s : s));
    offset = 1;
  } else if (kind === "reversed") {
    offset = sizeOf(shape) === 0 ? 0 : shape.reduce((sum, n, d) => sum + (n - 1) * strides[d], 0);
    strides = strides.map((s) => -s);
  } else if (kind === "broadcast" && rank > 0) {
    strides = contiguousStrides(shape.map((n, d) => (d % 2 === 0 ? 1 : n))).map((s, d) => (d % 2 === 0 ? 0 : s));
  }
  const array = numberArray(dtype, Math.max(1, sizeOf(storage)));
  const elements = elementsOf(array);
  for (let i = 0; i < array.length; i++) elements[i] = dtype === "int64" ? (BigInt(Math.trunc(value(i))) as unknown as number) : value(i);
  if (dtype === "bool") for (let i = 0; i < array.length; i++) elements[i] &= 1;
  return { array: encodeArray(array, dtype), dtype, shape, strides, offset };
}

/** A contiguous tensor of given elements. */
export function tensorOf(dtype: DType, shape: readonly number[], data: readonly number[]): HostTensor {
  return hostTensor(dtype, shape, "contiguous", (i) => data[i]);
}

/** Uniform numbers around zero, whole for integers. */
export function values(dtype: DType, random: () => number, scale = 4): () => number {
  if (isFloatingPoint(dtype)) return () => (random() - 0.5) * 2 * scale;
  if (dtype === "bool") return () => (random() < 0.5 ? 0 : 1);
  return () => Math.trunc((random() - (dtype === "uint8" ? 0 : 0.5)) * 40);
}

const referenceBackend = new ReferenceBackend(kernels);

/** Runs a kernel on a backend and on the reference; returns both results. */
export function runBoth<K extends KernelName>(
  backend: CpuBackend,
  kernel: K,
  inputs: readonly HostTensor[],
  outputs: readonly Spec[],
  attrs: Kernels[K],
): { readonly got: ReturnType<typeof hostArray>[]; readonly want: ReturnType<typeof hostArray>[] } {
  const [got, want] = [backend, referenceBackend].map((target) => {
    const views: View[] = inputs.map(({ array, dtype, shape, strides, offset }) => ({
      handle: target.upload(array, dtype),
      dtype,
      shape,
      strides,
      offset,
    }));
    const handles = target.run(kernel, views, outputs, attrs);
    const results = handles.map((handle, i) => target.downloadSync(handle, outputs[i].dtype, sizeOf(outputs[i].shape)));
    for (const handle of new Set([...handles, ...views.map((view) => view.handle)])) target.free(handle);
    return results;
  });
  return { got, want };
}

/** Units in the last place of float32 between a number and the exact value. */
export function ulps32(got: number, exact: number): number {
  const rounded = Math.fround(exact);
  if (Object.is(got, rounded) && !Number.isFinite(rounded)) return 0;
  if (Number.isFinite(got) !== Number.isFinite(rounded)) return Number.POSITIVE_INFINITY;
  return Math.abs(got - exact) / unit32(exact);
}

function unit32(x: number): number {
  if (x === 0) return 2 ** -149;
  return 2 ** Math.max(Math.floor(Math.log2(Math.abs(x))) - 23, -149);
}

/** Fails unless every element agrees: integers exactly, floats within `tolerance` relative to the larger of 1 and the element. */
export function expectClose(got: ArrayLike<number | bigint>, want: ArrayLike<number | bigint>, tolerance: number, label = ""): void {
  expect(got.length, label).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    const [a, b] = [got[i], want[i]];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    const error = Math.abs(Number(a) - Number(b)) / Math.max(1, Math.abs(Number(b)));
    if (!(error <= tolerance)) expect.fail(`${label} element ${i}: got ${a}, want ${b}`);
  }
}
