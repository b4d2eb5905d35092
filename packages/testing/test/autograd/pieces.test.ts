import "@sconce/autograd";
import "@sconce/backend-cpu";
import { grad } from "@sconce/autograd";
import { arange, type Tensor } from "@sconce/core";
import { describe, expect, it } from "vitest";

const input = (): Tensor => arange(6).float().reshape([2, 3]).requiresGrad_();

describe("a tensor in pieces", () => {
  it("is one node for all of them", () => {
    const x = input();
    const [a, b] = x.mul(1).split([1, 2], 1);
    expect(a.gradFn).toBe(b.gradFn);
    expect(a.gradFn?.name).toBe("SplitWithSizesBackward0");
    const [first, second] = a.mul(2).sum().add(b.square().sum()).gradFn!.nextFunctions;
    expect([first[0]?.name, second[0]?.name]).toEqual(["SumBackward0", "SumBackward0"]);
    expect(b.mul(1).gradFn!.nextFunctions[0]).toEqual([b.gradFn, 1]);
  });

  it("gets the gradients of the pieces that were used", () => {
    const all = input();
    const [a, b, c] = all.unbind(1);
    a.mul(2).add(b.square()).add(c.mul(0)).sum().backward();
    expect(all.grad!.tolistSync()).toEqual([
      [2, 2, 0],
      [2, 8, 0],
    ]);
    const some = input();
    const rows = some.split(1, 1);
    rows[0].add(rows[2].mul(3)).sum().backward();
    expect(some.grad!.tolistSync()).toEqual([
      [1, 0, 3],
      [1, 0, 3],
    ]);
    const one = input();
    one.unbind(0)[1].square().sum().backward();
    expect(one.grad!.tolistSync()).toEqual([
      [0, 0, 0],
      [6, 8, 10],
    ]);
  });

  it("takes empty pieces and several walks", () => {
    const x = input();
    const [none, a, b] = x.split([0, 1, 2], 1);
    const y = a.square().sum().add(b.sum()).add(none.sum());
    y.backward({ retainGraph: true });
    y.backward();
    expect(x.grad!.tolistSync()).toEqual([
      [0, 2, 2],
      [12, 2, 2],
    ]);
  });

  it("has gradients of gradients", () => {
    const x = input();
    const [a, b] = x.unbind(0);
    const [first] = grad([a.pow(3).mul(b).sum()], [x], { createGraph: true });
    first.sum().backward();
    // d/da (3 a² b + a³), d/db of the same
    expect(x.grad!.tolistSync()).toEqual([
      [0, 6 * 4 + 3, 6 * 2 * 5 + 3 * 4],
      [0, 3, 12],
    ]);
  });

  it("refuses writes into a piece", () => {
    const [a] = input().mul(1).chunk(3, 1);
    expect(() => a.mul_(2)).toThrow(/Output 0 of SplitBackward0 is a view and is being modified inplace/);
  });
});
