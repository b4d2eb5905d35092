import "@sconce/backend-cpu";
import { fromTypedArray, memory, ones, scope, type Tensor, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

const ELEMENTS = 1 << 18;

/** Bytes that a hundred rounds leave behind. */
function left(round: () => void): number {
  round();
  const before = memory().bytes;
  for (let i = 0; i < 100; i++) scope(round);
  return memory().bytes - before;
}

describe("copies made on the way are freed at once", () => {
  const x: Tensor = ones(64, 64).add(0);
  x.dataSync();
  const host: Tensor = fromTypedArray(new Float32Array(4096));

  it.each<[string, () => void]>([
    ["reading a transposed view", () => x.t().dataSync()],
    ["reading an element", () => x.at(3, 5).itemSync()],
    ["reading a slice as lists", () => x.at(":", "2:9").tolistSync()],
    ["replacing a part of a transposed copy", () => x.t().sliceScatter(zeros(1, 64), 0, { start: 0, end: 1 }).sum().itemSync()],
    ["reading host memory with a kernel", () => host.sum().itemSync()],
    ["reading a view of host memory", () => host.at("1:9").tolistSync()],
    ["matrix products of host memory", () => host.view(64, 64).matmul(x).itemsize],
  ])("%s", (_, round) => {
    expect(left(round)).toBe(0);
  });

  it("writing to host memory holds one copy, not one per write", () => {
    expect(left(() => host.add_(1))).toBeLessThanOrEqual(host.nbytes);
    expect(left(() => host.at("1:9").fill_(1))).toBeLessThanOrEqual(host.nbytes);
  });

  it("an in-place op outside of a scope holds nothing but its tensor", () => {
    const y = ones(ELEMENTS);
    y.add_(1).dataSync();
    const before = memory().bytes;
    for (let i = 0; i < 100; i++) {
      y.add_(1).mul_(0.5);
      y.at(0).itemSync();
    }
    expect(memory().bytes - before).toBeLessThanOrEqual(y.nbytes);
  });

  it("a tensor that is disposed while it is read still arrives", async () => {
    const y = ones(3).add(1);
    const reading = y.data();
    y.dispose();
    expect([...((await reading) as Float32Array)]).toEqual([2, 2, 2]);
  });
});
