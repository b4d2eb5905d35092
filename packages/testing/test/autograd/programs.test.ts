import "@sconce/backend-cpu";
import "@sconce/autograd";
import { describe, expect, it } from "vitest";
import { type OpInfo, readCases, readDocument } from "../../src/golden.js";
import { type Program, ProgramRunner } from "../../src/programs.js";

const runner = new ProgramRunner("cpu", await readDocument<{ [op: string]: OpInfo }>("ops/ops.json"));
const areas = ["engine", "views_inplace", "random_graphs"] as const;
const programs = Object.fromEntries(
  await Promise.all(areas.map(async (area) => [area, await readCases<Program>("programs", area)] as const)),
);

/** PyTorch refuses what its tape can no longer compute; here the tape kept the values. */
const RIGHT_ANYWAY = /modified by an inplace operation/;

describe.each(areas)("programs of area %s", (area) => {
  for (const program of programs[area]) {
    const refused = program.error !== undefined && !RIGHT_ANYWAY.test(program.error.message);
    if (program.error !== undefined && !refused) {
      it(`runs ${program.id}, which PyTorch refuses`, () => {
        const run = runner.start(program);
        expect(() => program.steps.forEach((step) => void run.step(step))).not.toThrow();
      });
      continue;
    }
    it(`${refused ? "refuses" : "runs"} ${program.id}`, async () => {
      const error = await runner.run(program);
      expect(error instanceof Error).toBe(refused);
    });
  }
});
