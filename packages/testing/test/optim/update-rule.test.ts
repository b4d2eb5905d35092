import { CpuBackend, createCpuBackend, getNumThreads, setNumThreads } from "@sconce/backend-cpu";
import "@sconce/autograd";
import { type Backend, settledValue, type Tensor, tensorOf, zeros } from "@sconce/core";
import { Adam, AdamW, type Optimizer, SGD } from "@sconce/optim";
import { describe, expect, it } from "vitest";

const SHAPE = [3, 5];

/** A CPU that fuses nothing, so that an update is a chain of ops. */
function unfused(): Backend {
  const backend = new CpuBackend();
  return Object.assign(backend, { limits: { ...backend.limits, maxExpr: 1 } });
}

function numbers(backend: Backend, start: number): Tensor {
  const data = Float32Array.from({ length: 15 }, (_, i) => Math.sin(start + i));
  return tensorOf(settledValue(backend, SHAPE, "float32", backend.upload(data, "float32")));
}

/** A parameter after a few steps. */
function moved(backend: Backend, make: (params: Tensor[]) => Optimizer, place: (x: Tensor) => Tensor = (x) => x): number[] {
  const param = place(numbers(backend, 1)).requiresGrad_();
  const optimizer = make([param]);
  for (let step = 0; step < 4; step++) {
    param.grad = numbers(backend, step);
    optimizer.step();
  }
  return [...(param.dataSync() as Float32Array)];
}

const CASES: readonly (readonly [string, (params: Tensor[]) => Optimizer])[] = [
  ["SGD", (p) => new SGD(p, { lr: 0.1, weightDecay: 0.1 })],
  ["SGD with momentum", (p) => new SGD(p, { lr: 0.1, momentum: 0.9, dampening: 0.2, maximize: true })],
  ["SGD with Nesterov momentum", (p) => new SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true })],
  ["Adam", (p) => new Adam(p, { lr: 0.1, weightDecay: 0.1, maximize: true })],
  ["Adam with amsgrad", (p) => new Adam(p, { lr: 0.1, amsgrad: true })],
  ["AdamW", (p) => new AdamW(p, { lr: 0.1 })],
];

describe("an update as one kernel", () => {
  it.each(CASES)("%s is what its ops give one by one", (_, make) => {
    const fused = moved(new CpuBackend(), make);
    moved(unfused(), make).forEach((x, i) => {
      expect(fused[i]).toBeCloseTo(x, 6);
    });
    expect(moved(createCpuBackend({ reference: true }), make).map((x) => x.toFixed(5))).toEqual(fused.map((x) => x.toFixed(5)));
  });

  it.each(CASES)("%s moves a parameter that is a part of a larger memory", (_, make) => {
    const backend = new CpuBackend();
    let whole: Tensor | undefined;
    const result = moved(backend, make, (x) => {
      whole = tensorOf(settledValue(backend, [4, 5], "float32", backend.upload(new Float32Array(20), "float32")));
      const part = whole.at("1:");
      part.copy_(x);
      return part.detach();
    });
    result.forEach((x, i) => {
      expect(x).toBeCloseTo(moved(backend, make)[i], 6);
    });
    expect([...((whole as Tensor).at(0).dataSync() as Float32Array)]).toEqual([0, 0, 0, 0, 0]);
  });

  it.each(CASES)("%s gives the same bits for many parameters at once, on several threads too", (_, make) => {
    const shapes = [[3], [2, 2], [70, 1000], [1], [40_000]];
    const run = (limits: Partial<Backend["limits"]>, threads: number): number[][] => {
      const before = getNumThreads();
      setNumThreads(threads);
      const backend = new CpuBackend();
      Object.assign(backend, { limits: { ...backend.limits, ...limits } });
      const filled = (shape: readonly number[], start: number): Tensor => {
        const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(start + i));
        return tensorOf(settledValue(backend, shape, "float32", backend.upload(data, "float32")));
      };
      const params = shapes.map((shape, i) => filled(shape, i).requiresGrad_());
      const optimizer = make(params);
      for (let step = 0; step < 3; step++) {
        for (const [i, param] of params.entries()) param.grad = filled(param.shape, 10 * step + i);
        optimizer.step();
      }
      setNumThreads(before);
      return params.map((param) => [...(param.dataSync() as Float32Array)]);
    };
    const alone = run({ parts: false }, 1);
    expect(run({}, 1)).toEqual(alone);
    expect(run({}, 2)).toEqual(alone);
  });

  it("moves the parameters of a group whose copies are kept one by one", () => {
    const params = [zeros(4).add(1), zeros(3).add(1), zeros(2).add(1)].map((x) => x.requiresGrad_());
    const optimizer = new SGD(params, { lr: 0.5 });
    const kept = params[1].detach().clone();
    for (const param of params) param.grad = zeros(param.shape[0]).add(1);
    optimizer.step();
    for (const param of params) expect([...param.dataSync()]).toEqual(Array(param.shape[0]).fill(0.5));
    expect([...kept.dataSync()]).toEqual([1, 1, 1]);
  });

  it("leaves copies of the parameter as they were", () => {
    const param = zeros(4).add(1).requiresGrad_();
    const optimizer = new Adam([param], { lr: 0.1 });
    for (let step = 0; step < 2; step++) {
      const before = param.detach().clone();
      param.grad = zeros(4).add(1);
      optimizer.step();
      expect(before.dataSync()[0]).toBeCloseTo(1 - step * 0.1, 5);
      expect(param.dataSync()[0]).toBeCloseTo(0.9 - step * 0.1, 5);
    }
  });

  it("counts as a write to what a graph has kept", () => {
    const param = zeros(4).add(2).requiresGrad_();
    const optimizer = new SGD([param], { lr: 0.1 });
    const loss = param.square().sum();
    param.grad = zeros(4).add(1);
    optimizer.step();
    param.grad = null;
    loss.backward();
    // The tape keeps the value that was there when the op ran.
    expect((param.grad as Tensor | null)?.dataSync()[0]).toBe(4);
  });
});
