import "@sconce/backend-cpu";
import "@sconce/backend-webgl";
import { init } from "@sconce/core";
import { describe, expect, inject, it } from "vitest";
import { Suite } from "../../src/index.js";
import { SKIPPED } from "../conformance/skipped.js";
import { UNSUPPORTED } from "./unsupported.js";

declare module "vitest" {
  interface ProvidedContext {
    /** `full` runs all golden cases. */
    conformance: string;
  }
}

/** Golden keys that are fully right on WebGL, but for the cases of dtypes that it lacks. */
const passing = (await (await fetch(new URL("passing.json", import.meta.url))).json()) as string[];

/** A software renderer takes many minutes for all keys: `SCONCE_CONFORMANCE=full` runs them, else every tenth and the everyday ones. */
const everyday = new Set([
  "optim/SGD",
  "optim/Adam",
  "modules/Linear",
  "modules/Conv2d",
  "modules/BatchNorm2d",
  "modules/MaxPool2d",
  "modules/Embedding",
  "modules/CrossEntropyLoss",
]);
const chosen = inject("conformance") === "full" ? passing : passing.filter((key, i) => i % 10 === 0 || everyday.has(key));

await init("webgl");
const suite = await Suite.load("webgl", SKIPPED);
const entries = new Map(suite.entries().map((entry) => [entry.key, entry]));

const LACKING = /dtype (float64|int64|float16|bfloat16|int8|int16|complex\d+)$/;

describe("PyTorch's golden cases on WebGL", { timeout: 300_000 }, () => {
  for (const key of chosen) {
    it(key, async () => {
      const result = await entries.get(key)!.run();
      // Cases of dtypes that the device lacks are told apart from wrong ones.
      expect(result.wrong).toEqual([]);
      expect(result.missing.filter((why) => !LACKING.test(why))).toEqual([]);
      expect(result.passed).toBeGreaterThan(0);
    });
  }
});

describe("what WebGL cannot do is refused", { timeout: 300_000 }, () => {
  for (const { reason, keys, error } of UNSUPPORTED)
    for (const key of keys)
      it(`${key}: ${reason}`, async () => {
        const { wrong, missing } = await entries.get(key)!.run();
        expect([...wrong, ...missing].length).toBeGreaterThan(0);
        for (const why of wrong) expect(why).toMatch(error);
        for (const why of missing) expect(why).toMatch(LACKING);
      });
});
