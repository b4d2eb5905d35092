/** Speed of the matrix product against the peak of the SIMD units, measured in the same process: `node dist/gemm.js [--threads n] [--wide]`. */
import { configureCpu } from "@sconce/backend-cpu";
import { I32, instantiate, ModuleBuilder, V128 } from "../../../packages/backend-cpu/dist/wasm/asm.js";
import { kernelOptions } from "../../../packages/backend-cpu/dist/wasm/features.js";
import {
  callProduct,
  emitWideGemm,
  FLOAT32,
  FLOAT64,
  type GemmKernels,
  gemmKernels,
  pathOf,
  shareProduct,
} from "../../../packages/backend-cpu/dist/wasm/gemm.js";
import { Heap } from "../../../packages/backend-cpu/dist/wasm/memory.js";
import { startPool } from "./threads.js";

const heap = new Heap();
const options = kernelOptions(heap, process.argv.includes("--no-fma"));
const wide = process.argv.includes("--wide");
if (wide) configureCpu({ wide });
const pool = await startPool(heap);

/** The shortest time of one call in seconds; runs for about `budget` seconds. */
function fastest(call: () => void, budget: number): number {
  call();
  let best = Number.POSITIVE_INFINITY;
  let repeats = 1;
  for (const end = performance.now() + budget * 1000; performance.now() < end; ) {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) call();
    const seconds = (performance.now() - start) / 1000;
    best = Math.min(best, seconds / repeats);
    if (seconds < 1e-4) repeats *= 2;
  }
  return best;
}

/** Operations per second of a loop that only multiplies and adds in registers; loads and stores around it keep the sums apart and alive. */
function registerPeak(): number {
  const rounds = 100_000;
  const module = new ModuleBuilder(options);
  const f = module.function("loop", [I32, I32]);
  const [x, count] = [f.local(V128), f.local(I32)];
  const sums = f.locals(V128, 12);
  f.get(1).mem("v128.load").set(x);
  for (const [i, sum] of sums.entries())
    f.get(1)
      .mem("v128.load", 16 * i)
      .set(sum);
  f.countDown(count, 0, () => {
    for (const sum of sums) f.mulAdd("f32x4", options.fma, x, x, sum).set(sum);
  });
  for (const [i, sum] of sums.entries())
    f.get(1)
      .get(sum)
      .mem("v128.store", 16 * i);
  const { loop } = module.instantiate(heap.memory);
  const data = heap.alloc(16 * sums.length);
  for (let i = 0; i < 4 * sums.length; i++) heap.f32[data / 4 + i] = i / 1000;
  return (rounds * sums.length * 8) / fastest(() => loop(rounds, data), 1);
}

type Layout = "NN" | "NT" | "TN";

/** Operations per second of one product. */
function speed(kernels: GemmKernels, m: number, n: number, k: number, layout: Layout): number {
  const { bytes } = kernels.element;
  const [a, b, c] = [heap.alloc(m * k * bytes), heap.alloc(k * n * bytes), heap.alloc(m * n * bytes)];
  const data = kernels.element === FLOAT32 ? heap.f32 : heap.f64;
  for (const [pointer, length] of [
    [a, m * k],
    [b, k * n],
  ]) {
    for (let i = 0; i < length; i++) data[pointer / bytes + i] = ((i * 7919) % 1000) / 1000 - 0.5;
  }
  const workspace = pool.scratch(kernels.workspaceBytes);
  const [aRow, aColumn] = layout === "TN" ? [1, m] : [k, 1];
  const [bRow, bColumn] = layout === "NT" ? [1, k] : [n, 1];
  const whole = { m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow: n, mode: 0, bias: 0 };
  const path = pathOf(whole);
  const seconds = fastest(() => {
    shareProduct(pool, m * n * k * 0.04, whole, bytes, (calls, part) => callProduct(calls, kernels, path, part, workspace));
  }, 0.5);
  for (const pointer of [a, b, c]) heap.free(pointer);
  return (2 * m * n * k) / seconds;
}

const CUBES = [4, 8, 16, 32, 64, 128, 256, 512, 1024];
const SHAPES: [number, number, number, Layout][] = [
  ...CUBES.map((size): [number, number, number, Layout] => [size, size, size, "NN"]),
  [64, 256, 784, "NT"],
  [64, 128, 256, "NT"],
  [256, 784, 64, "TN"],
  [784, 256, 64, "TN"],
  [64, 128, 9216, "NT"],
  [128, 9216, 64, "TN"],
  [64, 784, 256, "NN"],
  [64, 9216, 128, "NN"],
  [64, 10, 128, "NT"],
  [10, 128, 64, "TN"],
  [64, 128, 10, "NN"],
  [1, 256, 784, "NT"],
  [1, 256, 784, "NN"],
  [256, 1, 784, "NN"],
];

const peak = registerPeak();
console.log(`${pool.threads} threads`);
console.log(`peak of one ${(peak / 1e9).toFixed(1)} GFLOP/s float32, ${options.fma ? "fused" : "separate"} multiply and add`);
for (const element of [FLOAT32, FLOAT64]) {
  const narrow = gemmKernels(heap, element, options);
  const kernels = wide && element === FLOAT32 ? { ...narrow, wide: instantiate(emitWideGemm(options), heap.memory).gemm } : narrow;
  const limit = element === FLOAT32 ? peak : peak / 2;
  for (const [m, n, k, layout] of SHAPES) {
    const rate = speed(kernels, m, n, k, layout);
    const name = `${element.scalar} ${m}x${n}x${k} ${layout}`.padEnd(24);
    console.log(`${name} ${(rate / 1e9).toFixed(1).padStart(6)} GFLOP/s ${((100 * rate) / limit).toFixed(0).padStart(4)} % of peak`);
  }
}
