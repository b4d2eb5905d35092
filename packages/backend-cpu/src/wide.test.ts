import { inputExpr, type Kernels, NotSupportedError, opExpr } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { CpuBackend } from "./backend.js";
import { DIRECT } from "./threads/share.js";
import { instantiate } from "./wasm/asm.js";
import { kernelOptions } from "./wasm/features.js";
import { ACCUMULATE, callProduct, emitWideGemm, FLOAT32, type GemmKernels, gemmKernels, type Product, RELU } from "./wasm/gemm.js";
import { Heap, type Pointer } from "./wasm/memory.js";
import { configureCpu } from "./wide.js";
import { isWide } from "./wide-state.js";

const supported = Number.parseInt(process.versions.node, 10) >= 24 && process.arch === "x64";

/** The kernels of products without and with those for wide vectors. */
function bothKernels(heap: Heap, deterministic: boolean): { narrow: GemmKernels; wide: GemmKernels; workspace: Pointer } {
  const options = kernelOptions(heap, deterministic);
  const narrow = gemmKernels(heap, FLOAT32, options);
  const wide = { ...narrow, wide: instantiate(emitWideGemm(options), heap.memory) };
  return { narrow, wide, workspace: heap.workspace(0, narrow.workspaceBytes) };
}

describe("wide vectors", () => {
  it("are switched on and off where the platform has them, and refused elsewhere", () => {
    if (supported) {
      configureCpu({ wide: true });
      expect(isWide()).toBe(true);
      configureCpu({});
      expect(isWide()).toBe(true);
    } else {
      expect(() => configureCpu({ wide: true })).toThrow(NotSupportedError);
      expect(() => configureCpu({ wide: true })).toThrow(`got Node ${process.versions.node} on ${process.arch}`);
    }
    configureCpu({ wide: false });
    expect(isWide()).toBe(false);
  });

  it("give the same bits as the normal kernel, whether the engine joins vectors or not", () => {
    const heap = new Heap({ shared: false });
    for (const deterministic of [false, true]) {
      const { narrow, wide, workspace } = bothKernels(heap, deterministic);
      for (const [m, n, k] of [
        [1, 16, 1],
        [6, 16, 8],
        [7, 37, 513],
        [61, 67, 300],
        [130, 600, 33],
        [125, 17, 70],
      ]) {
        const [a, b, bias, x, y] = [m * k, n * k, n, m * n, m * n].map((count) => heap.alloc(4 * count));
        for (const [pointer, count] of [
          [a, m * k],
          [b, n * k],
          [bias, n],
        ]) {
          for (let i = 0; i < count; i++) heap.f32[pointer / 4 + i] = Math.sin(i * 7 + pointer);
        }
        for (const transposed of [false, true]) {
          for (const [path, mode, added] of [
            ["packed", 0, 0],
            ["packed", 0, bias],
            ["packed", ACCUMULATE, 0],
            ["turned", 0, 0],
            ["turned", 0, bias],
          ] as const) {
            const left = transposed ? { aRow: 1, aColumn: m, bRow: 1, bColumn: k } : { aRow: k, aColumn: 1, bRow: n, bColumn: 1 };
            const [one, two] = [x, y].map((c, i) => {
              heap.f32.fill(0.3, c / 4, c / 4 + m * n);
              const p: Product = { m, n, k, a, b, c, cRow: n, mode, bias: added, ...left };
              callProduct(DIRECT, i === 0 ? narrow : wide, i === 0 ? "packed" : path, p, workspace);
              return heap.i32.slice(c / 4, c / 4 + m * n);
            });
            expect(one, `${m}x${n}x${k} ${transposed} ${path} ${mode}`).toEqual(two);
          }
        }
        for (const pointer of [a, b, bias, x, y]) heap.free(pointer);
      }
    }
  });

  it("give products of one row the same bits", () => {
    const heap = new Heap({ shared: false });
    for (const deterministic of [false, true]) {
      const { narrow, wide, workspace } = bothKernels(heap, deterministic);
      for (const [n, k] of [
        [1, 1],
        [3, 8],
        [7, 37],
        [256, 784],
        [13, 515],
      ]) {
        const [x, matrix, bias, one, two] = [k, n * k, n, n, n].map((count) => heap.alloc(4 * count));
        for (const [pointer, count] of [
          [x, k],
          [matrix, n * k],
          [bias, n],
        ]) {
          for (let i = 0; i < count; i++) heap.f32[pointer / 4 + i] = Math.sin(i * 7 + pointer);
        }
        for (const [mode, added] of [
          [0, 0],
          [RELU, bias],
          [ACCUMULATE, 0],
        ]) {
          const rows = { m: 1, n, k, a: x, aRow: k, aColumn: 1, b: matrix, bRow: 1, bColumn: k, cRow: n, mode, bias: added };
          const column = { ...rows, m: n, n: 1, a: matrix, b: x, bColumn: 1, cRow: 1, bias: 0 };
          for (const [path, p] of [
            ["rowByRows", rows],
            ["columnByRows", column],
          ] as const) {
            const [first, second] = [one, two].map((c, i) => {
              heap.f32.fill(0.3, c / 4, c / 4 + n);
              callProduct(DIRECT, i === 0 ? narrow : wide, path, { ...p, c }, workspace);
              return heap.i32.slice(c / 4, c / 4 + n);
            });
            expect(second, `${n}x${k} ${path} ${mode}`).toEqual(first);
          }
        }
        for (const pointer of [x, matrix, bias, one, two]) heap.free(pointer);
      }
    }
  });

  it("give elementwise kernels the bits that single vectors do", () => {
    if (supported) configureCpu({ wide: true });
    const backend = new CpuBackend();
    const [count, dtype] = [4096, "float32"] as const;
    const handle = backend.upload(
      Float32Array.from({ length: count }, (_, i) => 9 * Math.sin(i * i)),
      dtype,
    );
    const bits = (offset: number, length: number, attrs: Kernels["elementwise"]): Int32Array => {
      const [block] = backend.run(
        "elementwise",
        [{ handle, shape: [length], strides: [1], offset, dtype }],
        [{ shape: [length], dtype }],
        attrs,
      );
      const { buffer } = backend.downloadSync(block, dtype, length);
      backend.free(block);
      return new Int32Array(buffer as ArrayBuffer);
    };
    for (const op of ["exp", "tanh", "erf", "sqrt", "reciprocal"] as const) {
      const attrs = { exprs: [opExpr(op, dtype, [inputExpr(0, dtype)])], numbers: [] };
      const single = Array.from({ length: count / 4 }, (_, i) => [...bits(4 * i, 4, attrs)]).flat();
      // Long enough for the engine to optimise the kernel.
      for (let i = 0; i < 20; i++) expect([...bits(0, count, attrs)], op).toEqual(single);
    }
    configureCpu({ wide: false });
  });
});
