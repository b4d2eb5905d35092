import type { DType, Tensor, TypedArray } from "@sconce/core";
import { type GoldenTensor, type GoldenValue, isGoldenTensor } from "./golden.js";
import { elements, goldenData, isComplex, isTensor, Unsupported } from "./values.js";

/** A difference between a result and the golden one. */
export class Mismatch extends Error {}

/** Index results are int32 here, and devices without wide integers have int32 throughout. */
function sameDType(actual: string, expected: string): boolean {
  return actual === expected || (expected === "int64" && actual === "int32");
}

/** `|x - reference| <= max(1e-5, 10 e) + 1e-4 |reference|`; NaN and infinities are equal to themselves only. */
export function isClose(x: number, reference: number, e: number): boolean {
  if (Number.isNaN(reference)) return Number.isNaN(x);
  if (!Number.isFinite(reference)) return x === reference;
  return Math.abs(x - reference) <= Math.max(1e-5, 10 * e) + 1e-4 * Math.abs(reference);
}

/** @throws Mismatch unless the tensor has the golden one's dtype, shape and numbers; `e` is the reference's own error. */
export async function expectTensor(actual: unknown, expected: GoldenTensor, e: number, what: string): Promise<void> {
  if (!isTensor(actual)) throw new Mismatch(`${what}: expected a tensor, got ${describe(actual)}`);
  const complex = isComplex(expected.dtype);
  if (!complex && !sameDType(actual.dtype, expected.dtype)) {
    const { limits } = actual.storage.backend;
    if (!limits.dtypes.has(expected.dtype as DType)) throw new Unsupported(`dtype ${expected.dtype}`);
    throw new Mismatch(`${what}: expected ${expected.dtype}, got ${actual.dtype}`);
  }
  expectShape(actual, complex ? [...expected.shape, 2] : expected.shape, what);
  expectNumbers(await elements(actual), goldenData(expected), e, what);
}

/** @throws Mismatch unless the shape is that. */
export function expectShape(actual: Tensor, shape: readonly number[], what: string): void {
  if (actual.shape.length !== shape.length || actual.shape.some((n, d) => n !== shape[d])) {
    throw new Mismatch(`${what}: expected shape [${shape}], got [${actual.shape}]`);
  }
}

/** @throws Mismatch unless the numbers agree: integers exactly, others within {@link isClose}. */
export function expectNumbers(actual: TypedArray, expected: TypedArray, e: number, what: string): void {
  const exact = !(expected instanceof Float32Array || expected instanceof Float64Array);
  for (let i = 0; i < expected.length; i++) {
    const x = Number(actual[i]);
    const reference = Number(expected[i]);
    if (exact ? x !== reference : !isClose(x, reference, e)) {
      throw new Mismatch(`${what}: element ${i} is ${x}, expected ${reference}${exact ? "" : ` (e ${e})`}`);
    }
  }
}

/** @throws Mismatch unless a result equals the golden value: tensors, plain values, or lists of them. */
export async function expectValue(actual: unknown, expected: GoldenValue, e: number, what: string): Promise<void> {
  if (isGoldenTensor(expected)) return expectTensor(actual, expected, e, what);
  if (Array.isArray(expected)) {
    const list = asList(actual);
    if (list === undefined || list.length < expected.length) {
      throw new Mismatch(`${what}: expected a list of ${expected.length}, got ${describe(actual)}`);
    }
    for (let i = 0; i < expected.length; i++) await expectValue(list[i], expected[i] as GoldenValue, e, `${what}.${i}`);
    return;
  }
  if (typeof expected === "number" && typeof actual === "number" ? !isClose(actual, expected, e) : actual !== expected) {
    throw new Mismatch(`${what}: expected ${JSON.stringify(expected)}, got ${describe(actual)}`);
  }
}

/** Several results as a list: arrays, and objects with named parts, in their order, without those that are absent. */
export function asList(value: unknown): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== "object" || value === null || isTensor(value)) return undefined;
  if (Symbol.iterator in value) return [...(value as Iterable<unknown>)];
  return Object.values(value).filter((part) => part !== undefined && part !== null);
}

function describe(value: unknown): string {
  if (isTensor(value)) return `a tensor of [${value.shape}]`;
  if (typeof value === "object" && value !== null) return value.constructor?.name ?? "an object";
  return String(value);
}

/** @throws Mismatch unless a second-order gradient is the golden one; none is the same as zeros. */
export async function expectSecond(
  actual: Tensor | null | undefined,
  expected: GoldenTensor | null,
  e: number,
  what: string,
): Promise<void> {
  const none = actual === null || actual === undefined;
  if (none && expected !== null && goldenData(expected).every((x: number | bigint) => Number(x) === 0)) return;
  await expectGrad(actual, expected, e, what);
}

/** @throws Mismatch unless the gradient is the golden one; null there allows none or zeros. */
export async function expectGrad(actual: Tensor | null | undefined, expected: GoldenTensor | null, e: number, what: string): Promise<void> {
  if (expected !== null) return expectTensor(actual ?? null, expected, e, what);
  if (actual === null || actual === undefined) return;
  if ((await elements(actual)).some((x) => Number(x) !== 0)) throw new Mismatch(`${what}: expected no gradient`);
}
