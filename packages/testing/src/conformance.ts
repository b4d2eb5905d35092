import type { Device } from "@sconce/core";
import { afterAll, describe, expect, it } from "vitest";
import { formatReport, isRight, type KeyResult } from "./report.js";
import { type Skip, Suite } from "./suite.js";

/** What a device's conformance run demands. */
export interface ConformanceOptions {
  /** Cases left out, each with its reason. */
  readonly skip?: readonly Skip[];
  /** Keys that must be fully right. */
  readonly required: readonly string[];
  /** Keys that were right before and must stay so. */
  readonly passing: readonly string[];
  /** Gets the results of all keys at the end, for example to record those that pass. */
  readonly onResults?: (results: readonly KeyResult[]) => void | Promise<void>;
}

/**
 * Registers the golden cases as tests of a device: one test for each key that is required or was right before. Every other key runs too,
 * is counted in the table that is printed at the end, and is named there if it turns out right, so that it can be recorded.
 * @example
 * await conformance("webgpu", { required: [], passing, skip: [{ reason: "no float64 on GPUs", cases: ["cumsum/float64*"] }] });
 */
export async function conformance(device: Device, options: ConformanceOptions): Promise<void> {
  const suite = await Suite.load(device, options.skip);
  const entries = new Map(suite.entries().map((entry) => [entry.key, entry]));
  const demanded = [...new Set([...options.required, ...options.passing])];
  const results: KeyResult[] = [];
  const run = async (key: string): Promise<KeyResult> => {
    const entry = entries.get(key);
    if (entry === undefined) throw new Error(`there is no key ${key}`);
    const result = await entry.run();
    if (result.cases > 0) results.push(result);
    return result;
  };
  describe(`PyTorch's golden cases on ${device}`, () => {
    for (const key of demanded) it(key, async () => expectRight(await run(key)));
    it("runs every other key to its end", { timeout: SURVEY_TIMEOUT }, async () => {
      const before = results.length;
      const rest = [...entries.keys()].filter((key) => !demanded.includes(key));
      let empty = 0;
      for (const key of rest) if ((await run(key)).cases === 0) empty++;
      expect(results.length - before + empty).toBe(rest.length);
    });
    afterAll(async () => {
      const fresh = results.filter((result) => isRight(result) && !demanded.includes(result.key)).map(({ key }) => key);
      console.log(formatReport(results));
      if (fresh.length > 0) console.log(`right, but not on record: ${fresh.join(" ")}`);
      await options.onResults?.(results);
    });
  });
}

const SURVEY_TIMEOUT = 300_000;

function expectRight(result: KeyResult): void {
  if (isRight(result)) return;
  throw new Error(`${result.passed} of ${result.cases} right\n${[...result.wrong, ...result.missing].join("\n")}`);
}
