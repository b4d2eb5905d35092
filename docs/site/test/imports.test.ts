import { describe, expect, it } from "vitest";
import { EXAMPLES } from "../src/examples.js";
import { withoutImports } from "../src/imports.js";

describe("imports of the playground", () => {
  it("become reads of the modules, on as many lines", () => {
    expect(withoutImports('import { a, b as c } from "sconce";\nc(a);')).toBe('const { a, b: c } = modules["sconce"];\nc(a);');
    expect(withoutImports('import * as F from "sconce/nn";')).toBe('const F = modules["sconce/nn"];');
    expect(withoutImports('import {\n  a,\n} from "sconce";\na;').split("\n").length).toBe(4);
  });

  it("of other modules are refused", () => {
    expect(() => withoutImports('import { x } from "fs";')).toThrow('got "fs"');
  });

  it("leave no declaration in any example", () => {
    for (const code of Object.values(EXAMPLES)) expect(withoutImports(code)).not.toMatch(/^\s*import\b/m);
  });
});
