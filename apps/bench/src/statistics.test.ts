import { describe, expect, it } from "vitest";
import { pairedRatio, quartiles, summarise } from "./statistics.js";

describe("quartiles", () => {
  it("takes values in any order and lies between neighbours", () => {
    expect(quartiles([4, 1, 3, 2])).toEqual({ q1: 1.75, median: 2.5, q3: 3.25 });
    expect(quartiles([7])).toEqual({ q1: 7, median: 7, q3: 7 });
  });

  it("leaves the values in their order", () => {
    const values = [3, 1, 2];
    quartiles(values);
    expect(values).toEqual([3, 1, 2]);
  });

  it("refuses no values", () => {
    expect(() => quartiles([])).toThrow("at least one value");
  });
});

describe("summarise", () => {
  it("calls the shortest time and the highest rate the best", () => {
    expect(summarise([2, 1, 6], "ms")).toEqual({ median: 2, q1: 1.5, q3: 4, min: 1, samples: 3 });
    expect(summarise([2, 1, 6], "GFLOP/s").min).toBe(6);
  });
});

describe("pairedRatio", () => {
  it("divides run by run, so that noise that meets both cancels", () => {
    expect(pairedRatio([1, 10, 2], [2, 20, 4])).toEqual({ median: 0.5, q1: 0.5, q3: 0.5 });
  });

  it("leaves out runs that one side did not make", () => {
    expect(pairedRatio([1, 1, 1], [4])).toEqual({ median: 0.25, q1: 0.25, q3: 0.25 });
    expect(pairedRatio([1], [2, 1])?.median).toBe(0.5);
    expect(pairedRatio([], [1])).toBeUndefined();
  });
});
