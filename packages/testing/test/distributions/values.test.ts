import "@sconce/backend-cpu";
import "@sconce/autograd";
import { grad } from "@sconce/autograd";
import { manualSeed, type Tensor } from "@sconce/core";
import { type Distribution, klDivergence, transforms, Uniform } from "@sconce/distributions";
import { describe, expect, it } from "vitest";
import { expectGolden, type Golden, type Made, make, readGolden, tensorOf } from "./golden.js";

interface Case extends Made {
  readonly value: Golden;
  readonly prob: Golden | null;
  readonly batch_shape: readonly number[];
  readonly event_shape: readonly number[];
  readonly has_rsample: boolean;
  readonly log_prob: Golden;
  readonly grad_log_prob?: readonly (Golden | null)[];
  readonly grad_entropy?: readonly (Golden | null)[];
  readonly sample: Golden;
  readonly [name: string]: unknown;
}

const { cases, kl } = readGolden<{ cases: Case[]; kl: { p: Made; q: Made; kl: Golden }[] }>("distributions");
const titled = cases.map((c, i) => [`${c.dist} #${i}`, c] as const);

const PLAIN = ["entropy", "mean", "mode", "variance", "stddev", "cdf", "icdf", "enumerate_support"] as const;

/** PyTorch takes the logarithm of the factorial in the entropy of a multinomial distribution in float32. */
const toleranceOf = (c: Case, name: string): number => (c.dist === "Multinomial" && name === "entropy" ? 5e-7 : 1e-9);

function evaluate(d: Distribution, name: (typeof PLAIN)[number], c: Case): Tensor {
  switch (name) {
    case "entropy":
      return d.entropy();
    case "cdf":
      return d.cdf(tensorOf(c.value));
    case "icdf":
      return d.icdf(tensorOf(c.prob as Golden));
    case "enumerate_support":
      return d.enumerateSupport();
    default:
      return d[name];
  }
}

describe("distributions give PyTorch's values", () => {
  it.each(titled)("%s", (_, c) => {
    const [d] = make(c);
    expect([d.batchShape, d.eventShape, d.hasRsample]).toEqual([c.batch_shape, c.event_shape, c.has_rsample]);
    expectGolden(d.logProb(tensorOf(c.value)), c.log_prob, 1e-9, "logProb");
    for (const name of PLAIN) {
      const golden = c[name] as Golden | null | undefined;
      if (golden != null) expectGolden(evaluate(d, name, c), golden, toleranceOf(c, name), name);
    }
  });
});

describe("distributions give PyTorch's gradients", () => {
  it.each(titled)("%s", (_, c) => {
    for (const [name, goldens] of Object.entries({ logProb: c.grad_log_prob, entropy: c.grad_entropy })) {
      if (goldens === undefined) continue;
      const [d, leaves] = make(c, "float64", true);
      const value = name === "logProb" ? d.logProb(tensorOf(c.value)) : d.entropy();
      const grads = grad(value.sum(), leaves, { allowUnused: true });
      goldens.forEach((golden, i) => {
        const actual = grads[i];
        if (golden !== null && actual != null) expectGolden(actual, golden, 1e-8, `gradient ${i} of ${name}`);
        else expect([golden, actual ?? null], `gradient ${i} of ${name}`).toEqual([null, null]);
      });
    }
  });
});

describe("distributions draw PyTorch's samples for the same seed", () => {
  it.each(titled)("%s", (_, c) => {
    const [d] = make(c, "float32");
    manualSeed(7);
    expectGolden(d.sample([4]), c.sample, 2e-5, "sample");
  });
});

/** PyTorch calls this divergence infinite where the intervals have an end in common. */
const ends = ({ p, q }: { p: Made; q: Made }): boolean => p.dist === "ContinuousBernoulli" && q.dist === "Uniform";

describe("klDivergence", () => {
  it("is finite for a uniform distribution over the same interval", () => {
    const [p] = make({ dist: "ContinuousBernoulli", args: [], kwargs: { probs: { shape: [], data: [0.3] } } });
    // The density is one everywhere: what is left is the entropy.
    expect(klDivergence(p, new Uniform(0, 1)).itemSync()).toBeCloseTo(-p.entropy().itemSync(), 6);
  });

  it.each(kl.filter((c) => !ends(c)).map((c) => [`${c.p.dist} || ${c.q.dist}`, c] as const))("%s", (_, c) => {
    expectGolden(klDivergence(make(c.p)[0], make(c.q)[0]), c.kl, 1e-9, "divergence");
  });
});

interface TransformCase {
  readonly name: string;
  readonly args: readonly number[];
  readonly x: Golden;
  readonly y: Golden;
  readonly back: Golden;
  readonly ldj: Golden | null;
}

describe("transforms", () => {
  it.each(readGolden<{ transforms: TransformCase[] }>("transforms").transforms.map((c) => [c.name, c] as const))("%s", (name, c) => {
    const Class = (transforms as unknown as { [name: string]: new (...args: readonly number[]) => transforms.Transform })[name];
    const transform = new Class(...c.args);
    const [x, y] = [tensorOf(c.x), tensorOf(c.y)];
    expectGolden(transform.forward(x), c.y, 1e-12, "image");
    expectGolden(transform.inv.forward(y), c.back, 1e-12, "inverse");
    if (c.ldj !== null) {
      expectGolden(transform.logAbsDetJacobian(x, y), c.ldj, 1e-12, "Jacobian");
      expectGolden(transform.inv.logAbsDetJacobian(y, x).neg(), c.ldj, 1e-12, "Jacobian of the inverse");
    } else expect(() => transform.logAbsDetJacobian(x, y)).toThrow("is not defined");
  });
});
