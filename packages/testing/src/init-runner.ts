import { manualSeed, type Tensor, zeros } from "@sconce/core";
import * as nn from "@sconce/nn";
import { expectTensor, Mismatch } from "./compare.js";
import type { GoldenTensor, GoldenValue } from "./golden.js";
import { failure, missing, type Outcome, PASS } from "./outcome.js";
import { plain } from "./schedulers.js";
import { arrange, camelCase, readSignature } from "./signatures.js";
import { elements, Unsupported } from "./values.js";

/** Mean, spread and bounds of numbers. */
interface Statistics {
  readonly mean: number;
  readonly std: number;
  readonly min: number;
  readonly max: number;
}

/** A case of the group init. */
export interface InitCase extends Statistics {
  readonly id: string;
  readonly kind: "exact" | "statistics" | "gain" | "module_defaults";
  readonly init: string;
  readonly shape: readonly number[];
  readonly args: readonly GoldenValue[];
  readonly kwargs: { readonly [name: string]: GoldenValue };
  readonly out: GoldenTensor | number;
  readonly mean_spread: number;
  readonly std_spread: number;
  readonly props?: { readonly [property: string]: GoldenValue };
  readonly nonlinearity: string;
  readonly param: number | null;
  readonly module: string;
  readonly params: { readonly [name: string]: Statistics & { readonly shape: readonly number[] } };
}

/** Parameters of the initialisers; those after `|` are options. */
const SIGNATURES: { readonly [init: string]: string } = {
  constant_: "tensor val",
  dirac_: "tensor | groups",
  eye_: "tensor",
  kaiming_normal_: "tensor | a mode nonlinearity",
  kaiming_uniform_: "tensor | a mode nonlinearity",
  normal_: "tensor mean std",
  ones_: "tensor",
  orthogonal_: "tensor | gain",
  sparse_: "tensor sparsity | std",
  trunc_normal_: "tensor | mean std a b",
  uniform_: "tensor a b",
  xavier_normal_: "tensor | gain",
  xavier_uniform_: "tensor | gain",
  zeros_: "tensor",
};

/** Seeds over which statistics are taken, as the golden ones were. */
const SEEDS = 8;

/** `kaiming_normal_`, `calculate_gain` or `module_defaults`: what a case is about. */
export function initKey({ id }: { readonly id: string }): string {
  return id.slice(0, id.indexOf("#"));
}

/** Runs one case of the initialisers. */
export async function runInit(c: InitCase): Promise<Outcome> {
  try {
    switch (c.kind) {
      case "gain":
        expectNear(nn.init.calculateGain(c.nonlinearity as never, c.param ?? undefined), c.out as number, 1e-9, "gain");
        return PASS;
      case "exact":
        await expectTensor(initialised(c), c.out as GoldenTensor, 0, "out");
        return PASS;
      case "statistics":
        await expectStatistics(c);
        return PASS;
      case "module_defaults":
        return await moduleDefaults(c);
    }
  } catch (error) {
    return failure(error);
  }
}

function initialised(c: InitCase): Tensor {
  const fn = (nn.init as unknown as { [name: string]: ((...args: unknown[]) => Tensor) | undefined })[camelCase(c.init)];
  if (fn === undefined) throw new Unsupported(`no init.${camelCase(c.init)}`);
  const kwargs = Object.fromEntries(Object.entries(c.kwargs).map(([name, value]) => [name, plain(value)]));
  return fn(...arrange(readSignature(SIGNATURES[c.init]), [zeros([...c.shape]), ...c.args.map(plain)], kwargs));
}

async function expectStatistics(c: InitCase): Promise<void> {
  const all: number[] = [];
  for (let seed = 0; seed < SEEDS; seed++) {
    manualSeed(seed);
    const out = initialised(c);
    if (c.props?.rows_or_columns_orthogonal === true) await expectOrthogonal(out, c.props.gram_diagonal as number);
    all.push(...Array.from(await elements(out), Number));
  }
  const mean = all.reduce((a, b) => a + b, 0) / all.length;
  const std = Math.sqrt(all.reduce((a, b) => a + (b - mean) ** 2, 0) / all.length);
  expectWithin(mean, c.mean, 3 * c.mean_spread + 1e-6, "mean");
  expectWithin(std, c.std, 3 * c.std_spread + 1e-3 * c.std, "standard deviation");
  const range = c.max - c.min;
  const bound = Math.max(...all.map(Math.abs));
  if (c.init.includes("uniform_")) expectWithin(bound, Math.max(-c.min, c.max), 0.01 * range, "bound");
}

async function expectOrthogonal(x: Tensor, diagonal: number): Promise<void> {
  const flat = x.flatten(1);
  const [rows, columns] = flat.shape;
  const gram = rows <= columns ? flat.mm(flat.t()) : flat.t().mm(flat);
  const n = gram.shape[0];
  (await elements(gram)).forEach((value: number | bigint, i: number) => {
    expectWithin(Number(value), i % (n + 1) === 0 ? diagonal : 0, 1e-4, "gram matrix");
  });
}

async function moduleDefaults(c: InitCase): Promise<Outcome> {
  const [, name, list] = /^(\w+)\((.*)\)$/.exec(c.module)!;
  const Class = (nn as unknown as { [name: string]: (new (...args: unknown[]) => nn.Module) | undefined })[name];
  if (Class === undefined) return missing(`no nn.${name}`);
  const words = list.split(",");
  const options = words.filter((word) => word.includes("=")).map((word) => word.split("="));
  const args: unknown[] = words.filter((word) => !word.includes("=")).map(Number);
  if (name === "PReLU") args.splice(0, 1, { numParameters: args[0] });
  if (options.length > 0) args.push(Object.fromEntries(options.map(([key, value]) => [key, Number(value)])));
  const seen = new Map<string, number[]>();
  for (let seed = 0; seed < SEEDS; seed++) {
    manualSeed(seed);
    for (const [key, p] of new Class(...args).namedParameters()) {
      seen.set(key, [...(seen.get(key) ?? []), ...Array.from(await elements(p.detach()), Number)]);
    }
  }
  for (const key in c.params) expectDefaults(seen.get(key) ?? [], c.params[key], key);
  return PASS;
}

function expectDefaults(found: readonly number[], expected: Statistics, key: string): void {
  if (found.length === 0) throw new Mismatch(`no parameter ${key}`);
  const mean = found.reduce((a, b) => a + b, 0) / found.length;
  const std = Math.sqrt(found.reduce((a, b) => a + (b - mean) ** 2, 0) / found.length);
  const slack = 4 / Math.sqrt(found.length);
  expectWithin(mean, expected.mean, slack * expected.std + 1e-6, `mean of ${key}`);
  expectWithin(std, expected.std, slack * expected.std + 1e-6, `standard deviation of ${key}`);
}

function expectWithin(x: number, reference: number, slack: number, what: string): void {
  if (!(Math.abs(x - reference) <= slack)) throw new Mismatch(`${what}: ${x}, expected ${reference} within ${slack}`);
}

function expectNear(x: number, reference: number, rtol: number, what: string): void {
  expectWithin(x, reference, rtol * Math.abs(reference), what);
}
