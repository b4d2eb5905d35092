import type { BackendState } from "@sconce-apps/page/backends";
import { describe, expect, it } from "vitest";
import { jobsOf } from "./jobs.js";
import { defaults, formatHash, parseHash } from "./settings.js";

describe("a link", () => {
  it("carries all settings there and back", () => {
    const settings = { suites: ["matmul", "cnn"], devices: ["cpu", "webgl"], peers: ["tfjs"], threads: [1, 2], budget: 250 };
    expect(parseHash(formatHash(settings))).toEqual({ settings, problems: [] });
    expect(parseHash(formatHash(defaults))).toEqual({ settings: defaults, problems: [] });
  });

  it("leaves what it does not name as usual, and says what cannot be had", () => {
    const { settings, problems } = parseHash("#suites=mlp,startup&devices=tpu&threads=0&budget=fast");
    expect(settings).toEqual({ ...defaults, suites: ["mlp"], devices: [] });
    expect(problems).toEqual([
      "The link asks for the number of threads “0”, which this page does not have.",
      "The link asks for the time in milliseconds “fast”, which this page does not have.",
      "The link asks for the suite “startup”, which this page does not have.",
      "The link asks for the backend “tpu”, which this page does not have.",
    ]);
  });
});

describe("jobsOf", () => {
  const backends: BackendState[] = [
    { name: "cpu", missing: null, detail: null },
    { name: "webgpu", missing: "no adapter", detail: null },
    { name: "webgl", missing: null, detail: null },
  ];
  const settings = { ...defaults, suites: ["mlp"], threads: [] };

  it("skips devices that are missing, and asks only the CPU for threads", () => {
    const places = (threads: readonly number[]): string[] =>
      jobsOf({ ...settings, threads }, backends, 4).map((job) => `${job.device} ${job.threads}`);
    expect(places([])).toEqual(["cpu 4", "webgl 1"]);
    expect(places([1, 2])).toEqual(["cpu 1", "cpu 2", "webgl 1"]);
    expect(places([2, 8, 16])).toEqual(["cpu 2", "cpu 4", "webgl 1"]);
  });
});
