/**
 * Rows of adjacent elements: copied, added up or scattered in float32, and the bounds of indices.
 *
 * @module
 */
import { type Machine, perMachine } from "../machine.js";
import { I32, instantiate, ModuleBuilder, V128 } from "../wasm/asm.js";
import type { Pointer } from "../wasm/memory.js";

/** Functions over rows. */
export interface RowKernels {
  copy(target: Pointer, source: Pointer, bytes: number): void;
  /** Adds `count` float32 to those at `target`. */
  add(target: Pointer, source: Pointer, count: number): void;
  /** The largest of `count` int32, compared as unsigned and returned as signed; 0 for none. */
  largest(source: Pointer, count: number): number;
  /** `target[plane][indices[plane][i]] += source[plane][i]` in float32: `count` per plane, planes of the target `size` apart. */
  scatterAdd(planes: number, count: number, size: number, source: Pointer, indices: Pointer, target: Pointer): number;
}

/** The row kernels of a machine. */
export const rowKernels: (machine: Machine) => RowKernels = perMachine(({ heap, options }) => {
  const module = new ModuleBuilder(options);
  module.function("copy", 3).get(0).get(1).get(2).memoryCopy();
  emitAdd(module);
  emitLargest(module);
  emitScatterAdd(module);
  return instantiate(module.bytes(), heap.memory) as unknown as RowKernels;
});

function emitAdd(module: ModuleBuilder): void {
  const f = module.function("add", 3);
  const [target, source, count] = f.params;
  const end = f.local(I32);
  const step = (load: "v128.load" | "f32.load", add: "f32x4.add" | "f32.add", store: "v128.store" | "f32.store", bytes: number): void => {
    f.get(target).get(target).mem(load).get(source).mem(load).op(add).mem(store);
    f.inc(source, bytes);
  };
  f.get(target).get(count).i32(-4).op("i32.and").i32(2).op("i32.shl", "i32.add").set(end);
  f.block(() => {
    f.get(target).get(end).op("i32.eq").brIf(0);
    f.loop(() => {
      step("v128.load", "f32x4.add", "v128.store", 16);
      f.inc(target, 16).get(target).get(end).op("i32.ne").brIf(0);
    });
  });
  f.countDown(
    f.local(I32),
    () => f.get(count).i32(3).op("i32.and"),
    () => {
      step("f32.load", "f32.add", "f32.store", 4);
      f.inc(target, 4);
    },
  );
}

function emitLargest(module: ModuleBuilder): void {
  const f = module.function("largest", 2, [I32]);
  const [source, count] = f.params;
  const [counter, best, left] = f.locals(I32, 3);
  const most = f.local(V128);
  f.countDown(
    counter,
    () => f.get(count).i32(2).op("i32.shr_u"),
    () => {
      f.get(most).load("v128.load", source).op("i32x4.max_u").set(most).inc(source, 16);
    },
  );
  f.get(count).i32(3).op("i32.and").set(left);
  f.countDown(counter, left, () => {
    f.get(most).load("v128.load32_zero", source).op("i32x4.max_u").set(most).inc(source, 4);
  });
  for (let lane = 0; lane < 4; lane++) {
    f.get(most).lane("i32x4.extract_lane", lane).set(left);
    f.get(best).get(left).get(best).get(left).op("i32.gt_u", "select").set(best);
  }
  f.get(best);
}

function emitScatterAdd(module: ModuleBuilder): void {
  const f = module.function("scatterAdd", 6);
  const [planes, count, size, source, indices, target] = f.params;
  const [plane, i, at] = f.locals(I32, 3);
  f.countDown(plane, planes, () => {
    f.countDown(i, count, () => {
      f.get(target).load("i32.load", indices).i32(2).op("i32.shl", "i32.add").set(at);
      f.store("f32.store", at, () => f.load("f32.load", at).load("f32.load", source).op("f32.add"));
      f.inc(source, 4).inc(indices, 4);
    });
    f.addTo(target, () => f.get(size).i32(2).op("i32.shl"));
  });
}
