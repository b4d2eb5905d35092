import { readFileSync } from "node:fs";
import { type DType, type Tensor, tensor } from "@sconce/core";
import * as D from "@sconce/distributions";
import { expect } from "vitest";

type Value = number | "nan" | "inf" | "-inf";

/** A tensor as the golden files hold it. */
export interface Golden {
  readonly shape: readonly number[];
  readonly data: readonly Value[];
}

/** How a distribution is made. */
export interface Made {
  readonly dist: string;
  readonly args: readonly (Golden | number)[];
  readonly kwargs: { readonly [name: string]: Golden };
}

/** Reads a golden file of this group. */
export function readGolden<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../../golden/distributions/${name}.json`, import.meta.url), "utf8")) as T;
}

const number = (v: Value): number => (typeof v === "number" ? v : v === "nan" ? Number.NaN : v === "inf" ? Infinity : -Infinity);

/** The tensor of a golden value. */
export function tensorOf(golden: Golden, dtype: DType = "float64"): Tensor {
  return tensor(golden.data.map(number), { dtype }).view([...golden.shape]);
}

const camel = (name: string): string => name.replace(/_(\w)/g, (_, c: string) => c.toUpperCase());

/** Compares with a golden tensor, to a part of its size. */
export function expectGolden(actual: Tensor, golden: Golden, relative: number, what: string): void {
  expect([...actual.shape], `shape of ${what}`).toEqual([...golden.shape]);
  const got = [...(actual.to("float64").flatten().dataSync() as Float64Array)];
  golden.data.map(number).forEach((wanted, i) => {
    if (Number.isFinite(wanted)) {
      expect(Math.abs(got[i] - wanted), `${what}[${i}]: ${got[i]}, expected ${wanted}`).toBeLessThanOrEqual(
        relative * Math.max(1, Math.abs(wanted)),
      );
    } else expect(got[i], `${what}[${i}]`).toBe(wanted);
  });
}

/** The distribution, and its parameters in PyTorch's order. */
export function make({ dist, args, kwargs }: Made, dtype: DType = "float64", train = false): readonly [D.Distribution, readonly Tensor[]] {
  const leaves: Tensor[] = [];
  const convert = (x: Golden | number): Tensor | number => {
    if (typeof x === "number") return x;
    const leaf = tensorOf(x, dtype);
    if (train) leaf.requiresGrad_();
    leaves.push(leaf);
    return leaf;
  };
  const positional = args.map(convert);
  const named = Object.fromEntries(Object.entries(kwargs).map(([name, x]) => [camel(name), convert(x)]));
  const Class = (D as unknown as { [name: string]: new (...args: unknown[]) => D.Distribution })[dist];
  return [new Class(...positional, ...(Object.keys(named).length > 0 ? [named] : [])), leaves];
}
