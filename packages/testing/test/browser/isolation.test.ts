import { describe, expect, it } from "vitest";

describe("the test page", () => {
  it("is cross-origin isolated, so WebAssembly memories can be shared", () => {
    expect(globalThis.crossOriginIsolated).toBe(true);
    expect(new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }).buffer).toBeInstanceOf(SharedArrayBuffer);
  });
});
