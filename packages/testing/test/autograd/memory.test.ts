import "@sconce/backend-cpu";
import "@sconce/autograd";
import { Function, type FunctionContext } from "@sconce/autograd";
import { memory, ones, realiseAll, scope, type Tensor, tensor } from "@sconce/core";
import { describe, expect, it } from "vitest";

const MB = 1 << 20;
const ELEMENTS = MB / 4;

/** Bytes that `fn` leaves behind. */
function left(fn: () => void): number {
  const before = memory().bytes;
  fn();
  return memory().bytes - before;
}

/** Sums `depth` nodes that each keep 1 MB. */
function chain(x: Tensor, depth: number): Tensor {
  let y = x;
  for (let i = 0; i < depth; i++) {
    const z = scope(() => {
      const z = y.mul(0.5).sin();
      realiseAll([z]);
      return z;
    });
    if (i > 0) y.dispose();
    y = z;
  }
  const loss = y.sum();
  y.dispose();
  return loss;
}

describe("memory of the tape", () => {
  it("is what the formulas name, and goes with the walk", () => {
    const x = ones([ELEMENTS], { requiresGrad: true });
    realiseAll([x]);
    let loss: Tensor | undefined;
    const kept = left(() => {
      loss = chain(x, 20);
    });
    // sin keeps its input: the products. The results of sin are not kept, and the product with a number keeps nothing.
    expect(kept).toBeGreaterThan(19 * MB);
    expect(kept).toBeLessThan(21 * MB);
    const rest = left(() => loss?.backward());
    expect(rest).toBeLessThan(-18 * MB);
    expect((x.grad as Tensor).dataSync()[0]).toBeLessThan(1);
  });

  it("does not grow during the walk", () => {
    const x = ones([4 * ELEMENTS], { requiresGrad: true });
    realiseAll([x]);
    const loss = chain(x, 10);
    const before = memory();
    loss.backward();
    // The gradient that arrives, the one that leaves, and a temporary between them.
    expect(memory().peakBytes).toBeLessThan(before.bytes + 4 * 4 * MB);
  });

  it("stays for another walk on demand", () => {
    const x = ones([ELEMENTS], { requiresGrad: true });
    realiseAll([x]);
    const loss = chain(x, 10);
    expect(left(() => loss.backward({ retainGraph: true }))).toBeGreaterThanOrEqual(0);
    expect(left(() => loss.backward())).toBeLessThan(-8 * MB);
  });

  it("holds nothing for inputs that need no gradient", () => {
    const w = ones([1], { requiresGrad: true });
    const kept = left(() => {
      const x = ones([ELEMENTS]).mul(1);
      realiseAll([x]);
      scope(() => x.add(w).sum());
    });
    expect(kept).toBeLessThanOrEqual(MB + 1024);
  });

  it("is free after a step in a scope, but for the gradients", () => {
    const w = ones([ELEMENTS], { requiresGrad: true });
    realiseAll([w]);
    const step = (): void =>
      scope(() => {
        const x = ones([ELEMENTS]).mul(0.5);
        w.mul(x).exp().square().mean().backward();
        w.zeroGrad({ setToNone: false });
      });
    step();
    const after = left(() => {
      for (let i = 0; i < 5; i++) step();
    });
    expect(after).toBeLessThanOrEqual(0);
  });

  it("of a Function goes as well", () => {
    class Cube extends Function {
      static forward(ctx: FunctionContext, x: Tensor): Tensor {
        ctx.saveForBackward(x);
        return x.pow(3);
      }
      static backward(ctx: FunctionContext, g: Tensor): Tensor {
        return g.mul(ctx.savedTensors[0].square().mul(3));
      }
    }
    const x = ones([ELEMENTS], { requiresGrad: true });
    realiseAll([x]);
    const run = (): void =>
      scope(() => {
        Cube.apply(x.mul(2)).sum().backward();
        x.zeroGrad({ setToNone: false });
      });
    run();
    const after = left(() => {
      for (let i = 0; i < 3; i++) run();
    });
    expect(after).toBeLessThanOrEqual(0);
  });

  it("keeps numbers of the user's without counting them as freed", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const y = x.mul(3).add(1).sum();
    y.backward();
    expect(() => y.backward()).not.toThrow();
  });

  it("holds a gradient that nobody was shown until it is cleared", () => {
    const x = ones([ELEMENTS], { requiresGrad: true });
    realiseAll([x]);
    const rest = left(() => {
      x.square().sum().backward();
      x.zeroGrad();
    });
    expect(rest).toBeLessThan(1024);
    expect(x.grad).toBeNull();
  });

  it("leaves a gradient to whoever was shown it", () => {
    const x = tensor([1, 2, 3], { requiresGrad: true });
    x.square().sum().backward();
    const grad = x.grad as Tensor;
    x.zeroGrad();
    expect(x.grad).toBeNull();
    expect([...grad.dataSync()]).toEqual([2, 4, 6]);
  });
});

describe("a graph that is never walked", () => {
  const x = ones([ELEMENTS]).requiresGrad_();
  realiseAll([x]);

  /** Ten nodes that each keep 1 MB. */
  const deep = (y: Tensor): Tensor => {
    let z = y;
    for (let i = 0; i < 10; i++) realiseAll([(z = z.mul(0.5).sin())]);
    return z.sum();
  };

  it("goes with the scope that made it", () => {
    expect(left(() => scope(() => void deep(x)))).toBeLessThan(MB);
    expect(left(() => scope(() => deep(x).itemSync()))).toBeLessThan(MB);
  });

  it("stays while a tensor outside was computed by it, and goes with the scope around", () => {
    const rest = left(() =>
      scope(() => {
        const loss = scope(() => deep(x));
        expect(memory().bytes).toBeGreaterThan(9 * MB);
        x.grad = null;
        loss.backward({ retainGraph: true });
        expect((x.grad as unknown as Tensor).select(0, 0).itemSync()).toBeGreaterThan(0);
        x.grad = null;
      }),
    );
    expect(rest).toBeLessThan(MB);
  });

  it("stays where an in-place op, a view or a kept tensor leads to it", () => {
    const sum = tensor([0, 0], { dtype: "float64" });
    const w = tensor([1, 2], { dtype: "float64", requiresGrad: true });
    const part = scope(() => {
      sum.add_(w.exp());
      sum.select(0, 1).mul_(w.select(0, 0).sin());
      return w.square().cos().select(0, 0);
    });
    sum.sum().add(part).backward();
    const [a, b] = [1, 2];
    const expected = [Math.exp(a) + Math.exp(b) * Math.cos(a) - 2 * a * Math.sin(a * a), Math.exp(b) * Math.sin(a)];
    (w.grad as Tensor).tolistSync<number[]>().forEach((g, i) => void expect(g).toBeCloseTo(expected[i], 10));
  });
});
