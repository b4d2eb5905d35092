import "@sconce/backend-cpu";
import "@sconce/autograd";
import { describe, expect, it } from "vitest";
import { BatchedRunner } from "../../src/batched.js";
import { keyOf, type OpCase, type OpInfo, readDocument, readGroup, Unsupported } from "../../src/index.js";

/** Results whose shape depends on the elements, or arguments that must be read: PyTorch's vmap refuses them too. */
const DATA_DEPENDENT = new Set([
  "argwhere",
  "bincount",
  "histogram",
  "index_put",
  "masked_select",
  "narrow",
  "nn.functional.ctc_loss",
  "nonzero",
  "tensor_split",
  "unique",
  "unique_consecutive",
]);

/** Offsets in reverse order are no offsets. */
const NOT_REVERSIBLE = new Set(["nn.functional.embedding_bag"]);

const CASES_PER_KEY = 2;

/** What vmap says of such an op, and of one that draws random numbers. */
const REFUSAL = /not possible inside of vmap|randomness error mode/;

const runner = new BatchedRunner("cpu", await readDocument<{ [op: string]: OpInfo }>("ops/ops.json"));
const byKey = new Map<string, OpCase[]>();
for (const c of await readGroup<OpCase>("ops")) {
  if (c.dtype === "complex64") continue;
  const cases = byKey.get(keyOf(c)) ?? [];
  if (cases.length < CASES_PER_KEY || keyOf(c) === "nanquantile") byKey.set(keyOf(c), [...cases, c]);
}

/** What became of the cases of a key: how many agree, and the first that does not. */
async function outcome(cases: readonly OpCase[]): Promise<{ readonly agree: number; readonly first: string | null }> {
  let agree = 0;
  for (const c of cases) {
    try {
      if (await runner.run(c)) agree++;
    } catch (error) {
      if (error instanceof Unsupported) continue;
      return { agree, first: `${c.id}: ${(error as Error).message}` };
    }
  }
  return { agree, first: null };
}

describe("PyTorch's sample inputs inside of vmap", () => {
  it("give two examples at once what each gives alone, with gradients", async () => {
    const wrong: string[] = [];
    const refused: string[] = [];
    let agree = 0;
    for (const [key, cases] of byKey) {
      if (NOT_REVERSIBLE.has(key)) continue;
      const found = await outcome(cases);
      agree += found.agree;
      if (found.first !== null) (REFUSAL.test(found.first) ? refused : wrong).push(found.first);
    }
    expect(wrong).toEqual([]);
    expect(refused.length).toBeLessThan(DATA_DEPENDENT.size + 10);
    expect(agree).toBeGreaterThan(700);
  });

  it("are refused where a result depends on elements", async () => {
    const surprising: string[] = [];
    for (const key of DATA_DEPENDENT) {
      const { first } = await outcome(byKey.get(key) ?? []);
      if (first === null || !/not possible inside of vmap/.test(first)) surprising.push(`${key}: ${first}`);
    }
    expect(surprising).toEqual([]);
  });
});
