import { inspect } from "node:util";
import "@sconce/backend-cpu";
import "@sconce/autograd";
import { grad } from "@sconce/autograd";
import { eye, linspace, manualSeed, ones, randn, type Tensor, tensor, zeros } from "@sconce/core";
import * as D from "@sconce/distributions";
import { afterEach, describe, expect, it } from "vitest";
import { standardGammaGrad } from "../../../distributions/src/standard-gamma.js";
import { readGolden } from "./golden.js";

const { constraints, transforms } = D;
const N = 20_000;

const f64 = (...values: number[]): Tensor => tensor(values, { dtype: "float64" });

/** One distribution of each family whose moments exist. */
const FAMILIES: readonly (readonly [string, () => D.Distribution])[] = [
  ["Normal", () => new D.Normal(1, 2)],
  ["LogNormal", () => new D.LogNormal(0, 0.5)],
  ["HalfNormal", () => new D.HalfNormal(2)],
  ["Laplace", () => new D.Laplace(1, 2)],
  ["Gumbel", () => new D.Gumbel(1, 2)],
  ["Uniform", () => new D.Uniform(-1, 3)],
  ["Exponential", () => new D.Exponential(2)],
  ["Gamma", () => new D.Gamma(2.5, 2)],
  ["Gamma below 1", () => new D.Gamma(0.4, 2)],
  ["Chi2", () => new D.Chi2(4)],
  ["Beta", () => new D.Beta(2, 3)],
  ["StudentT", () => new D.StudentT(12, { loc: 1 })],
  ["FisherSnedecor", () => new D.FisherSnedecor(8, 30)],
  ["Weibull", () => new D.Weibull(1, 2)],
  ["Kumaraswamy", () => new D.Kumaraswamy(2, 3)],
  ["ContinuousBernoulli", () => new D.ContinuousBernoulli(0.2)],
  ["Bernoulli", () => new D.Bernoulli(0.3)],
  ["Geometric", () => new D.Geometric(0.3)],
  ["Binomial", () => new D.Binomial(7, 0.3)],
  ["Binomial by rejection", () => new D.Binomial(100, 0.7)],
  ["NegativeBinomial", () => new D.NegativeBinomial(4, 0.3)],
  ["Poisson", () => new D.Poisson(3)],
  ["Poisson by rejection", () => new D.Poisson(30)],
  ["Dirichlet", () => new D.Dirichlet(tensor([0.5, 2, 3]))],
  ["OneHotCategorical", () => new D.OneHotCategorical(tensor([1, 2, 1]))],
  ["Multinomial", () => new D.Multinomial(6, tensor([1, 2, 1]))],
  [
    "MultivariateNormal",
    () =>
      new D.MultivariateNormal(zeros(2), {
        covarianceMatrix: tensor([
          [2, 0.5],
          [0.5, 1],
        ]),
      }),
  ],
  ["MixtureSameFamily", () => new D.MixtureSameFamily(new D.Categorical(tensor([1, 3])), new D.Normal(tensor([-2, 2]), 1))],
];

describe("samples", () => {
  it.each(FAMILIES)("of %s have the mean and the variance that it states", (_, make) => {
    manualSeed(1);
    const d = make();
    const x = d.sample([N]).to("float64");
    const mean = d.mean.to("float64");
    const standardError = d.variance.to("float64").div(N).sqrt();
    expect(x.mean(0).sub(mean).abs().div(standardError).max().itemSync()).toBeLessThan(4.5);
    expect(x.var(0).div(d.variance.to("float64")).sub(1).abs().max().itemSync()).toBeLessThan(0.12);
    expect(x.requiresGrad).toBe(false);
  });

  it("of classes come as often as their probabilities say", () => {
    manualSeed(2);
    const drawn = new D.Categorical({ logits: tensor([0, 1, 2]) }).sample([N]);
    const share = drawn.eq(2).to("float64").mean().itemSync();
    expect(share).toBeCloseTo(Math.exp(2) / (1 + Math.E + Math.exp(2)), 1);
    expect(drawn.dtype).toBe("int32");
  });
});

/** The expected square under a distribution, by numbers and by the mean gradient of samples. */
function pathwise(make: (p: Tensor) => D.Distribution, at: number): readonly [number, number] {
  const second = (p: number): number => {
    const d = make(f64(p));
    return d.variance.add(d.mean.square()).itemSync();
  };
  const slope = (second(at + 1e-4) - second(at - 1e-4)) / 2e-4;
  const p = f64(at).requiresGrad_();
  const [gradient] = grad(make(p).rsample([N]).square().mean(), [p]);
  return [slope, gradient.itemSync()];
}

describe("gradients through samples", () => {
  it.each([
    ["Normal, scale", (p: Tensor) => new D.Normal(1, p), 0.7],
    ["LogNormal", (p: Tensor) => new D.LogNormal(p, 0.3), 0.2],
    ["Laplace", (p: Tensor) => new D.Laplace(0, p), 1.5],
    ["Gumbel", (p: Tensor) => new D.Gumbel(p, 1), 1.5],
    ["Uniform", (p: Tensor) => new D.Uniform(0, p), 2],
    ["Exponential", (p: Tensor) => new D.Exponential(p), 1.5],
    ["Gamma, concentration", (p: Tensor) => new D.Gamma(p, 1), 2.5],
    ["Gamma, a large concentration", (p: Tensor) => new D.Gamma(p, 1), 20],
    ["Beta", (p: Tensor) => new D.Beta(p, 2), 1.5],
    ["StudentT", (p: Tensor) => new D.StudentT(12, { scale: p }), 1.5],
    ["ContinuousBernoulli", (p: Tensor) => new D.ContinuousBernoulli(p), 0.3],
  ] as const)("are those of the expected value: %s", (_, make, at) => {
    manualSeed(3);
    const [slope, gradient] = pathwise(make, at);
    expect(gradient / slope).toBeGreaterThan(0.92);
    expect(gradient / slope).toBeLessThan(1.08);
  });

  it("follow PyTorch's derivative of gamma samples", () => {
    for (const [alpha, x, slope] of readGolden<{ standard_gamma_grad: number[][] }>("gamma-grad").standard_gamma_grad)
      expect(Math.abs(standardGammaGrad(alpha, x) - slope)).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(slope)));
  });

  it("reach the concentrations of a Dirichlet distribution", () => {
    manualSeed(4);
    const a = f64(1, 2, 3).requiresGrad_();
    const [gradient] = grad(new D.Dirichlet(a).rsample([N]).select(-1, 0).mean(), [a]);
    // d(a0 / sum) of 1, 2, 3
    [5 / 36, -1 / 36, -1 / 36].forEach((wanted, i) => expect(gradient.at(i).itemSync()).toBeCloseTo(wanted, 2));
  });

  it("pass through one-hot samples", () => {
    const logits = f64(0.1, 0.5, -1).requiresGrad_();
    const d = new D.OneHotCategoricalStraightThrough({ logits });
    const x = d.rsample();
    expect(x.sum().itemSync()).toBeCloseTo(1, 12);
    const [gradient] = grad(x.mul(f64(1, 2, 3)).sum(), [logits]);
    expect(gradient.abs().sum().itemSync()).toBeGreaterThan(0.1);
  });

  it("do not exist for samples of a discrete distribution", () => {
    expect(() => new D.Poisson(1).rsample()).toThrow("Poisson: rsample is not implemented for this distribution");
  });
});

describe("densities", () => {
  it.each(FAMILIES.slice(0, 16))("of %s integrate to the distribution function", (_, make) => {
    const d = make();
    const near = d.sample([1]).to("float64").itemSync();
    const x = linspace(near, near + 1e-3, 2, { dtype: "float64" });
    let [low, high] = [Number.NaN, Number.NaN];
    try {
      [low, high] = [...(d.cdf(x.float()).dataSync() as Float32Array)];
    } catch (error) {
      expect((error as Error).message).toContain("cdf is not implemented");
      return;
    }
    const density = d
      .logProb(tensor(near + 5e-4))
      .exp()
      .itemSync();
    expect(Math.abs((high - low) / 1e-3 - density)).toBeLessThan(0.02 * Math.max(1, density));
  });

  it("of discrete distributions sum to one", () => {
    for (const d of [new D.Binomial(9, 0.4), new D.Bernoulli(0.2), new D.Categorical(tensor([1, 2, 3]))]) {
      expect(d.logProb(d.enumerateSupport()).exp().sum().itemSync()).toBeCloseTo(1, 5);
    }
  });
});

describe("validation", () => {
  afterEach(() => D.setDefaultValidateArgs(true));

  it("refuses parameters outside of their region, in PyTorch's words", () => {
    expect(() => new D.Normal(tensor([0, 1]), tensor([1, -1]))).toThrow(
      "Expected parameter scale (Tensor of shape [2]) of distribution Normal(loc: [2], scale: [2]) to satisfy the constraint " +
        "GreaterThan(lower_bound=0.0), but found invalid values:\ntensor([ 1., -1.])",
    );
    expect(() => new D.Normal(Number.NaN, 1)).toThrow("to satisfy the constraint Real()");
    expect(() => new D.Bernoulli(1.5)).toThrow(
      "of distribution Bernoulli(probs: 1.5) to satisfy the constraint Interval(lower_bound=0.0, upper_bound=1.0)",
    );
    expect(() => new D.Geometric(0)).toThrow("to be positive, but found invalid values");
    expect(() => new D.Uniform(1, 1)).toThrow("Uniform is not defined when low >= high");
    expect(() => new D.Binomial(-1, 0.5)).toThrow("IntegerGreaterThan(lower_bound=0)");
    expect(() => new D.Dirichlet(tensor([1, 0]))).toThrow("IndependentConstraint(GreaterThan(lower_bound=0.0), 1)");
    expect(
      () =>
        new D.MultivariateNormal(zeros(2), {
          covarianceMatrix: tensor([
            [1, 2],
            [2, 1],
          ]),
        }),
    ).toThrow("PositiveDefinite()");
    expect(
      () =>
        new D.MultivariateNormal(zeros(2), {
          scaleTril: tensor([
            [1, 2],
            [2, 1],
          ]),
        }),
    ).toThrow("LowerCholesky()");
  });

  it("refuses values outside of the support", () => {
    expect(() => new D.Exponential(1).logProb(tensor(-1))).toThrow(
      "Expected value argument (Tensor of shape []) to be within the support (GreaterThanEq(lower_bound=0.0)) of the distribution " +
        "Exponential(rate: 1.0), but found invalid values:\ntensor(-1.)",
    );
    expect(() => new D.Categorical(ones(3)).logProb(tensor(3))).toThrow("IntegerInterval(lower_bound=0, upper_bound=2)");
    expect(() => new D.Bernoulli(0.5).logProb(tensor(0.5))).toThrow("Boolean()");
    expect(() => new D.OneHotCategorical(ones(3)).logProb(tensor([1, 1, 0]))).toThrow("OneHot()");
  });

  it("refuses shapes that do not fit", () => {
    for (const shape of [[-1], [1.5], 3 as never]) {
      expect(() => new D.Normal(zeros(2), ones(2)).sample(shape)).toThrow(
        "Normal: sample: expected a list of sizes that are integers of at least 0",
      );
    }
    const normal = new D.Normal(zeros(3), ones(3));
    expect(() => normal.logProb(zeros(2))).toThrow("Value is not broadcastable with batchShape+eventShape: [2] vs [3].");
    expect(() => new D.Dirichlet(ones(3)).logProb(zeros(2))).toThrow("The right-most size of value must match eventShape: [2] vs [3].");
    expect(() => new D.Categorical(tensor(1))).toThrow("`probs` parameter must be at least one-dimensional.");
    expect(() => new D.Bernoulli({ probs: 1, logits: 1 } as never)).toThrow("Either `probs` or `logits` must be specified, but not both.");
    expect(() => new D.Independent(normal, 2)).toThrow("Expected reinterpretedBatchNdims <= baseDist.batchShape.length, actual 2 vs 1");
  });

  it("is left out on demand", () => {
    expect(new D.Normal(0, -1, { validateArgs: false }).scale.itemSync()).toBe(-1);
    D.setDefaultValidateArgs(false);
    expect(new D.Exponential(1).logProb(tensor(-1)).itemSync()).toBe(1);
  });
});

describe("composed distributions", () => {
  it("expand without changing their densities", () => {
    for (const [, make] of FAMILIES) {
      const d = make();
      const wide = d.expand([2, 3]);
      expect([...wide.batchShape]).toEqual([2, 3]);
      const x = d.sample();
      expect(wide.logProb(x).sub(d.logProb(x)).abs().max().itemSync()).toBeLessThan(1e-5);
    }
  });

  it("take dimensions of a batch together", () => {
    const d = new D.Independent(new D.Normal(zeros(2, 3), ones(2, 3)), 1);
    expect([d.batchShape, d.eventShape]).toEqual([[2], [3]]);
    const x = randn(2, 3);
    expect(d.logProb(x).sub(new D.Normal(0, 1).logProb(x).sum(-1)).abs().max().itemSync()).toBeLessThan(1e-5);
    expect(d.toString()).toBe("Independent(Normal(loc: [2, 3], scale: [2, 3]), 1)");
    expect(inspect(d)).toBe(d.toString());
    expect(D.klDivergence(d, d).tolistSync()).toEqual([0, 0]);
  });

  it("squash policies as SAC does, and go back exactly with a cache", () => {
    const squash = new transforms.TanhTransform({ cacheSize: 1 });
    const policy = new D.TransformedDistribution(new D.Normal(zeros(4), ones(4).mul(5)), squash);
    manualSeed(5);
    const action = policy.rsample();
    expect(Number.isFinite(policy.logProb(action).sum().itemSync())).toBe(true);
    expect(squash.inv.forward(action)).toBe(squash.inv.forward(action));
  });

  it("turn round where a transform falls", () => {
    const d = new D.TransformedDistribution(new D.Exponential(1), new transforms.AffineTransform(0, -1));
    expect(d.cdf(tensor(-1)).itemSync()).toBeCloseTo(Math.exp(-1), 6);
    expect(d.icdf(tensor(Math.exp(-1))).itemSync()).toBeCloseTo(-1, 5);
  });
});

describe("klDivergence", () => {
  it("takes the pair of the nearest classes", () => {
    class Mine extends D.Normal {}
    D.registerKl(Mine, D.Normal, () => tensor(42));
    expect(D.klDivergence(new Mine(0, 1), new D.Normal(0, 1)).itemSync()).toBe(42);
    expect(D.klDivergence(new D.Normal(0, 1), new Mine(0, 1)).itemSync()).toBe(0);
  });

  it("says which classes have none", () => {
    expect(() => D.klDivergence(new D.Normal(0, 1), new D.Poisson(1))).toThrow(
      "No KL(p || q) is implemented for p type Normal and q type Poisson",
    );
  });
});

describe("bijectTo and transformTo", () => {
  it.each([
    ["positive", constraints.positive, [3]],
    ["a bound below", constraints.greaterThan(2), [3]],
    ["a bound above", constraints.lessThan(-1), [3]],
    ["an interval", constraints.interval(-1, 4), [3]],
    ["the unit interval", constraints.unitInterval, [3]],
    ["a simplex", constraints.simplex, [3]],
    ["vectors", constraints.realVector, [3]],
    ["factors of correlations", constraints.corrCholesky, [3]],
    ["parts", constraints.cat([constraints.positive, constraints.real], -1, [1, 2]), [3]],
    ["slices", constraints.stack([constraints.positive, constraints.real, constraints.unitInterval], -1), [3]],
  ] as const)("reach %s", (_, region, shape) => {
    manualSeed(6);
    const x = randn([...shape], { dtype: "float64" });
    for (const find of [D.bijectTo, D.transformTo]) expect(region.check(find(region).forward(x)).all().itemSync()).toBe(1);
    const there = D.bijectTo(region);
    expect(there.inv.forward(there.forward(x)).sub(x).abs().max().itemSync()).toBeLessThan(1e-9);
  });

  it("reach triangular factors", () => {
    const factor = D.transformTo(constraints.lowerCholesky).forward(randn(3, 3));
    expect(constraints.lowerCholesky.check(factor).itemSync()).toBe(1);
    expect(constraints.positiveDefinite.check(factor.matmul(factor.t()).add(eye(3))).itemSync()).toBe(1);
  });

  it("refuse whole numbers", () => {
    expect(() => D.bijectTo(constraints.nonnegativeInteger)).toThrow("Cannot transform IntegerGreaterThan(lower_bound=0) constraints");
  });
});

describe("parts of a whole", () => {
  it("of tiny concentrations are numbers that add up to 1", () => {
    manualSeed(0);
    const parts = new D.Dirichlet(tensor([1e-5, 1e-5, 1e-5])).sample([50]);
    expect(parts.sum(-1).sub(1).abs().max().itemSync()).toBeLessThan(1e-6);
    expect(new D.Beta(1e-5, 1e-5).sample([50]).isnan().sum().itemSync()).toBe(0);
  });
});
