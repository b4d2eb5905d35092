import { CpuBackend } from "@sconce/backend-cpu";
import "@sconce/autograd";
import { type Backend, type KernelName, type Kernels, type Spec, settledValue, type Tensor, tensorOf, type View } from "@sconce/core";
import * as optim from "@sconce/optim";
import { describe, expect, it } from "vitest";

/** A CPU backend that writes down which kernels it ran, with the numbers of inputs and outputs. */
class Recorder extends CpuBackend {
  readonly log: string[] = [];

  override run<K extends KernelName>(
    kernel: K,
    inputs: readonly View[],
    outputs: readonly Spec[],
    attrs: Kernels[K],
  ): ReturnType<Backend["run"]> {
    this.log.push(`${kernel} ${inputs.length}>${outputs.length}`);
    return super.run(kernel, inputs, outputs, attrs);
  }

  filled(shape: readonly number[], start: number): Tensor {
    const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => start + i / 10);
    return tensorOf(settledValue(this, shape, "float32", this.upload(data, "float32")));
  }
}

type Make = (params: Tensor[]) => optim.Optimizer;

/** Kernels per step, from the second on, of two parameters whose gradients are in memory. */
function kernelsPerStep(make: Make, maxInputs = 16): string[][] {
  const backend = new Recorder();
  Object.assign(backend, { limits: { ...backend.limits, maxInputs } });
  const params = [backend.filled([3], 1), backend.filled([2, 2], 2)].map((p) => p.requiresGrad_());
  const optimizer = make(params);
  const steps: string[][] = [];
  for (let step = 0; step < 4; step++) {
    params.forEach((p, i) => {
      p.grad = backend.filled(p.shape, i - 0.7);
    });
    backend.log.length = 0;
    optimizer.step();
    for (const p of params) p.dataSync();
    steps.push([...backend.log]);
  }
  return steps.slice(1);
}

/** Inputs: parameter, gradient and state. Outputs: parameter and state. */
const CASES: readonly (readonly [string, string, Make])[] = [
  ["SGD", "2>1", (p) => new optim.SGD(p, { lr: 0.1 })],
  ["SGD with weight decay", "2>1", (p) => new optim.SGD(p, { lr: 0.1, weightDecay: 0.1 })],
  ["SGD with momentum", "3>2", (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9 })],
  [
    "SGD with Nesterov momentum and weight decay",
    "3>2",
    (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.1 }),
  ],
  ["Adam", "4>3", (p) => new optim.Adam(p)],
  ["Adam with weight decay", "4>3", (p) => new optim.Adam(p, { weightDecay: 0.1 })],
  ["AdamW", "4>3", (p) => new optim.AdamW(p)],
  ["Adam with amsgrad and weight decay", "5>4", (p) => new optim.Adam(p, { amsgrad: true, weightDecay: 0.1 })],
  ["RMSprop", "3>2", (p) => new optim.RMSprop(p)],
  [
    "centred RMSprop with momentum and weight decay",
    "5>4",
    (p) => new optim.RMSprop(p, { centered: true, momentum: 0.9, weightDecay: 0.1 }),
  ],
  ["Adagrad", "3>2", (p) => new optim.Adagrad(p)],
  ["Adadelta", "4>3", (p) => new optim.Adadelta(p, { weightDecay: 0.1 })],
  ["Adamax", "4>3", (p) => new optim.Adamax(p, { weightDecay: 0.1 })],
  ["NAdam", "4>3", (p) => new optim.NAdam(p, { weightDecay: 0.1 })],
  ["RAdam", "4>3", (p) => new optim.RAdam(p, { weightDecay: 0.1 })],
  ["Rprop", "4>3", (p) => new optim.Rprop(p)],
  ["ASGD before it averages", "2>1", (p) => new optim.ASGD(p)],
  ["ASGD while it averages", "3>2", (p) => new optim.ASGD(p, { t0: 0 })],
];

/** What a step of two parameters runs; SGD and Adam move a whole group at once. */
function ofTwo(name: string, counts: string): string[] {
  if (!/^(SGD|Adam|AdamW)( with|$)/.test(name)) return [`elementwise ${counts}`, `elementwise ${counts}`];
  const [inputs, outputs] = counts.split(">").map(Number);
  return [`elementwise ${2 * inputs}>${2 * outputs}`];
}

describe("kernels of an optimizer's step", () => {
  it.each(CASES)("%s takes one kernel %s for each parameter, or one for all of them", (name, counts, make) => {
    expect(kernelsPerStep(make).at(-1)).toEqual(ofTwo(name, counts));
  });

  it.each(CASES.filter(([, counts]) => Number(counts[0]) < 5))("%s does so too where a kernel has seven buffers", (name, counts, make) => {
    expect(kernelsPerStep(make, 7).at(-1)).toEqual(ofTwo(name, counts));
  });

  it("is one for each group and dtype, and for each number of steps", () => {
    const steps = kernelsPerStep(([a, b]) => new optim.Adam([{ params: [a] }, { params: [b], lr: 1 }]));
    expect(steps.at(-1)).toEqual(["elementwise 4>3", "elementwise 4>3"]);
    const late = kernelsPerStep((params) => {
      const optimizer = new optim.Adam(params);
      params[0].grad = params[0].detach().clone();
      optimizer.step();
      return optimizer;
    });
    expect(late.at(-1)).toEqual(["elementwise 4>3", "elementwise 4>3"]);
  });

  it("splits a step that has more buffers than a kernel", () => {
    const steps = kernelsPerStep((p) => new optim.Adam(p, { amsgrad: true }), 7);
    expect(steps.at(-1)).toHaveLength(4);
  });
});
