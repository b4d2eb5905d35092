import "@sconce/backend-cpu";
import { tensor, ValueError } from "@sconce/core";
import { Adam, lrScheduler, SGD } from "@sconce/optim";
import { describe, expect, it } from "vitest";
import "@sconce/autograd";

const optimizer = (): SGD => new SGD([tensor([1], { requiresGrad: true })], { lr: 1 });

describe("optimizers and schedulers given nonsense", () => {
  it.each([0, -1, 1.5, Number.NaN, undefined])("StepLR refuses a step of %s epochs", (stepSize) => {
    expect(() => new lrScheduler.StepLR(optimizer(), stepSize as number)).toThrow(ValueError);
  });

  it("a rate that would become NaN is refused and the old one kept", () => {
    const o = optimizer();
    const scheduler = new lrScheduler.CosineAnnealingLR(o, 0);
    expect(() => scheduler.step()).toThrow(/learning rate in epoch 1, got NaN/);
    expect(o.paramGroups[0].lr).toBe(1);
    expect(() => new lrScheduler.LambdaLR(optimizer(), () => Number.NaN)).toThrow(ValueError);
  });

  it("what holds no parameters is refused", () => {
    for (const params of [[1], [null], [{}], ["w"], undefined, 3]) expect(() => new Adam(params as never)).toThrow(ValueError);
  });

  it("what is no state is refused and the own one kept", () => {
    const o = optimizer();
    for (const state of [{}, null, undefined, { param_groups: [] }, { state: {}, param_groups: 3 }]) {
      expect(() => o.loadStateDict(state as never)).toThrow(ValueError);
    }
    expect(o.paramGroups[0].lr).toBe(1);
  });
});
