import { manualSeed, nn, ones, randn, type Tensor } from "sconce";
import { describe, expect, it } from "vitest";
import { expectGrad, expectTensor, type GoldenTensor, readCases } from "../../src/index.js";
import { load, loadAll } from "../seeds/trajectory.js";

const { parametrizations, parametrize, removeSpectralNorm, removeWeightNorm, spectralNorm, weightNorm } = nn.utils;
const close = (numbers: readonly number[]): unknown => numbers.map((x) => expect.closeTo(x, 5));
const flat = (x: Tensor): number[] => Array.from(x.dataSync(), Number);
const shapes = (net: nn.Module): unknown => Object.fromEntries(Object.entries(net.stateDict()).map(([key, x]) => [key, x.shape]));

interface Case {
  readonly id: string;
  readonly kind: "weight_norm" | "parameters_to_vector";
  readonly dim: number;
  readonly state: { readonly [name: string]: GoldenTensor };
  readonly x: GoldenTensor;
  readonly params: readonly GoldenTensor[];
  readonly out: GoldenTensor;
  readonly x_grad: GoldenTensor;
  readonly param_grads: { readonly [name: string]: GoldenTensor };
}

const cases = await readCases<Case>("data", "parametrised");

describe("weightNorm", () => {
  for (const c of cases.filter(({ kind }) => kind === "weight_norm")) {
    it(`has PyTorch's output and gradients in ${c.id}`, async () => {
      const layer = weightNorm(new nn.Linear(4, 3), "weight", { dim: c.dim });
      expect(String(layer.loadStateDict(loadAll(c.state)))).toBe("<All keys matched successfully>");
      const x = load(c.x).requiresGrad_();
      const out = layer(x);
      await expectTensor(out, c.out, 0, "out");
      out.square().sum().backward();
      await expectGrad(x.grad, c.x_grad, 0, "x.grad");
      for (const [name, p] of layer.namedParameters()) await expectGrad(p.grad, c.param_grads[name], 0, name);
    });
  }

  it("keeps the function, the text and the weight of the layer", () => {
    const layer = new nn.Conv2d(2, 3, 2);
    const before = flat(layer.weight);
    weightNorm(layer, "weight", { dim: null });
    expect(String(layer)).toBe("Conv2d(2, 3, kernel_size=(2, 2), stride=(1, 1))");
    expect(shapes(layer)).toEqual({ bias: [3], weight_g: [], weight_v: [3, 2, 2, 2] });
    expect(flat(layer.weight)).toEqual(close(before));
    expect(flat(nn.clone(layer).weight)).toEqual(close(before));
    removeWeightNorm(layer);
    expect(shapes(layer)).toEqual({ weight: [3, 2, 2, 2], bias: [3] });
    expect(layer.constructor).toBe(nn.Conv2d);
    expect(() => removeWeightNorm(layer)).toThrow(/not found/);
    expect(() => weightNorm(layer, "scale")).toThrow(/is no parameter/);
  });
});

describe("spectralNorm", () => {
  it("has PyTorch's numbers for the same seed", () => {
    manualSeed(0);
    const layer = spectralNorm(new nn.Linear(3, 4));
    expect(shapes(layer)).toEqual({ bias: [4], weight_orig: [4, 3], weight_u: [4], weight_v: [3] });
    expect(flat(layer.getBuffer("weight_u"))).toEqual(close([-0.6956159, -0.3900858, -0.5770242, 0.176053]));
    const expected = close([-0.8165999, -1.1510252, 0.3787155, -0.1896406]);
    expect(flat(layer(ones([1, 3])))).toEqual(expected);
    expect(flat(layer.getBuffer("weight_u"))).toEqual(close([-0.7569728, 0.1472958, -0.6014497, 0.2086971]));
    layer.eval();
    expect(flat(layer(ones([1, 3])))).toEqual(expected);
    layer(ones([1, 3]))
      .sum()
      .backward();
    const gradient = flat(layer.getParameter("weight_orig").grad!);
    expect(gradient.slice(0, 6)).toEqual(close([1.2862525, 2.1361029, 1.1810234, 1.6143482, 1.4489797, 1.6348243]));
    const before = flat(layer.weight);
    removeSpectralNorm(layer);
    expect(flat(layer.weight)).toEqual(before);
    expect(shapes(layer)).toEqual({ weight: [4, 3], bias: [4] });
  });

  it("bounds the largest singular value as a parametrization", () => {
    const layer = parametrizations.spectralNorm(new nn.Linear(6, 6));
    expect(String(layer)).toBe(
      "ParametrizedLinear(\n  in_features=6, out_features=6, bias=True\n  (parametrizations): ModuleDict(\n    (weight): ParametrizationList(\n" +
        "      (0): _SpectralNorm()\n    )\n  )\n)",
    );
    expect(shapes(layer)).toEqual({
      bias: [6],
      "parametrizations.weight.original": [6, 6],
      "parametrizations.weight.0._u": [6],
      "parametrizations.weight.0._v": [6],
    });
    for (let i = 0; i < 50; i++) layer(ones([1, 6]));
    layer.eval();
    const { weight } = layer;
    const x = randn([1000, 6]);
    const stretch = x.matmul(weight.t()).norm(2, 1).div(x.norm(2, 1)).max().itemSync();
    expect(stretch).toBeLessThanOrEqual(1.001);
    expect(stretch).toBeGreaterThan(0.8);
    expect(() => parametrizations.spectralNorm(new nn.Linear(2, 2), "weight", { nPowerIterations: 0 })).toThrow(/to be positive/);
  });
});

class Symmetric extends nn.Module {
  override forward(x: Tensor): Tensor {
    return x.triu().add(x.triu(1).t());
  }

  rightInverse(x: Tensor): Tensor {
    return x.triu();
  }
}

describe("registerParametrization", () => {
  it("computes a parameter from another whenever it is read", () => {
    const layer = parametrize.registerParametrization(new nn.Linear(3, 3), "weight", new Symmetric());
    expect(flat(layer.weight)).toEqual(flat(layer.weight.t().contiguous()));
    expect(Object.keys(layer.stateDict())).toEqual(["bias", "parametrizations.weight.original"]);
    expect([parametrize.isParametrized(layer), parametrize.isParametrized(layer, "bias")]).toEqual([true, false]);
    layer(ones([2, 3]))
      .sum()
      .backward();
    expect(layer.getParameter("parametrizations.weight.original").grad?.tolistSync()).toEqual([
      [2, 4, 4],
      [0, 2, 4],
      [0, 0, 2],
    ]);
    const symmetric = ones([3, 3]);
    layer.weight = symmetric as nn.Parameter;
    expect(layer.weight.tolistSync()).toEqual(symmetric.tolistSync());
  });

  it("is undone by removeParametrizations", () => {
    const layer = new nn.Linear(3, 3);
    const { weight } = layer;
    parametrize.registerParametrization(layer, "weight", new Symmetric());
    parametrize.registerParametrization(layer, "bias", new nn.ReLU());
    expect(String(layer)).toContain("(bias): ParametrizationList");
    const value = flat(layer.weight);
    parametrize.removeParametrizations(layer, "weight");
    expect(flat(layer.weight)).toEqual(value);
    expect(layer.weight).toBeInstanceOf(nn.Parameter);
    expect(weight).toBeInstanceOf(nn.Parameter);
    parametrize.removeParametrizations(layer, "bias");
    expect(Object.keys(layer.stateDict()).sort()).toEqual(["bias", "weight"]);
    expect(layer.constructor).toBe(nn.Linear);
    expect(() => parametrize.removeParametrizations(layer, "bias")).toThrow(/does not have a parametrization on bias/);
  });

  it("keeps size and direction apart as two originals", () => {
    const layer = new nn.Linear(3, 4);
    const before = flat(layer.weight);
    parametrizations.weightNorm(layer);
    expect(flat(layer.weight)).toEqual(close(before));
    expect(shapes(layer)).toEqual({ bias: [4], "parametrizations.weight.original0": [4, 1], "parametrizations.weight.original1": [4, 3] });
    expect(flat(nn.clone(layer).weight)).toEqual(close(before));
  });

  it("says what does not fit", () => {
    expect(() => parametrize.registerParametrization(new nn.Linear(3, 4), "scale", new Symmetric())).toThrow(/does not have a parameter/);
    expect(() => parametrize.registerParametrization(new nn.Linear(3, 4), "weight", new nn.Flatten(0))).toThrow(/may not change the shape/);
  });
});

describe("parametersToVector", () => {
  for (const c of cases.filter(({ kind }) => kind === "parameters_to_vector")) {
    it(`has PyTorch's result in ${c.id}, and back`, async () => {
      const parameters = c.params.map((x) => new nn.Parameter(load(x)));
      const vector = nn.utils.parametersToVector(parameters);
      await expectTensor(vector, c.out, 0, "out");
      const others = parameters.map((x) => new nn.Parameter(x.detach().mul(0)));
      nn.utils.vectorToParameters(vector, others);
      expect(others.map((x) => x.tolistSync())).toEqual(parameters.map((x) => x.tolistSync()));
    });
  }
});
