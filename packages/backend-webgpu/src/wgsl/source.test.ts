import { describe, expect, it } from "vitest";
import { Source } from "./source.js";

describe("the text that combines the lanes of a workgroup", () => {
  const print = (shuffles: boolean, subgroups: boolean): string => {
    const source = new Source(64);
    source.add("var total = 1.0;", ...source.joinLanes("total", (x, y) => `${x} + ${y}`, shuffles));
    return source.text("workgroup", subgroups);
  };

  it("shuffles in subgroups where there are any, and asks for them", () => {
    const text = print(true, true);
    expect(text).toMatch(/^enable subgroups;\nrequires subgroup_id;\n/);
    expect(text).toContain("total = total + subgroupShuffleXor(total, hop);");
    expect(text).not.toContain("half");
  });

  it("halves without them, and for truth values, which cannot be shuffled", () => {
    for (const text of [print(true, false), print(false, true)]) {
      expect(text).not.toContain("subgroup");
      expect(text).toContain("scratch[lane] = scratch[lane] + scratch[lane + half];");
    }
  });
});
