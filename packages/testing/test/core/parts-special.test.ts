import { cpuBackend, dense, special } from "@sconce/backend-cpu/parts";
import { NotSupportedError, registerBackend, tensor } from "@sconce/core";
import { describe, expect, it } from "vitest";

// A file of its own: the functions stay once a backend has brought them.
describe("a CPU backend without special functions", () => {
  it("names their part until one brings them", () => {
    registerBackend(cpuBackend([dense]));
    expect(() => tensor([0.5]).lgamma().dataSync()).toThrow(NotSupportedError);
    expect(() => tensor([0.5]).erfinv().dataSync()).toThrow("give cpuBackend the part `special` too");
    expect(tensor([0.5]).erf().itemSync()).toBeCloseTo(0.5205, 4);
    registerBackend(cpuBackend([dense, special]));
    expect(tensor([0.5]).lgamma().itemSync()).toBeCloseTo(0.5724, 4);
  });
});
