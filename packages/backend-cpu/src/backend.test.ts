import { describe, expect, it } from "vitest";
import { CpuBackend, createCpuBackend } from "./backend.js";
import { ReferenceBackend } from "./reference/backend.js";

describe("a CPU backend", () => {
  it("gives back what was uploaded, in memory of its own", async () => {
    for (const backend of [new CpuBackend(), createCpuBackend({ reference: true })]) {
      const arrays = [
        ["float32", new Float32Array([1.5, -2, 3])],
        ["float64", new Float64Array([1.1, -2, 3])],
        ["int32", new Int32Array([1, -2, 2 ** 31 - 1])],
        ["int64", new BigInt64Array([1n, -2n, 2n ** 62n])],
        ["uint8", new Uint8Array([1, 2, 255])],
        ["bool", new Uint8Array([1, 0, 1])],
      ] as const;
      for (const [dtype, array] of arrays) {
        const handle = backend.upload(array, dtype);
        const copy = array.slice();
        array.fill(0 as never);
        expect(backend.downloadSync?.(handle, dtype, 3)).toEqual(copy);
        expect(await backend.download(handle, dtype, 2)).toEqual(copy.slice(0, 2));
        backend.free(handle);
      }
    }
  });

  it("returns its memory when handles are freed", () => {
    const backend = new CpuBackend();
    const { heap } = backend.machine;
    const before = heap.stats().live;
    const handles = Array.from({ length: 10 }, (_, i) => backend.upload(new Float32Array(1000 * i), "float32"));
    expect(heap.stats().live).toBeGreaterThan(before);
    for (const handle of handles) backend.free(handle);
    expect(heap.stats().live).toBe(before);
  });

  it("runs the reference kernels on demand", () => {
    expect(createCpuBackend({ reference: true })).toBeInstanceOf(ReferenceBackend);
    expect(createCpuBackend()).toBeInstanceOf(CpuBackend);
  });
});
