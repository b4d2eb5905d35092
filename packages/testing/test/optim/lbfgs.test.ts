import "@sconce/backend-cpu";
import "@sconce/autograd";
import { type Tensor, tensor } from "@sconce/core";
import * as optim from "@sconce/optim";
import { describe, expect, it } from "vitest";

type Options = Partial<optim.LBFGSOptions>;

/** Loss before, closure calls so far and parameters after each of three steps on Rosenbrock's function in float64, by PyTorch. */
const CASES: readonly (readonly [string, Options, readonly (readonly [number, number, readonly number[]])[]])[] = [
  [
    "with a line search",
    { lineSearchFn: "strong_wolfe" },
    [
      [1269, 21, [-0.779231906055, 0.618415558193, 0.388672767285, 0.150932484181]],
      [3.701456695931432, 26, [-0.775659927906, 0.613094545789, 0.382064159396, 0.145973041285]],
      [3.701428610433469, 27, [-0.775659927906, 0.613094545789, 0.382064159396, 0.145973041285]],
    ],
  ],
  [
    "with a short history",
    { maxIter: 10, historySize: 3, lineSearchFn: "strong_wolfe" },
    [
      [1269, 13, [-0.829195896912, 0.698577358124, 0.493164565522, 0.243207307079]],
      [3.708477379934076, 25, [-0.776997745664, 0.615115340249, 0.384539715608, 0.147837469813]],
      [3.7014319032779435, 32, [-0.775660234018, 0.613094890837, 0.382065238645, 0.145973626708]],
    ],
  ],
  [
    "with a fixed step",
    { lr: 1e-3, maxIter: 6 },
    [
      [1269, 6, [-1.498960696469, 1.996337375331, 0.500987144439, -0.299451464692]],
      [1258.1496514212322, 12, [-1.49738714942, 1.992871360943, 0.502328175782, -0.297984995112]],
      [1247.510837739285, 18, [-1.495801968631, 1.989453691703, 0.504022810152, -0.295702248729]],
    ],
  ],
];

/** An optimizer, and a closure that counts its calls. */
function rosenbrock(options: Options): { x: Tensor; optimizer: optim.LBFGS; closure: () => Tensor; calls: () => number } {
  const x = tensor([-1.5, 2, 0.5, -0.3], { dtype: "float64" }).requiresGrad_();
  const optimizer = new optim.LBFGS([x], options);
  let calls = 0;
  const closure = (): Tensor => {
    calls++;
    optimizer.zeroGrad();
    const head = x.at(":-1");
    const loss = x.at("1:").sub(head.square()).square().mul(100).add(head.neg().add(1).square()).sum();
    loss.backward();
    return loss;
  };
  return { x, optimizer, closure, calls: () => calls };
}

function expectNear(x: Tensor, expected: readonly number[]): void {
  const data = x.detach().dataSync();
  expected.forEach((value, i) => expect(Math.abs((data[i] as number) - value)).toBeLessThan(1e-8));
}

describe("LBFGS", () => {
  it.each(CASES)("follows PyTorch %s", (_, options, steps) => {
    const { x, optimizer, closure, calls } = rosenbrock(options);
    for (const [loss, count, params] of steps) {
      const before = optimizer.step(closure).itemSync();
      expect(Math.abs(before - loss)).toBeLessThan(1e-8 * loss);
      expect(calls()).toBe(count);
      expectNear(x, params);
    }
  });

  it.each(CASES)("does the same without blocking %s", async (_, options, steps) => {
    const { x, optimizer, closure, calls } = rosenbrock(options);
    for (const [, count, params] of steps) {
      await optimizer.stepAsync(closure);
      expect(calls()).toBe(count);
      expectNear(x, params);
    }
  });

  it("takes parameters that the loss does not reach", () => {
    const [x, y] = [tensor([3, 4]).requiresGrad_(), tensor([[5]]).requiresGrad_()];
    const optimizer = new optim.LBFGS([x, y]);
    optimizer.step(() => {
      optimizer.zeroGrad();
      const loss = x.square().sum();
      loss.backward();
      return loss;
    });
    expect(Math.max(...(x.detach().dataSync() as Float32Array).map(Math.abs))).toBeLessThan(1e-5);
    expect(y.detach().itemSync()).toBe(5);
  });

  it("evaluates 5/4 of maxIter times if maxEval is null, as PyTorch does", () => {
    const { optimizer, closure, calls } = rosenbrock({ lr: 1e-3, maxIter: 6, maxEval: null });
    expect(optimizer.paramGroups[0].maxEval).toBe(7);
    optimizer.step(closure);
    expect(calls()).toBe(6);
  });

  it("refuses several groups, unknown searches and a step without a closure", () => {
    const [x, y] = [tensor([1]).requiresGrad_(), tensor([1]).requiresGrad_()];
    expect(() => new optim.LBFGS([{ params: [x] }, { params: [y] }])).toThrow("LBFGS doesn't support per-parameter options");
    expect(() => new optim.LBFGS([x], { lineSearchFn: "armijo" as never })).toThrow("only 'strong_wolfe' is supported");
    expect(() => new optim.LBFGS([x]).step()).toThrow("expected a closure");
    expect(() => new optim.LBFGS([x]).step(null)).toThrow("expected a closure");
  });
});
