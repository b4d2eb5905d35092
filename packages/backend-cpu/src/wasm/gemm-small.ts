/**
 * Products so small that packing them takes longer than computing them, and that programs often start with: the module is emitted in a
 * fraction of the time of the blocked one.
 *
 * @module
 */
import { I32, type Local, ModuleBuilder, V128 } from "./asm.js";
import { type Element, zeroVector } from "./element.js";
import type { KernelOptions } from "./features.js";

/**
 * Emits `small(m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow)` for positive sizes, with pointers and strides in bytes: one sum after the
 * other, each in the order of the blocked kernel, so with its bits.
 */
export function emitSmall(options: KernelOptions, element: Element): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  const f = module.function("small", 11);
  const [m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow] = f.params;
  const [j, steps, left, right, column, target] = f.locals(I32, 6);
  const [sum, factor] = f.locals(V128, 2);
  const times = (count: Local, body: () => void): void => {
    f.loop(() => {
      body();
      f.get(count).i32(1).op("i32.sub").tee(count).brIf(0);
    });
  };
  times(m, () => {
    f.assign(j, n).assign(column, b).assign(target, c);
    times(j, () => {
      zeroVector(f).set(sum);
      f.assign(left, a).assign(right, column).assign(steps, k);
      times(steps, () => {
        f.load(element.loadSplat, left).set(factor);
        f.mulAdd(element.vector, options.fma, factor, () => f.load(element.loadSplat, right), sum).set(sum);
        f.addTo(left, aColumn).addTo(right, bRow);
      });
      f.get(target).get(sum).memLane(element.storeLane, 0);
      f.addTo(column, bColumn).inc(target, element.bytes);
    });
    f.addTo(a, aRow).addTo(c, cRow);
  });
  return module.bytes();
}
