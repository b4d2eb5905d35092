import "@sconce/backend-cpu";
import "@sconce/backend-webgpu";
import { grad } from "@sconce/autograd";
import { init, manualSeed, type Tensor, tensor } from "@sconce/core";
import { Bernoulli, Categorical, Independent, klDivergence, Normal } from "@sconce/distributions";
import { describe, expect, it } from "vitest";
import { startDevice } from "./start.js";

const available = (await startDevice()) !== null;
if (available) await init("webgpu");

const on = (values: number[]): Tensor => tensor(values, { device: "webgpu" });

/** The elements of a tensor on either device. */
const list = async (x: Tensor): Promise<number[]> => [...((await x.data()) as Float32Array)];

describe.skipIf(!available)("distributions on WebGPU", () => {
  it("give the CPU's densities, divergences and gradients", async () => {
    const values = async (device: "cpu" | "webgpu"): Promise<number[][]> => {
      const loc = tensor([0.5, -1], { device, requiresGrad: true });
      const p = new Independent(new Normal(loc, tensor([1, 2], { device })), 1);
      const q = new Independent(new Normal(tensor([0, 0], { device }), 1), 1);
      const logProb = p.logProb(tensor([0.3, 0.1], { device }));
      const [gradient] = grad(logProb.add(klDivergence(p, q)), [loc]);
      return Promise.all([logProb, p.entropy(), klDivergence(p, q), gradient].map((t) => list(t.detach())));
    };
    const [cpu, gpu] = [await values("cpu"), await values("webgpu")];
    gpu.flat().forEach((x, i) => expect(x).toBeCloseTo(cpu.flat()[i], 5));
  });

  it("pass gradients through samples", async () => {
    manualSeed(0);
    const scale = tensor([2], { device: "webgpu", requiresGrad: true });
    const sample = new Normal(on([1]), scale).rsample();
    const [gradient] = grad(sample.sum(), [scale]);
    const [drawn, slope] = [(await list(sample.detach()))[0], (await list(gradient))[0]];
    expect(slope).toBeCloseTo((drawn - 1) / 2, 5);
  });

  it("draw classes and outcomes in proportion, though nothing can be read at once", async () => {
    manualSeed(1);
    const policy = new Categorical({ logits: on([0, Math.log(3)]) });
    const actions = policy.sample([4000]);
    expect([actions.dtype, actions.device, actions.shape]).toEqual(["int32", "webgpu", [4000]]);
    const share = (await list(actions)).reduce((a, b) => a + b, 0) / 4000;
    expect(share).toBeGreaterThan(0.72);
    expect(share).toBeLessThan(0.78);
    const ones = await list(new Bernoulli(on([0.25])).sample([4000]));
    expect(ones.reduce((a, b) => a + b, 0) / 4000).toBeCloseTo(0.25, 1);
    expect((await list(policy.logProb(actions.narrow(0, 0, 1)).exp()))[0]).toBeGreaterThan(0.2);
  });
});
