import { describe, expect, it } from "vitest";
import { defaults, formatHash, parseHash, type Settings } from "./settings.js";

describe("the settings in a link", () => {
  it("come back as they were", () => {
    const settings: Settings = {
      device: "webgpu",
      model: "lenet",
      optimizer: "sgd",
      lr: 0.05,
      batch: 128,
      epochs: 3,
      images: 6000,
      seed: 7,
    };
    expect(parseHash(formatHash(settings))).toEqual({ settings, problems: [] });
  });

  it("are the usual ones where the link says nothing", () => {
    expect(parseHash("")).toEqual({ settings: defaults, problems: [] });
    expect(parseHash("#utm_source=elsewhere").problems).toEqual([]);
  });

  it("bring the usual learning rate of their optimizer", () => {
    expect(parseHash("#optimizer=sgd").settings.lr).toBe(0.01);
    expect(parseHash("#optimizer=sgd&lr=0.3").settings.lr).toBe(0.3);
  });

  it.each([
    ["model=toString", "model"],
    ["device=tpu", "backend"],
    ["lr=-1", "learning rate"],
    ["lr=", "learning rate"],
    ["lr=NaN", "learning rate"],
    ["batch=0", "batch size"],
    ["batch=1.5", "batch size"],
    ["images=60001", "training images"],
    ["epochs=1e3", "epochs"],
    ["seed=-3", "seed"],
  ])("are refused in words: %s", (hash, label) => {
    const { settings, problems } = parseHash(`#${hash}`);
    expect(settings).toEqual(defaults);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`the ${label} “${hash.split("=")[1]}”`);
  });
});
