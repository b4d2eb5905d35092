import { describe, expect, it } from "vitest";
import { CASES, difference, digest, findCase, memoryCases, memorySteps, memoryTitle, parametersOf, SUITES } from "./work.js";

describe("the cases", () => {
  it("have names of their own and arrays that are the same each time", () => {
    expect(new Set(CASES.map(({ suite, name }) => `${suite} ${name}`)).size).toBe(CASES.length);
    const mlp = findCase("mlp", "Adam, batch 64");
    expect(mlp.arrays()).toEqual(mlp.arrays());
    for (const { data, shape } of Object.values(mlp.arrays())) expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
  });

  it("show the memory of every training suite over 2,000 steps and more", () => {
    expect(memoryCases().map((work) => [memoryTitle(work), memorySteps(work, 2000)])).toEqual([
      ["two-layer SGD", 10_000],
      ["two-layer Adam", 10_000],
      ["mlp", 10_000],
      ["cnn", 2000],
      ["lenet", 2000],
      ["transformer", 2000],
      ["lstm", 2000],
    ]);
  });

  it("count the parameters of the networks", () => {
    const count = (suite: string, name: string): number =>
      parametersOf(findCase(suite, name).arrays()).reduce((sum, { data }) => sum + data.length, 0);
    expect(count("mlp", "Adam, batch 64")).toBe(235_146);
    expect(count("cnn", "Adam, batch 64")).toBe(1_199_882);
    expect(count("lenet", "Adam, batch 64")).toBe(61_706);
    expect(count("transformer", "forward, batch 8")).toBe(789_760);
    expect(count("lstm", "forward and backward, batch 32")).toBe(132_096);
  });

  it("make up the suites, with those that measure processes", () => {
    expect(SUITES).toEqual("matmul,elementwise,two-layer,mlp,cnn,lenet,inference,transformer,lstm,dispatch,startup,memory".split(","));
    expect(() => findCase("mlp", "none")).toThrow('no case "none" in suite "mlp"');
  });
});

describe("digest", () => {
  it("tells signs and places apart", () => {
    const all = [
      [1, -2, 3],
      [1, 2, 3],
      [3, -2, 1],
      [1, -2, 3.1],
    ].map((values) => digest(values).join());
    expect(new Set(all).size).toBe(all.length);
  });
});

describe("difference", () => {
  it("finds the first result that is off, and lists of other lengths", () => {
    expect(difference([100, 1e-9], [100.01, 1e-9], 1e-3)).toBeNull();
    expect(difference([100, 1e-9], [100.01, 2e-9], 1e-3)).toBe("result 2 is 2e-9, sconce has 1e-9 (tolerance 0.001)");
    expect(difference([1], [Number.NaN], 1e-3)).toContain("result 1 is NaN");
    expect(difference([0], [0], 0)).toBeNull();
    expect(difference([1], [], 1e-3)).toBe("0 results for 1");
  });
});
