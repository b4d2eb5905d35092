import "@sconce/backend-cpu";
import {
  bernoulli,
  full,
  Generator,
  getRngState,
  manualSeed,
  multinomial,
  normal,
  rand,
  randint,
  randintLike,
  randLike,
  randn,
  randnLike,
  randperm,
  setRngState,
  type Tensor,
  tensor,
  zeros,
} from "@sconce/core";
import { describe, expect, it } from "vitest";
import { type GoldenTensor, readCases } from "../../src/golden.js";
import { goldenData } from "../../src/values.js";

interface StreamCase {
  readonly id: string;
  readonly seed: number;
  readonly args?: readonly (number | readonly number[])[];
  readonly out: GoldenTensor;
}

type Sizes = readonly number[];

const STREAMS: Record<string, (args: StreamCase["args"]) => Tensor> = {
  bernoulli: () => bernoulli(full([20], 0.3)),
  multinomial: () => multinomial(tensor([0.1, 0.2, 0.3, 0.4]), 6, { replacement: true }),
  normal_: () => zeros(12).normal_(1, 2),
  uniform_: () => zeros(12).uniform_(-1, 3),
  rand: (args) => rand(...(args as Sizes)),
  randn: (args) => randn(...(args as Sizes)),
  randperm: (args) => randperm((args as Sizes)[0]),
  randint: (args) => randint(...(args as unknown as [number, number, number[]])),
};

describe("the streams of PyTorch's generator", async () => {
  const cases = (await readCases<StreamCase>("rng", "streams")).filter(({ id }) => id.split("#")[0] in STREAMS);
  it("have cases of every function", () => {
    expect(new Set(cases.map(({ id }) => id.split("#")[0])).size).toBe(Object.keys(STREAMS).length);
  });
  it.each(cases)("$id with seed $seed", ({ id, seed, args, out }) => {
    manualSeed(seed);
    const drawn = STREAMS[id.split("#")[0]](args);
    expect(drawn.shape).toEqual(out.shape);
    expect(Array.from(drawn.dataSync(), Number)).toEqual(Array.from(goldenData(out), Number));
  });
});

describe("generators", () => {
  it("given by hand leave the default one alone", () => {
    manualSeed(1);
    const state = getRngState();
    const first = randn(20, { generator: new Generator(5) }).dataSync();
    expect(randn(20, { generator: new Generator(5) }).dataSync()).toEqual(first);
    expect(getRngState()).toEqual(state);
    rand(1);
    expect(getRngState()).not.toEqual(state);
    setRngState(state);
    expect(rand(3).dataSync()).toEqual(rand(3, { generator: new Generator(1) }).dataSync());
  });
});

describe("random tensors", () => {
  it("take dtypes and like-tensors", () => {
    const x = zeros(2, 3, { dtype: "float64" });
    expect([randLike(x).dtype, randnLike(x).shape, randintLike(x, 5).dtype, randint(3, [2]).dtype]).toEqual([
      "float64",
      [2, 3],
      "float64",
      "int32",
    ]);
    expect(randperm(5, { dtype: "int64" }).dtype).toBe("int64");
    expect(() => rand(2, { dtype: "int32" })).toThrow("rand: expected a floating-point dtype, got int32");
    expect(() => randint(3, 2 as never)).toThrow("with the shape as an array");
    expect(() => zeros(2, { dtype: "int32" }).uniform_()).toThrow("not implemented for 'Int'");
  });

  it("normal takes a mean and a deviation for each element", () => {
    manualSeed(3);
    const standard = randn(4);
    manualSeed(3);
    const drawn = normal(tensor([0, 10, 20, 30]), tensor([1, 2, 3, 4]));
    expect(
      drawn
        .sub(standard.mul(tensor([1, 2, 3, 4])))
        .round()
        .tolistSync(),
    ).toEqual([0, 10, 20, 30]);
    expect(() => normal(0, 1)).toThrow("expected a shape beside two numbers");
  });

  it("fill views in place", () => {
    const x = zeros(2, 20);
    manualSeed(0);
    x.select(0, 1).normal_();
    manualSeed(0);
    expect(x.select(0, 1).dataSync()).toEqual(randn(20).dataSync());
    expect(x.select(0, 0).tolistSync()).toEqual(new Array(20).fill(0));
  });

  it("draw one class for each row as PyTorch does, with replacement and without", () => {
    const weights = tensor([
      [0.2, 0.3, 0.5],
      [0.6, 0.3, 0.1],
      [1, 1, 1],
      [0, 0, 1],
    ]);
    manualSeed(0);
    expect(multinomial(weights, 1, { replacement: true }).flatten().tolistSync()).toEqual([2, 1, 1, 2]);
    expect(rand(1).itemSync()).toBe(0.455627977848053);
    manualSeed(0);
    expect(multinomial(weights.at(0), 1).tolistSync()).toEqual([2]);
    expect(rand(1).itemSync()).toBe(0.4900934100151062);
  });

  it("keep their bounds", () => {
    const x = zeros(1000).random_(3, 6);
    expect([...new Set(x.tolistSync<number[]>())].sort()).toEqual([3, 4, 5]);
    expect(
      zeros(50)
        .bernoulli_(1)
        .equalSync(full([50], 1)),
    ).toBe(true);
    expect(zeros(50).exponential_(2).gt(0).all().itemSync()).toBe(1);
    expect(() => zeros(3).uniform_(3, -1)).toThrow("uniform_ expects to return a [from, to) range, but found from=3 > to=-1");
    expect(() => multinomial(tensor([1, 1]), 3)).toThrow("without replacement");
  });
});
