/**
 * What tests of numerical code need.
 * @module testing
 */

import type { DType } from "./dtype.js";
import { SconceError } from "./errors.js";
import { decodeArray } from "./half.js";
import { Tensor } from "./tensor/tensor.js";

/** How close numbers must be: `|actual - expected| <= atol + rtol * |expected|`. */
export interface CloseOptions {
  /** Relative tolerance; with {@link CloseOptions.atol} as PyTorch has it for the dtype, unless both are given. */
  readonly rtol?: number;
  readonly atol?: number;
  /** NaN is close to NaN. */
  readonly equalNan?: boolean;
  /** The dtypes need not be the same. */
  readonly checkDtype?: boolean;
  /** The devices need not be the same. */
  readonly checkDevice?: boolean;
  /** Stands in front of the message. */
  readonly msg?: string;
}

/** What can be compared: tensors, numbers, and arrays and objects of them. */
export type Comparable = Tensor | number | readonly Comparable[] | { readonly [key: string]: Comparable };

const TOLERANCES: { readonly [D in DType]?: readonly [rtol: number, atol: number] } = {
  float16: [1e-3, 1e-5],
  bfloat16: [1.6e-2, 1e-5],
  float32: [1.3e-6, 1e-5],
  float64: [1e-7, 1e-7],
};

/**
 * Checks that tensors, or structures of them, are equal but for rounding: shapes, dtypes, devices and numbers.
 *
 * Source: https://pytorch.org/docs/stable/testing.html#torch.testing.assert_close
 *
 * @throws SconceError that says how many elements differ, by how much and where the greatest difference is.
 * @example
 * import { assertClose } from "@sconce/core/testing";
 *
 * await assertClose(tensor([1, 2]).div(3), tensor([1 / 3, 2 / 3]));
 */
export async function assertClose(actual: Comparable, expected: Comparable, options: CloseOptions = {}): Promise<void> {
  await compare(actual, expected, options, "");
}

async function compare(actual: Comparable, expected: Comparable, options: CloseOptions, path: string): Promise<void> {
  if (actual instanceof Tensor && expected instanceof Tensor) return compareTensors(actual, expected, options, path);
  if (typeof actual === "number" && typeof expected === "number") {
    return compareNumbers([actual], [expected], tolerances("float64", "float64", options), options, path, []);
  }
  const kind = (value: Comparable): string => (Array.isArray(value) ? "array" : value instanceof Tensor ? "Tensor" : typeof value);
  if (kind(actual) !== kind(expected)) fail(options, path, `The values are of different kinds: ${kind(actual)} and ${kind(expected)}.`);
  const [a, b] = [Object.entries(actual), new Map(Object.entries(expected))] as const;
  if (a.length !== b.size || a.some(([key]) => !b.has(key))) {
    fail(options, path, `The keys are not the same: ${a.map(([key]) => key).join(", ")} and ${[...b.keys()].join(", ")}.`);
  }
  for (const [key, value] of a) await compare(value as Comparable, b.get(key) as Comparable, options, `${path}[${key}]`);
}

async function compareTensors(actual: Tensor, expected: Tensor, options: CloseOptions, path: string): Promise<void> {
  const { checkDtype = true, checkDevice = true } = options;
  const [a, b] = [String(actual.shape), String(expected.shape)];
  if (a !== b) fail(options, path, `The values for attribute 'shape' do not match: [${a}] != [${b}].`);
  if (checkDevice && actual.device !== expected.device) {
    fail(options, path, `The values for attribute 'device' do not match: ${actual.device} != ${expected.device}.`);
  }
  if (checkDtype && actual.dtype !== expected.dtype) {
    fail(options, path, `The values for attribute 'dtype' do not match: ${actual.dtype} != ${expected.dtype}.`);
  }
  const limits = tolerances(actual.dtype, expected.dtype, options);
  const [x, y] = [await numbersOf(actual), await numbersOf(expected)];
  compareNumbers(x, y, limits, options, path, actual.shape);
}

async function numbersOf(x: Tensor): Promise<ArrayLike<number | bigint>> {
  return decodeArray(await x.detach().data(), x.dtype);
}

/** Those that were given, else the wider ones of the two dtypes. */
function tolerances(a: DType, b: DType, { rtol, atol }: CloseOptions): readonly [number, number] {
  if ((rtol === undefined) !== (atol === undefined)) {
    throw new SconceError("assertClose: rtol and atol must both be specified or both be unspecified");
  }
  if (rtol !== undefined && atol !== undefined) return [rtol, atol];
  const [x, y] = [TOLERANCES[a] ?? [0, 0], TOLERANCES[b] ?? [0, 0]];
  return [Math.max(x[0], y[0]), Math.max(x[1], y[1])];
}

interface Worst {
  readonly by: number;
  readonly at: number;
}

function compareNumbers(
  actual: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
  [rtol, atol]: readonly [number, number],
  options: CloseOptions,
  path: string,
  shape: readonly number[],
): void {
  let wrong = 0;
  let absolute: Worst = { by: 0, at: 0 };
  let relative: Worst = { by: 0, at: 0 };
  for (let i = 0; i < expected.length; i++) {
    if (actual[i] === expected[i]) continue;
    const [x, y] = [Number(actual[i]), Number(expected[i])];
    if (options.equalNan && Number.isNaN(x) && Number.isNaN(y)) continue;
    const difference = Math.abs(x - y);
    if (Number.isFinite(y) && difference <= atol + rtol * Math.abs(y)) continue;
    wrong++;
    absolute = worse(absolute, difference, i);
    relative = worse(relative, difference / Math.abs(y), i);
  }
  if (wrong === 0) return;
  const share = ((100 * wrong) / expected.length).toFixed(1);
  const where = ({ by, at }: Worst): string => `${by} at index (${indexOf(at, shape).join(", ")})`;
  fail(
    options,
    path,
    `${shape.length === 0 ? "Scalars" : "Tensor-likes"} are not close!\n\nMismatched elements: ${wrong} / ${expected.length} (${share}%)\n` +
      `Greatest absolute difference: ${where(absolute)} (up to ${atol} allowed)\n` +
      `Greatest relative difference: ${where(relative)} (up to ${rtol} allowed)`,
  );
}

/** NaN is the worst there is. */
function worse(before: Worst, by: number, at: number): Worst {
  return by > before.by || (Number.isNaN(by) && !Number.isNaN(before.by)) ? { by, at } : before;
}

function indexOf(at: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = at;
  for (let d = shape.length - 1; d >= 0; d--) {
    index.unshift(rest % shape[d]);
    rest = Math.floor(rest / shape[d]);
  }
  return index;
}

function fail({ msg }: CloseOptions, path: string, text: string): never {
  const place = path === "" ? "" : `\n\nThe failure occurred for item ${path}`;
  throw new SconceError(`assertClose: ${msg === undefined ? "" : `${msg}\n`}${text}${place}`);
}
