import { describe, expect, it } from "vitest";
import { type Measured, memoryResult, resultsOf } from "./results.js";
import { findCase } from "./work.js";

const setting = { device: "cpu", threads: 2, wide: false };
const limits = { simdGflops: 50, copyGBs: 20 };
const ours: Measured = { runner: "sconce", values: [1, 2], times: [2, 4, 3], best: 1.5 };
const step = findCase("mlp", "Adam, batch 64");

describe("resultsOf", () => {
  it("gives a peer the ratio of paired runs and keeps the best stretch apart", () => {
    const peer = { runner: "torch", values: [1, 2.0001], times: [4, 8, 3], best: 2.5 };
    const [sconce, torch] = resultsOf(step, ours, [peer], setting, limits);
    expect(sconce.ratio).toBeUndefined();
    expect(torch).toEqual({
      ...{ suite: "mlp", case: "Adam, batch 64", device: "cpu", threads: 2, runner: "torch", unit: "ms" },
      ...{ median: 4, q1: 3.5, q3: 6, min: 2.5, samples: 3 },
      ratio: { median: 0.5, q1: 0.5, q3: 0.75 },
    });
  });

  it("gives no ratio to a peer that computed something else", () => {
    const [, row] = resultsOf(step, ours, [{ ...ours, runner: "torch", values: [1, 2.01] }], setting, limits);
    expect(row.ratio).toBeUndefined();
    expect(row.note).toBe("results differ: result 2 is 2.01, sconce has 2 (tolerance 0.001)");
  });

  it("leaves out who made no run, and all where Sconce made none", () => {
    expect(resultsOf(step, ours, [{ ...ours, runner: "torch", times: [] }], setting, limits)).toHaveLength(1);
    expect(resultsOf(step, { ...ours, times: [] }, [{ ...ours, runner: "torch" }], setting, limits)).toEqual([]);
  });

  it("measures rates, and shares of the limits of all threads", () => {
    const [product] = resultsOf(findCase("matmul", "1024 cubed"), { ...ours, times: [40], best: 2 ** 31 / 90e6 }, [], setting, limits);
    expect(product.median).toBeCloseTo(2 ** 31 / 40e6);
    expect(product.min).toBeCloseTo(90);
    expect(product.limitFraction).toBeCloseTo(0.9);
    const [chain] = resultsOf(findCase("elementwise", "relu(a*b+c), 1e7"), { ...ours, best: 16 }, [], setting, limits);
    expect(chain.limitFraction).toBeCloseTo(0.5);
    expect(resultsOf(findCase("dispatch", "add, one element"), ours, [], setting, limits)[0].median).toBe(3000);
  });
});

describe("memoryResult", () => {
  it("leaves the first part out and tells the sizes after it, in the middle and at the end", () => {
    const result = memoryResult("mlp, 200 steps", "torch", setting, 200, [50, 100, 104, 103, 102]);
    expect(result).toMatchObject({ suite: "memory", unit: "MB", min: 100, median: 102.5, samples: 4 });
    expect(result.note).toBe("at most 100 MB up to step 50, 104 up to 100, then 103: flat");
  });

  it("says that a loop grows which holds a tenth more in its second half", () => {
    const sizes = [50, 60, 70, 80, 90, 100, 101, 102, 103, 104, 111];
    expect(memoryResult("mlp", "torch", setting, 2000, sizes).note).toBe("at most 60 MB up to step 200, 100 up to 1000, then 111: grows");
  });
});
