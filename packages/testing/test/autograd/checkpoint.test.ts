import "@sconce/backend-cpu";
import "@sconce/autograd";
import { checkpoint, checkpointSequential, grad, graph, noGrad } from "@sconce/autograd";
import { keep, manualSeed, memory, ones, randn, realiseAll, scope, type Tensor, tensor } from "@sconce/core";
import { functional as F } from "@sconce/nn";
import { describe, expect, it } from "vitest";

function gradients(run: (x: Tensor, w: Tensor) => Tensor): [Tensor, Tensor] {
  manualSeed(5);
  const x = randn([4, 3], { dtype: "float64" }).requiresGrad_();
  const w = randn([3, 3], { dtype: "float64" }).requiresGrad_();
  run(x, w).backward();
  return [x.grad as Tensor, w.grad as Tensor];
}

const block = (x: Tensor, w: Tensor): Tensor => x.matmul(w).tanh().matmul(w).sigmoid();

describe("checkpoint", () => {
  it("gives the same gradients, of arguments and of what is found outside", () => {
    const plain = gradients((x, w) => block(block(x, w), w).sum());
    const thrifty = gradients((x, w) => checkpoint((y: Tensor) => block(y, w), [checkpoint(block, [x, w])]).sum());
    plain.forEach((g, i) => void expect(thrifty[i].equalSync(g)).toBe(true));
  });

  it("leaves what the function marks with keep when it runs again", () => {
    const seen: Tensor[] = [];
    const x = randn([4]).requiresGrad_();
    const y = checkpoint(
      (t: Tensor) => {
        seen.push(keep(t.sin()));
        return seen[seen.length - 1].mul(t);
      },
      [x],
    );
    y.sum().backward();
    expect(seen.length).toBe(2);
    expect(seen[1].tolistSync()).toEqual(x.sin().tolistSync());
  });

  it("keeps nothing of the function until backward, and runs it once more", () => {
    const x = ones([1 << 18]).requiresGrad_();
    realiseAll([x]);
    let runs = 0;
    const deep = (y: Tensor): Tensor => {
      runs++;
      return scope(() => {
        let z = y;
        for (let i = 0; i < 8; i++) realiseAll([(z = z.sin())]);
        return z;
      });
    };
    const before = memory().bytes;
    const y = checkpoint(deep, [x]);
    expect(memory().bytes - before).toBeLessThan(2 * 4 * (1 << 18));
    y.sum().backward();
    expect(runs).toBe(2);
    y.dispose();
    expect(memory().bytes - before).toBeLessThan(2 * 4 * (1 << 18));
    expect((x.grad as Tensor).select(0, 0).itemSync()).toBeGreaterThan(0);
  });

  it("draws the same random numbers again", () => {
    const dropped = (x: Tensor): Tensor => F.dropout(x, { p: 0.5 }).mul(2);
    const x = ones([64]).requiresGrad_();
    manualSeed(1);
    const y = checkpoint(dropped, [x]);
    const between = randn([2]);
    y.sum().backward();
    expect((x.grad as Tensor).tolistSync()).toEqual(y.tolistSync());
    manualSeed(1);
    dropped(x);
    expect(randn([2]).tolistSync()).toEqual(between.tolistSync());
  });

  it("can be differentiated twice, and walked twice", () => {
    const x = tensor([0.3, 0.7], { dtype: "float64", requiresGrad: true });
    const y = checkpoint((v: Tensor) => v.sin().exp(), [x]).sum();
    const [dx] = grad(y, x, { createGraph: true });
    const [ddx] = grad(dx.sum(), x);
    const plain = x.sin().exp().sum();
    const [px] = grad(plain, x, { createGraph: true });
    expect(ddx.allcloseSync(grad(px.sum(), x)[0])).toBe(true);
    const z = checkpoint((v: Tensor) => v.square(), [x]).sum();
    z.backward({ retainGraph: true });
    z.backward();
    expect((x.grad as Tensor).allcloseSync(x.detach().mul(4))).toBe(true);
  });

  it("nests, and takes structures", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    const inner = (v: Tensor): Tensor => v.square().sin();
    const y = checkpoint(({ v }: { v: Tensor }) => [checkpoint(inner, [v]), v.mul(3)], [{ v: x }]);
    y[0].add(y[1]).sum().backward();
    const expected = x.detach().square().cos().mul(x.detach()).mul(2).add(3);
    expect((x.grad as Tensor).allcloseSync(expected)).toBe(true);
  });

  it("refuses a function that does something else the second time", () => {
    let calls = 0;
    const x = tensor([1, 2], { requiresGrad: true });
    const y = checkpoint((v: Tensor) => (calls++ === 0 ? v.sin().exp() : v.mul(2)), [x]);
    expect(() => y.sum().backward()).toThrow("A different number of tensors was saved during the original forward and recomputation");
  });

  it("only runs the function where nothing is recorded", () => {
    const x = tensor([1], { requiresGrad: true });
    expect(noGrad(() => checkpoint((v: Tensor) => v.sin(), [x])).requiresGrad).toBe(false);
  });

  it("runs lists of functions in segments", () => {
    const layers = [1, 2, 3, 4, 5].map((k) => (x: Tensor) => x.mul(k).sin());
    const x = tensor([0.1, 0.2], { dtype: "float64", requiresGrad: true });
    checkpointSequential(layers, 2, x).sum().backward();
    const found = x.grad as Tensor;
    x.grad = null;
    layers
      .reduce((y, layer) => layer(y), x)
      .sum()
      .backward();
    expect(found.allcloseSync(x.grad as unknown as Tensor)).toBe(true);
    expect(() => checkpointSequential(layers, 6, x)).toThrow("expected 1 to 5 segments");
  });
});

describe("savedTensorsHooks", () => {
  it("sees what is kept, and gives it back", () => {
    const x = tensor([2, 3], { requiresGrad: true });
    const seen: unknown[] = [];
    const y = graph.savedTensorsHooks(
      (t) => {
        seen.push(t.tolistSync());
        return [t.clone()];
      },
      ([t]: [Tensor]) => t.mul(10),
      () => x.square().mul(3).sum(),
    );
    expect(seen).toEqual([[2, 3]]);
    y.backward();
    expect((x.grad as Tensor).tolistSync()).toEqual([120, 180]);
  });

  it("holds for the block, and not inside of the hooks", () => {
    const x = tensor([2, 3], { requiresGrad: true });
    let packs = 0;
    const run = (): Tensor => {
      using _ = graph.savedTensorsHooks(
        (t) => (packs++, t.mul(1).square()),
        (t: Tensor) => t.sqrt(),
      );
      return x.sin().sum();
    };
    const y = run();
    x.cos();
    expect(packs).toBe(1);
    y.backward();
    expect((x.grad as Tensor).allcloseSync(x.detach().cos())).toBe(true);
  });

  it("wants a tensor back, and can be forbidden", () => {
    const x = tensor([2, 3], { requiresGrad: true });
    const y = graph.savedTensorsHooks(
      () => 1,
      () => 2 as unknown as Tensor,
      () => x.square().sum(),
    );
    expect(() => y.backward()).toThrow("unpack_hook expected to be a Tensor");
    const forbidden = (): unknown => graph.disableSavedTensorsHooks("not here", () => graph.saveOnCpu(() => x.square()));
    expect(forbidden).toThrow("not here");
    graph.saveOnCpu(() => x.square().sum()).backward();
    expect((x.grad as Tensor).tolistSync()).toEqual([4, 6]);
  });

  it("outlives the scope of the forward pass", () => {
    const x = tensor([2, 3], { requiresGrad: true });
    const y = scope(() =>
      graph.savedTensorsHooks(
        (t) => t.double(),
        (t: Tensor) => t.float(),
        () => x.mul(1).square().sum(),
      ),
    );
    y.backward();
    expect((x.grad as Tensor).tolistSync()).toEqual([4, 6]);
  });
});
