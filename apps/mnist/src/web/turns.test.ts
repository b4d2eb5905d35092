import { describe, expect, it } from "vitest";
import { Turns } from "./turns.js";

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

describe("Turns", () => {
  it("runs long tasks one after another, and small ones between the steps of a long one", async () => {
    const turns = new Turns();
    const seen: string[] = [];
    const long = turns.take(async () => {
      for (let i = 0; i < 3; i++) {
        seen.push(`step ${i}`);
        await pause();
        await turns.letIn();
      }
    });
    const next = turns.take(async () => void seen.push("next"));
    const small = turns.slipIn(async () => {
      await pause();
      seen.push("small");
      return 5;
    });
    expect(await small).toBe(5);
    await Promise.all([long, next]);
    expect(seen).toEqual(["step 0", "small", "step 1", "step 2", "next"]);
  });

  it("goes on after a task that fails, and hands the failure on", async () => {
    const turns = new Turns();
    await expect(turns.take(() => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await turns.take(async () => 1)).toBe(1);
    expect(await turns.slipIn(async () => 2)).toBe(2);
  });
});
