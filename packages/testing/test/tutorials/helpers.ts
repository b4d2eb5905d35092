import { createCpuBackend } from "@sconce/backend-cpu";
import { registerBackend, type Tensor } from "sconce";
import { expect } from "vitest";

/** The elements as nested arrays. */
export const list = (x: Tensor | null | undefined): unknown => x?.tolistSync();

/** Checks every element to `digits` decimals. */
export function expectClose(x: Tensor | null | undefined, expected: readonly number[], digits = 4): void {
  const data = [...(x?.dataSync() ?? [])].map(Number);
  expect(data.length).toBe(expected.length);
  data.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], digits);
  });
}

/** Checks a number to a share of it. */
export function expectRelative(value: number, expected: number, tolerance: number): void {
  expect(Math.abs(value - expected) / Math.abs(expected)).toBeLessThanOrEqual(tolerance);
}

/** Starts a second device, so that moving between devices can be seen. Returns its name. */
export function otherDevice(): Tensor["device"] {
  const name = "other" as Tensor["device"];
  const cpu = createCpuBackend();
  registerBackend({
    name,
    limits: cpu.limits,
    upload: (data, dtype) => cpu.upload(data, dtype),
    download: (handle, dtype, length) => cpu.download(handle, dtype, length),
    downloadSync: (handle, dtype, length) => cpu.downloadSync!(handle, dtype, length),
    run: (kernel, inputs, outputs, attrs) => cpu.run(kernel, inputs, outputs, attrs),
    free: (handle) => cpu.free(handle),
  });
  return name;
}
