import "@sconce/backend-cpu";
import "@sconce/autograd";
import { gradcheck, gradgradcheck } from "@sconce/autograd";
import { grad, jvp, vmap } from "@sconce/autograd/func";
import { stack, type Tensor } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { type Chain, chainOf } from "../../src/chains.js";

const chains = Array.from({ length: 300 }, (_, seed) => chainOf(seed));

/** The seeds and steps of the chains for which a check throws. */
function failures(list: readonly Chain[], check: (chain: Chain) => unknown): string[] {
  return list.flatMap((chain) => {
    try {
      check(chain);
      return [];
    } catch (error) {
      return [`${chain.text}: ${(error as Error).message.slice(0, 300)}`];
    }
  });
}

/** One number of a result, no part of which cancels another. */
const total = (y: Tensor): Tensor => y.sin().mul(y.detach().mul(0).add(1).cumsum(0)).sum();

describe("300 random compositions", () => {
  it("have the gradients that differences see", () => {
    expect(failures(chains, ({ run, inputs }) => gradcheck(run, inputs, { atol: 1e-4 }))).toEqual([]);
  }, 60_000);

  it("have second derivatives, every tenth of them", () => {
    const some = chains.filter((_, i) => i % 10 === 0);
    expect(failures(some, ({ run, inputs }) => gradgradcheck(run, inputs, { atol: 1e-4, eps: 1e-5 }))).toEqual([]);
  }, 60_000);

  it("have derivatives in a direction that agree with their gradients", () => {
    const check = ({ run, inputs: [x, other] }: Chain): void => {
      const fn = (y: Tensor): Tensor => total(run(y, other.detach()));
      const direction = x.detach().cos();
      const [, slope] = jvp(fn, [x.detach()], [direction]);
      const expected = grad(fn)(x.detach()).mul(direction).sum();
      if (!slope.allcloseSync(expected, { rtol: 1e-8, atol: 1e-10 })) throw new Error(`${slope} and ${expected}`);
    };
    expect(failures(chains, check)).toEqual([]);
  }, 60_000);

  it("do the same to two examples at once, with their gradients", () => {
    const check = ({ run, inputs: [x, other] }: Chain): void => {
      const one = x.detach();
      const examples = stack([one, one.mul(0.9).add(0.03)]);
      const fn = (y: Tensor): Tensor => total(run(y, other.detach()));
      const slopes = vmap(grad(fn))(examples);
      for (const i of [0, 1]) {
        const expected = grad(fn)(examples.select(0, i));
        if (!slopes.select(0, i).allcloseSync(expected, { rtol: 1e-8, atol: 1e-10 })) throw new Error(`example ${i}`);
      }
    };
    expect(failures(chains, check)).toEqual([]);
  }, 60_000);
});
