import "@sconce/autograd";
import "@sconce/backend-cpu";
import "@sconce/backend-webgpu";
import { init } from "@sconce/core";
import { describe, expect, inject, it } from "vitest";
import { isRight, Suite } from "../../src/index.js";
import { SKIPPED } from "../conformance/skipped.js";
import { startDevice } from "./start.js";

declare module "vitest" {
  interface ProvidedContext {
    /** `full` for all golden keys. */
    conformance: string;
  }
}

/** Golden keys that are right on WebGPU, but for the cases of dtypes that it lacks. */
async function keysOnRecord(): Promise<string[]> {
  const url = new URL("passing.json", import.meta.url);
  if (url.protocol !== "file:") return (await fetch(url)).json() as Promise<string[]>;
  const { readFile } = await import("node:fs/promises");
  return JSON.parse(await readFile(url, "utf8")) as string[];
}

/** Keys whose kernels are this backend's own, and the everyday optimizers. */
const OWN =
  /^(ops\/(matmul|addmm|bmm|nn\.functional\.(conv\d?d?|conv_transpose2d|max_pool2d|avg_pool2d|cross_entropy|nll_loss|embedding)|gather|scatter|scatter_add|index_select|index_add|cumsum|cummax|sort|argmax|softmax|log_softmax|cat|sum|prod|amax|tanh|pow|floor_divide|remainder)|modules\/(Linear|Conv2d|BatchNorm2d|LayerNorm|CrossEntropyLoss|LSTM)|optim\/(SGD|Adam|LBFGS))$/;

/** A software adapter takes minutes for all keys: `SCONCE_CONFORMANCE=full` runs them, else every tenth and those with kernels of their own. */
const passing = await keysOnRecord();
const chosen = inject("conformance") === "full" ? passing : passing.filter((key, i) => i % 10 === 0 || OWN.test(key));

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
