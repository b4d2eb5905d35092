import { describe, expect, it } from "vitest";
import { helpersOf } from "./helpers.js";

const nameOf = (text: string): string => /\b(sc_\w+)\(/.exec(text)![1];

describe("the helper functions of a kernel", () => {
  it("come before their callers, each once", () => {
    const names = helpersOf("float y = sc_tanh(sc_exp(x));", {}).map(nameOf);
    expect(names.slice(-2)).toEqual(["sc_exp", "sc_tanh"]);
    expect(new Set(names).size).toBe(names.length);
    expect(names.indexOf("sc_pow2")).toBeLessThan(names.indexOf("sc_exp"));
  });

  it("are a backend's own before the shared ones", () => {
    const own = { sc_exp: "float sc_exp(float x) { return sc_own(x); }", sc_own: "float sc_own(float x) { return exp(x); }" };
    expect(helpersOf("sc_exp(x)", own)).toEqual([own.sc_own, own.sc_exp]);
  });
});
