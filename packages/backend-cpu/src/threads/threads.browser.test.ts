import { expect, it } from "vitest";
import { CpuBackend } from "../backend.js";
import { getNumThreads, setNumThreads } from "./settings.js";

it("workers of an isolated page give the bits of one thread", async () => {
  expect(globalThis.crossOriginIsolated).toBe(true);
  const initial = getNumThreads();
  const backend = new CpuBackend();
  const { pool } = backend.machine;
  setNumThreads(2);
  pool.start();
  for (let i = 0; i < 2000 && pool.threads < 2; i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(pool.threads).toBe(2);
  const shape = [200, 200];
  const data = Float32Array.from({ length: 40_000 }, (_, i) => Math.sin(i));
  const x = { handle: backend.upload(data, "float32"), dtype: "float32" as const, shape, strides: [200, 1], offset: 0 };
  const [alone, together] = [1, 2].map((threads) => {
    setNumThreads(threads);
    const [handle] = backend.run("matmul", [x, x], [{ shape, dtype: "float32" }], { bias: false });
    return backend.downloadSync(handle, "float32", 40_000);
  });
  expect(pool.jobs).toBe(1);
  expect(together).toEqual(alone);
  setNumThreads(initial);
});
