/** The limits that the machine sets to one thread of WebAssembly. */
import { I32, instantiate, ModuleBuilder, V128 } from "../../../packages/backend-cpu/dist/wasm/asm.js";
import { kernelOptions } from "../../../packages/backend-cpu/dist/wasm/features.js";
import { Heap } from "../../../packages/backend-cpu/dist/wasm/memory.js";
import type { Limits } from "./format.js";

/** Bytes that are copied: more than caches hold. */
const COPIED = 64 * 2 ** 20;

/** The shortest time of one call in seconds, of calls over some time after a first one. */
function fastest(call: () => void, milliseconds: number): number {
  call();
  let best = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + milliseconds; performance.now() < end; ) {
    const started = performance.now();
    call();
    best = Math.min(best, performance.now() - started);
  }
  return best / 1000;
}

/** Operations per second of a loop that only multiplies and adds in registers; loads and stores around it keep the sums apart and alive. */
function registerPeak(heap: Heap, milliseconds: number): number {
  const rounds = 100_000;
  const options = kernelOptions(heap);
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
  const { loop } = instantiate(module.bytes(), heap.memory);
  const data = heap.alloc(16 * sums.length);
  for (let i = 0; i < 4 * sums.length; i++) heap.f32[data / 4 + i] = i / 1000;
  return (rounds * sums.length * 8) / fastest(() => loop(rounds, data), milliseconds);
}

/** Bytes read and written per second by a copy inside WebAssembly's memory. */
function copySpeed(heap: Heap, milliseconds: number): number {
  const module = new ModuleBuilder(kernelOptions(heap));
  module.function("copy", [I32, I32, I32]).get(0).get(1).get(2).memoryCopy();
  const { copy } = instantiate(module.bytes(), heap.memory);
  const [to, from] = [heap.alloc(COPIED), heap.alloc(COPIED)];
  return (2 * COPIED) / fastest(() => copy(to, from, COPIED), milliseconds);
}

/** Measures the limits, for about so many milliseconds each. */
export function measureLimits(milliseconds: number): Limits {
  const heap = new Heap();
  return { simdGflops: registerPeak(heap, milliseconds) / 1e9, copyGBs: copySpeed(heap, milliseconds) / 1e9 };
}
