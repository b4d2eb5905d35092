import type { View } from "@sconce/core";
import { expect, it } from "vitest";
import { Recent } from "./recent.js";
import { useWide } from "./wide-state.js";

const view = (shape: readonly number[], strides: readonly number[], dtype: View["dtype"] = "float32"): View => ({
  handle: { pointer: 64 },
  dtype,
  shape,
  strides,
  offset: 0,
});
const attrs = { stride: [1, 2], groups: 1, divisor: null };

it("finds what was made for the same layouts and attributes, and for nothing else", () => {
  const recent = new Recent<string>();
  const inputs = [view([2, 3], [3, 1]), view([3], [1])];
  expect(recent.add("made", inputs, [2], attrs)).toBe("made");
  const again = [view([2, 3], [3, 1]), view([3], [1])];
  expect(recent.find(again, [2], { stride: [1, 2], groups: 1, divisor: null })).toBe("made");
  for (const others of [
    again.slice(0, 1),
    [...again, view([3], [1])],
    [view([2, 3], [1, 2]), again[1]],
    [view([3, 3], [3, 1]), again[1]],
    [again[0], view([3], [1], "float64")],
  ]) {
    expect(recent.find(others, [2], attrs)).toBeUndefined();
  }
  expect(recent.find(again, [3], attrs)).toBeUndefined();
  for (const other of [{ ...attrs, groups: 2 }, { ...attrs, stride: [1, 1] }, { ...attrs, divisor: 2 }, undefined]) {
    expect(recent.find(again, [2], other)).toBeUndefined();
  }
});

it("finds nothing that was made under other settings", () => {
  const recent = new Recent<string>();
  recent.add("narrow", [], [2]);
  useWide(true);
  try {
    expect(recent.find([], [2])).toBeUndefined();
    recent.add("wide", [], [2]);
    expect(recent.find([], [2])).toBe("wide");
  } finally {
    useWide(false);
  }
});

it("forgets the oldest of many", () => {
  const recent = new Recent<number>();
  for (let i = 0; i < 40; i++) recent.add(i, [], [i]);
  for (let i = 0; i < 40; i++) expect(recent.find([], [i]), String(i)).toBe(i < 8 ? undefined : i);
  expect(recent.find([], [9])).toBe(9);
});
