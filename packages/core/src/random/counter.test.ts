import { describe, expect, it } from "vitest";
import { fillUniform32, philox, uniform32, type Words4 } from "./counter.js";

describe("philox", () => {
  const ones = 0xffffffff;
  it.each<[string, Words4, [number, number], Words4]>([
    ["zeros", [0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    ["ones", [ones, ones, ones, ones], [ones, ones], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
    ["pi", [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]],
  ])("gives the known answer of Random123 for %s", (_, counter, key, expected) => {
    expect(philox(counter, key)).toEqual(expected);
  });
});

describe("uniform32", () => {
  it("takes the upper 24 bits of the word that belongs to the element", () => {
    const words = [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8];
    expect([0, 1, 2, 3].map((i) => uniform32(0, 0, i))).toEqual(words.map((word) => (word >>> 8) / 2 ** 24));
  });

  it("separates seeds, offsets and elements beyond 2^32", () => {
    const values = [
      uniform32(1, 2, 3),
      uniform32(2, 2, 3),
      uniform32(1, 3, 3),
      uniform32(1, 2, 7),
      uniform32(1 + 2 ** 32, 2, 3),
      uniform32(1, 2 + 2 ** 32, 3),
    ];
    expect(new Set(values).size).toBe(values.length);
    expect(uniform32(1, 2, 2 ** 34)).toBe((philox([0, 1, 2, 0], [1, 0])[0] >>> 8) / 2 ** 24);
  });

  it("is what fillUniform32 writes, whatever the length", () => {
    for (const length of [0, 3, 4, 9]) {
      const out = new Float32Array(length);
      fillUniform32(out, 42, 2 ** 40 + 1);
      expect([...out]).toEqual(Array.from({ length }, (_, i) => uniform32(42, 2 ** 40 + 1, i)));
    }
  });

  it("has the mean and variance of the uniform distribution", () => {
    const n = 40_000;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < n; i++) {
      const u = uniform32(42, 0, i);
      sum += u;
      squares += u * u;
    }
    expect(Math.abs(sum / n - 0.5)).toBeLessThan(0.006);
    expect(Math.abs(squares / n - (sum / n) ** 2 - 1 / 12)).toBeLessThan(0.003);
  });
});
