import "@sconce/backend-cpu";
import "@sconce/backend-webgpu";
import { readFileSync } from "node:fs";
import { init } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { isRight, Suite } from "../../src/index.js";
import { SKIPPED } from "../conformance/skipped.js";
import { startDevice } from "./start.js";

/** Golden keys that are fully right on WebGPU, but for the cases of dtypes that it lacks. */
const passing = JSON.parse(readFileSync(new URL("passing.json", import.meta.url), "utf8")) as string[];

/** A software adapter takes minutes for all keys: `SCONCE_CONFORMANCE=full` runs them, else every tenth and the everyday optimizers. */
const everyday = new Set([
  "optim/SGD",
  "optim/Adam",
  "modules/Linear",
  "modules/Conv2d",
  "modules/BatchNorm2d",
  "modules/CrossEntropyLoss",
]);
const chosen = process.env.SCONCE_CONFORMANCE === "full" ? passing : passing.filter((key, i) => i % 10 === 0 || everyday.has(key));

const available = (await startDevice()) !== null;
if (available) await init("webgpu");

describe.skipIf(!available)("PyTorch's golden cases on WebGPU", async () => {
  const suite = available ? await Suite.load("webgpu", SKIPPED) : null;
  const entries = new Map((suite?.entries() ?? []).map((entry) => [entry.key, entry]));
  for (const key of chosen) {
    it(key, async () => {
      const result = await entries.get(key)!.run();
      // Cases of dtypes that the device lacks are told apart from wrong ones.
      expect(result.wrong).toEqual([]);
      expect(result.missing.filter((why) => !/dtype (float64|int64|complex\d+)$/.test(why))).toEqual([]);
      expect(result.passed).toBeGreaterThan(0);
      expect(isRight(result) || result.missing.length > 0).toBe(true);
    });
  }
});
