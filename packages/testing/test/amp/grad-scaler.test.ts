import { linear } from "@sconce/core/nn";
import "@sconce/backend-cpu";
import { autocast, manualSeed, ones, rand, randint, randn, type Tensor, tensor } from "@sconce/core";
import { Conv2d, functional as F, Flatten, Linear, MaxPool2d, type Module, ReLU, Sequential } from "@sconce/nn";
import { Adam, clipGradNorm_, GradScaler, SGD } from "@sconce/optim";
import { describe, expect, it } from "vitest";

/** A parameter, and a loss whose gradient by it is `slope`. */
function problem(): { w: Tensor; loss: (slope: number) => Tensor; optimizer: SGD } {
  const w = tensor([1, 2], { requiresGrad: true });
  return { w, loss: (slope) => w.mul(slope).sum(), optimizer: new SGD([w], { lr: 0.5 }) };
}

describe("GradScaler", () => {
  it("scales a loss and takes the scale back before the step", async () => {
    const { w, loss, optimizer } = problem();
    const scaler = new GradScaler({ initScale: 8 });
    const scaled = scaler.scale(loss(1));
    expect(scaled.itemSync()).toBe(24);
    expect(scaler.scale([ones([1]), ones([1])]).map((x) => x.itemSync())).toEqual([8, 8]);
    scaled.backward();
    expect(w.grad?.tolistSync()).toEqual([8, 8]);
    expect(await scaler.step(optimizer)).toBe(true);
    expect(w.grad?.tolistSync()).toEqual([1, 1]);
    expect(w.tolistSync()).toEqual([0.5, 1.5]);
  });

  it.each([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN])(
    "leaves a step with a gradient of %d out and backs off",
    async (bad) => {
      const { w, loss } = problem();
      const optimizer = new Adam([w], { lr: 0.5 });
      const scaler = new GradScaler({ initScale: 8 });
      const run = async (slope: number): Promise<boolean> => {
        optimizer.zeroGrad();
        scaler.scale(loss(slope)).backward();
        const moved = await scaler.step(optimizer);
        scaler.update();
        return moved;
      };
      expect(await run(1)).toBe(true);
      const before = w.tolistSync();
      expect(await run(bad)).toBe(false);
      expect(w.tolistSync()).toEqual(before);
      expect(optimizer.state.get(w)?.step).toBe(1);
      expect(scaler.getScale()).toBe(4);
      expect(await run(1)).toBe(true);
      expect(optimizer.state.get(w)?.step).toBe(2);
    },
  );

  it("doubles the scale after as many steps without infinities as the interval says", () => {
    const { loss, optimizer } = problem();
    const scaler = new GradScaler({ initScale: 4, growthInterval: 2, growthFactor: 3, backoffFactor: 0.25 });
    const scales = [1, 1, 1, Number.NaN, 1, 1].map((slope) => {
      optimizer.zeroGrad();
      scaler.scale(loss(slope)).backward();
      scaler.stepSync(optimizer);
      scaler.update();
      return scaler.getScale();
    });
    expect(scales).toEqual([4, 12, 12, 3, 3, 9]);
  });

  it("steps once though a second step began before the first was awaited", async () => {
    const { w, loss, optimizer } = problem();
    const scaler = new GradScaler({ initScale: 1024 });
    scaler.scale(loss(3)).backward();
    const [first, second] = await Promise.allSettled([scaler.step(optimizer), scaler.step(optimizer)]);
    expect(first).toEqual({ status: "fulfilled", value: true });
    expect(String((second as PromiseRejectedResult).reason)).toMatch(/step\(\) has already been called/);
    expect(w.tolistSync()[0 as never]).toBeCloseTo(1 - 0.5 * 3, 5);
  });

  it("clips what unscale_ gave, and unscales once", async () => {
    const { w, loss, optimizer } = problem();
    const scaler = new GradScaler({ initScale: 1024 });
    scaler.scale(loss(3)).backward();
    scaler.unscale_(optimizer);
    expect(clipGradNorm_([w], 1).itemSync()).toBeCloseTo(Math.hypot(3, 3), 5);
    expect(() => scaler.unscale_(optimizer)).toThrow("unscale_() has already been called on this optimizer since the last update()");
    expect(() => scaler.update()).toThrow("has not stepped");
    await scaler.step(optimizer);
    expect(w.tolistSync()[0 as never]).toBeCloseTo(1 - 0.5 * Math.SQRT1_2, 5);
    expect(() => scaler.unscale_(optimizer)).toThrow("unscale_() is being called after step()");
    await expect(scaler.step(optimizer)).rejects.toThrow("step() has already been called since the last update()");
    scaler.update();
    await expect(scaler.step(new SGD([tensor([1], { requiresGrad: true })], { lr: 1 }))).rejects.toThrow("No inf checks were recorded");
  });

  it("looks at every parameter, and steps each of several optimizers by itself", async () => {
    const [a, b, c] = [1, 2, 3].map((x) => tensor([x], { requiresGrad: true }));
    const optimizers = [new SGD([a, b], { lr: 1 }), new SGD([{ params: [c] }], { lr: 1 })];
    const scaler = new GradScaler({ initScale: 2 });
    scaler.scale(a.sum().add(b.mul(Number.POSITIVE_INFINITY).sum()).add(c.sum())).backward();
    expect([await scaler.step(optimizers[0]), await scaler.step(optimizers[1])]).toEqual([false, true]);
    scaler.update();
    expect([a, b, c].map((x) => x.itemSync())).toEqual([1, 2, 2]);
    expect(scaler.getScale()).toBe(1);
  });

  it("does nothing beside the step if it is not enabled", async () => {
    const { w, loss, optimizer } = problem();
    const scaler = new GradScaler({ enabled: false });
    scaler.scale(loss(1)).backward();
    scaler.unscale_(optimizer);
    expect(await scaler.step(optimizer)).toBe(true);
    scaler.update();
    expect([w.tolistSync(), scaler.getScale(), scaler.isEnabled(), scaler.stateDict()]).toEqual([[0.5, 1.5], 1, false, {}]);
  });

  it("keeps its state under PyTorch's names", () => {
    const scaler = new GradScaler({ initScale: 16, growthInterval: 5 });
    const { loss, optimizer } = problem();
    scaler.scale(loss(1)).backward();
    scaler.stepSync(optimizer);
    scaler.update();
    const state = scaler.stateDict();
    expect(state).toEqual({ scale: 16, growth_factor: 2, backoff_factor: 0.5, growth_interval: 5, _growth_tracker: 1 });
    const other = new GradScaler();
    other.loadStateDict(state);
    expect(other.stateDict()).toEqual(state);
    expect(() => other.loadStateDict({})).toThrow("disabled instance");
    scaler.setGrowthFactor(4);
    scaler.setBackoffFactor(0.1);
    scaler.setGrowthInterval(7);
    expect([scaler.getGrowthFactor(), scaler.getBackoffFactor(), scaler.getGrowthInterval()]).toEqual([4, 0.1, 7]);
    scaler.update(32);
    expect(scaler.getScale()).toBe(32);
  });

  it("refuses what cannot work", () => {
    expect(() => new GradScaler({ growthFactor: 1 })).toThrow("growth factor must be > 1.0");
    expect(() => new GradScaler({ backoffFactor: 1 })).toThrow("backoff factor must be < 1.0");
    expect(() => new GradScaler().update()).toThrow("No inf checks were recorded prior to update");
    const w = ones([2]).half().requiresGrad_();
    w.sum().backward();
    expect(() => new GradScaler().unscale_(new SGD([w], { lr: 1 }))).toThrow("Attempting to unscale FP16 gradients");
  });

  it("saves gradients that float16 would lose", async () => {
    const grad = async (initScale: number): Promise<number> => {
      const w = tensor([[1]], { requiresGrad: true });
      const optimizer = new SGD([w], { lr: 0 });
      const scaler = new GradScaler({ initScale });
      const out = autocast("cpu", { dtype: "float16" }, () =>
        linear(ones([1, 1]), w)
          .mul(1e-9)
          .sum(),
      );
      scaler.scale(out).backward();
      await scaler.step(optimizer);
      return w.grad?.itemSync() as number;
    };
    expect(await grad(1)).toBe(0);
    expect(await grad(32768)).toBeCloseTo(1e-9, 11);
  });
});

describe("training in mixed precision", () => {
  async function train(net: Module, x: Tensor, y: Tensor, dtype: "float16" | "bfloat16" | null): Promise<number[]> {
    const optimizer = new Adam(net.parameters(), { lr: 0.01 });
    const scaler = new GradScaler({ initScale: 1024, growthInterval: 10, enabled: dtype === "float16" });
    const losses: number[] = [];
    for (let i = 0; i < 40; i++) {
      optimizer.zeroGrad();
      const forward = (): Tensor => F.crossEntropy((net as Module & ((x: Tensor) => Tensor))(x), y);
      const loss = dtype === null ? forward() : autocast("cpu", { dtype }, forward);
      scaler.scale(loss).backward();
      await scaler.step(optimizer);
      scaler.update();
      losses.push(await loss.item());
    }
    return losses;
  }

  const nets: Record<string, () => [Module, Tensor]> = {
    MLP: () => [new Sequential(new Linear(12, 32), new ReLU(), new Linear(32, 5)), randn(64, 12)],
    CNN: () => [new Sequential(new Conv2d(1, 6, 3), new ReLU(), new MaxPool2d(2), new Flatten(), new Linear(54, 5)), rand(32, 1, 8, 8)],
  };

  it.each(Object.keys(nets))("follows float32 with a %s, in float16 with scaled gradients and in bfloat16", async (name) => {
    const run = async (dtype: "float16" | "bfloat16" | null): Promise<number[]> => {
      manualSeed(3);
      const [net, x] = nets[name]();
      return train(net, x, randint(0, 5, [x.shape[0]]), dtype);
    };
    const plain = await run(null);
    expect(plain[39]).toBeLessThan(plain[0] * 0.8);
    for (const [dtype, tolerance] of [
      ["float16", 0.01],
      ["bfloat16", 0.05],
    ] as const) {
      const mixed = await run(dtype);
      mixed.forEach((loss, i) => expect(Math.abs(loss - plain[i])).toBeLessThan(tolerance * plain[0]));
    }
  });
});
