import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { isRight, Suite } from "../../src/index.js";
import { SKIPPED } from "./skipped.js";
import { useVariant, type Variant } from "./variants.js";

const passing = new Set(JSON.parse(readFileSync(new URL("passing.json", import.meta.url), "utf8")) as string[]);

/** One key in so many runs here; `SCONCE_VARIANT` runs them all in `cpu.test.ts`. */
const EVERY = 20;

const suite = await Suite.load("cpu", SKIPPED);
const sample = suite.entries().filter(({ key }, i) => passing.has(key) && i % EVERY === 0);

const WAYS: readonly (readonly [Variant, string])[] = [
  ["eager", "without fusion"],
  ["reference", "on the plain twins of the kernels"],
];

describe("a sample of PyTorch's golden cases is right", () => {
  it.each(WAYS)(
    "%s: %s",
    async (variant) => {
      useVariant(variant);
      expect(sample.length).toBeGreaterThan(70);
      const wrong: string[] = [];
      for (const entry of sample) {
        const result = await entry.run();
        if (!isRight(result)) wrong.push(`${entry.key}: ${[...result.wrong, ...result.missing][0]}`);
      }
      expect(wrong).toEqual([]);
    },
    120_000,
  );
});
