import { describe, expect, it } from "vitest";
import { detectFeatures, kernelOptions } from "./features.js";
import { Heap } from "./memory.js";

/** A small linear congruential generator: the same sequence in every run. */
function lcg(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("Heap", () => {
  it("keeps live blocks apart through random allocation and freeing", () => {
    const heap = new Heap({ maximum: 4096 });
    const random = lcg(7);
    const live: { pointer: number; bytes: number; mark: number }[] = [];
    for (let step = 0; step < 4000; step++) {
      if (live.length > 60 || (live.length > 0 && random(3) === 0)) {
        const [block] = live.splice(random(live.length), 1);
        const content = heap.u8.subarray(block.pointer, block.pointer + block.bytes);
        expect(content.every((byte) => byte === block.mark)).toBe(true);
        heap.free(block.pointer);
      } else {
        const bytes = random(4) === 0 ? random(200_000) : random(3000);
        const pointer = heap.alloc(bytes);
        expect(pointer % 64).toBe(0);
        const mark = step & 255;
        heap.u8.fill(mark, pointer, pointer + bytes);
        live.push({ pointer, bytes, mark });
      }
    }
    for (const block of live) heap.free(block.pointer);
    expect(heap.stats().live).toBe(0);
  });

  it("gives the block freed last back to the next request of its size", () => {
    const heap = new Heap();
    for (const bytes of [100, 5000, 100_000, 3_000_000]) {
      const [first, second] = [heap.alloc(bytes), heap.alloc(bytes)];
      heap.free(second);
      heap.free(first);
      expect([heap.alloc(bytes), heap.alloc(bytes)]).toEqual([first, second]);
    }
  });

  it("merges free neighbours before it grows", () => {
    const heap = new Heap();
    const parts = Array.from({ length: 64 }, () => heap.alloc(1 << 20));
    const { reserved } = heap.stats();
    for (const pointer of parts) heap.free(pointer);
    heap.free(heap.alloc(60 << 20));
    expect(heap.stats().reserved).toBe(reserved);
    expect(heap.stats().highWater / (64 << 20)).toBeLessThan(1.125);
  });

  it("does not grow in a loop that repeats its sizes", () => {
    const heap = new Heap();
    const sizes = [4_000_000, 70_000, 64, 1_300_000, 250_000, 9000];
    const step = (): void => {
      for (const pointer of sizes.map((bytes) => heap.alloc(bytes))) heap.free(pointer);
    };
    step();
    const { reserved } = heap.stats();
    for (let i = 0; i < 100; i++) step();
    expect(heap.stats().reserved).toBe(reserved);
    expect(reserved).toBeLessThan(8_000_000);
  });

  it("is not cut to pieces by small blocks that stay while large ones come and go", () => {
    const heap = new Heap();
    const random = lcg(1);
    for (let step = 0; step < 1000; step++) {
      const made: number[] = [];
      for (const megabytes of [5, 9, 2.2, 2.2, 9, 5, 4.5, 4.5]) {
        made.push(heap.alloc(megabytes * 2 ** 20));
        if (made.length > 4) heap.free(made.shift() as number);
        if (random(5) === 0) heap.alloc(2560);
      }
      for (const block of made) heap.free(block);
    }
    const { reserved, highWater } = heap.stats();
    expect(reserved).toBeLessThan(1.6 * highWater);
  });

  it("names the sizes and scope when the memory is full, and goes on working", () => {
    const heap = new Heap({ maximum: 32 });
    const pointer = heap.alloc(1 << 20);
    expect(() => heap.alloc(1 << 20)).toThrow(/expected room for 1\.0 MiB, got 1\.0 MiB in use of .* scope\(\)/);
    heap.free(pointer);
    expect(heap.alloc(1 << 20)).toBeGreaterThan(0);
  });

  it("refuses pointers that are not allocated", () => {
    const heap = new Heap();
    for (const bytes of [64, 100_000]) {
      const pointer = heap.alloc(bytes);
      expect(() => heap.free(pointer + 4)).toThrow(RangeError);
      heap.free(pointer);
      expect(() => heap.free(pointer)).toThrow(RangeError);
    }
  });

  it("replaces views on growth without losing contents, shared or not", () => {
    for (const shared of [false, detectFeatures().sharedMemory]) {
      const heap = new Heap({ shared });
      const pointer = heap.alloc(64);
      heap.f64[pointer / 8] = Math.PI;
      heap.alloc(32 << 20);
      expect(heap.f64[pointer / 8]).toBe(Math.PI);
      expect(heap.u8.length).toBe(heap.stats().reserved);
      expect(heap.shared).toBe(shared);
    }
  });

  it("addresses blocks above 2 GiB", () => {
    const heap = new Heap();
    if (heap.maximum < 65536) return;
    heap.alloc(2 ** 31);
    const before = heap.stats().live;
    const pointer = heap.alloc(100_000);
    const small = heap.alloc(256);
    expect(Math.max(pointer, small)).toBeGreaterThan(2 ** 31);
    heap.f32[pointer / 4] = 1.5;
    expect(heap.f32[pointer / 4]).toBe(1.5);
    heap.free(pointer);
    heap.free(small);
    expect(heap.stats().live).toBe(before);
  });

  it("keeps a workspace per thread and enlarges it on demand", () => {
    const heap = new Heap();
    const first = heap.workspace(0, 1000);
    expect(heap.workspace(0, 900)).toBe(first);
    expect(heap.workspace(1, 900)).not.toBe(first);
    heap.workspace(0, 1 << 20);
    expect(heap.stats().live).toBe((1 << 20) + 1024);
  });
});

describe("features", () => {
  it("find relaxed SIMD on Node 20 and later, and leave it out of deterministic kernels", () => {
    const features = detectFeatures();
    expect(features.simd).toBe(true);
    expect(features.relaxedSimd).toBe(true);
    expect(kernelOptions({ shared: false, maximum: 65536 })).toMatchObject({ fma: true, shared: false, maximum: 65536 });
    expect(kernelOptions({ shared: true, maximum: 32768 }, true)).toEqual({ fma: false, tile: "short", shared: true, maximum: 32768 });
  });

  it("choose tall tiles, written for V8's order of loads up to version 12", () => {
    const old = Number.parseInt(process.versions.v8, 10) < 13;
    expect(kernelOptions({ shared: false, maximum: 1 }).tile).toBe(old ? "grouped" : "tall");
  });
});
