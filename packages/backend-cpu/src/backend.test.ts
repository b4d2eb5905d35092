import { type Handle, inputExpr, type View } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { CpuBackend, createCpuBackend } from "./backend.js";
import { ReferenceBackend } from "./reference/backend.js";
import { useWide } from "./wide-state.js";

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
        array.reverse();
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

  it("keeps its tensors while memory that is not shared grows and moves", () => {
    const backend = new CpuBackend({ shared: false });
    const { heap } = backend.machine;
    expect(heap.shared).toBe(false);
    const handles = Array.from({ length: 40 }, (_, i) => backend.upload(new Float32Array(100_000).fill(i), "float32"));
    const view = (handle: Handle): View => ({ handle, dtype: "float32", shape: [100_000], strides: [1], offset: 0 });
    const [joined] = backend.run("concat", handles.map(view), [{ shape: [4_000_000], dtype: "float32" }], { dim: 0 });
    const attrs = { op: "sum" as const, dims: [0], shape: [4_000_000], expr: inputExpr(0, "float32"), numbers: [] };
    const [sum] = backend.run("reduce", [{ ...view(joined), shape: [4_000_000] }], [{ shape: [], dtype: "float32" }], attrs);
    expect(backend.downloadSync(sum, "float32", 1)[0]).toBe((100_000 * 39 * 40) / 2);
    expect(heap.stats().reserved).toBeGreaterThan(32_000_000);
  });

  it("replays kernels with other handles, attributes and settings, while memory grows", () => {
    const backend = new CpuBackend({ shared: false });
    for (const dtype of ["float32", "float64"] as const) {
      const array = dtype === "float32" ? Float32Array : Float64Array;
      const upload = (n: number, seed: number): Handle =>
        backend.upload(
          new array(n).map((_, i) => Math.sin(seed * i + 1)),
          dtype,
        );
      const [x, w] = [
        { handle: {}, dtype, shape: [2, 3, 7, 7], strides: [147, 49, 7, 1], offset: 0 },
        { handle: upload(16 * 27, 2), dtype, shape: [16, 3, 3, 3], strides: [27, 9, 3, 1], offset: 0 },
      ];
      const output = { shape: [2, 16, 5, 5], dtype };
      const into = upload(800, 3);
      const replay = backend.replay.prepare("conv", [x, w], [output], [into]);
      const [plain, spread] = [1, 2].map((step) => ({ stride: [1, 1], padding: [step - 1, step - 1], dilation: [step, step], groups: 1 }));
      for (const [seed, attrs, wide] of [
        [4, plain, false],
        [5, plain, false],
        [5, spread, false],
        [6, spread, true],
        [7, plain, false],
      ] as const) {
        useWide(wide);
        x.handle = upload(294, seed);
        backend.upload(new Float32Array(2 ** 20), "float32");
        replay(attrs);
        useWide(false);
        const [expected] = backend.run("conv", [x, w], [output], attrs);
        expect(backend.downloadSync(into, dtype, 800)).toEqual(backend.downloadSync(expected, dtype, 800));
      }
    }
  });

  it("runs the reference kernels on demand", () => {
    expect(createCpuBackend({ reference: true })).toBeInstanceOf(ReferenceBackend);
    expect(createCpuBackend()).toBeInstanceOf(CpuBackend);
  });
});
