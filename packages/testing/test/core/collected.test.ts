import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import "@sconce/backend-cpu";
import { keep, memory, ones, scope, type Tensor } from "@sconce/core";
import { Parameter } from "@sconce/nn";
import { describe, expect, it } from "vitest";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Buffers that are left of so many tensors that nobody holds. */
async function left(make: () => Tensor): Promise<number> {
  const before = memory().buffers;
  for (let i = 0; i < 50; i++) make();
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  await new Promise((resolve) => setImmediate(resolve));
  return memory().buffers - before;
}

const made = (): Tensor => {
  const x = ones([4]).add(1);
  x.dataSync();
  return x;
};

describe("what a scope does not free, the garbage collector does", () => {
  it("for tensors that a scope returned or kept", async () => {
    expect(await left(() => scope(made))).toBeLessThan(10);
    expect(await left(() => scope(() => scope(made)))).toBeLessThan(10);
    expect(await left(() => keep(scope(() => keep(made()))))).toBeLessThan(10);
  });

  it("for what parameters made in a scope hold, and for a value that another tensor took over", async () => {
    expect(await left(() => scope(() => new Parameter(made())))).toBeLessThan(10);
    expect(
      await left(() => {
        const target = made();
        scope(() => void target.copy_(made()));
        return target;
      }),
    ).toBeLessThan(10);
  });
});
