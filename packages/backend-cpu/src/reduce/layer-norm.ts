/**
 * Layer normalisation over rows of float32, and its gradient.
 *
 * @module
 */
import { type Emitter, emitFunction } from "../elementwise/emitter.js";
import { F32, I32, type Local, ModuleBuilder } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import { alongRow, rowSums } from "./row-loop.js";

/**
 * A module with `forward(rows, length, eps, x, weight, bias, target, means, inverses)` and `backward(rows, length, grad, x, means, inverses,
 * weight, target)` over contiguous rows, `eps` as the bits of a float. Their names end in the number of the inputs weight and bias that are
 * there.
 */
export function emitLayerNorm(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  const define = (name: string, params: number, emit: (e: Emitter) => void): void => emitFunction(module, name, params, options.fma, emit);
  for (const affine of [0, 1, 2]) define(`forward${affine}`, 9, (e) => emitForward(e, affine));
  for (const affine of [0, 1]) define(`backward${affine}`, 8, (e) => emitBackward(e, affine === 1));
  return module.bytes();
}

const [ROWS, LENGTH] = [0, 1];

/** Turns the sum on the stack into a vector of the mean. */
const meanOf = ({ f }: Emitter): void => void f.get(LENGTH).op("f32.convert_i32_s", "f32.div", "f32x4.splat");

/** Moves addresses on by a row. */
function nextRow({ f }: Emitter, ...pointers: Local[]): void {
  for (const pointer of pointers) f.addTo(pointer, () => f.get(LENGTH).i32(2).op("i32.shl"));
}

function emitForward(e: Emitter, affine: number): void {
  const { f } = e;
  const [eps, x, weight, bias, target, means, inverses] = [2, 3, 4, 5, 6, 7, 8];
  const [mean, inverse, work] = [e.temp(), e.temp(), e.temp()];
  const scale = f.local(F32);
  const [sum] = rowSums(e, 1);
  const others = [weight, bias].slice(0, affine);
  f.countDown(f.local(I32), ROWS, () => {
    alongRow(e, LENGTH, { inputs: [x], sums: [sum] }, (v) => [v]);
    sum.finish();
    meanOf(e);
    f.set(mean);
    alongRow(e, LENGTH, { inputs: [x], sums: [sum] }, (v) => {
      f.get(v).get(mean).op("f32x4.sub").tee(work).get(work).op("f32x4.mul").set(work);
      return [work];
    });
    f.f32(1);
    sum.finish();
    f.get(LENGTH).op("f32.convert_i32_s", "f32.div").get(eps).op("f32.reinterpret_i32", "f32.add", "f32.sqrt", "f32.div").set(scale);
    f.get(scale).op("f32x4.splat").set(inverse);
    alongRow(e, LENGTH, { inputs: [x, ...others], outputs: [target] }, (v, w, b) => {
      f.get(v).get(mean).op("f32x4.sub").get(inverse).op("f32x4.mul").set(work);
      if (affine === 1) f.get(work).get(w).op("f32x4.mul").set(work);
      else if (affine === 2) e.mulAdd(work, w, b).set(work);
      return [work];
    });
    f.get(means).get(mean).memLane("v128.store32_lane", 0).store("f32.store", inverses, scale);
    f.inc(means, 4).inc(inverses, 4);
    nextRow(e, x, target);
  });
  e.release(mean, inverse, work);
}

function emitBackward(e: Emitter, weighted: boolean): void {
  const { f } = e;
  const [grad, x, means, inverses, weight, target] = [2, 3, 4, 5, 6, 7];
  const [mean, inverse, average, along] = [e.temp(), e.temp(), e.temp(), e.temp()];
  const sums = rowSums(e, 2);
  const inputs = weighted ? [grad, x, weight] : [grad, x];
  /** Leaves the gradient after the weight in `g` and the normalised element in `v`. */
  const prepare = (g: Local, v: Local, w: Local): void => {
    if (weighted) f.get(g).get(w).op("f32x4.mul").set(g);
    f.get(v).get(mean).op("f32x4.sub").get(inverse).op("f32x4.mul").set(v);
  };
  f.countDown(f.local(I32), ROWS, () => {
    for (const [pointer, into] of [
      [means, mean],
      [inverses, inverse],
    ]) {
      f.get(pointer).mem("v128.load32_splat").set(into).inc(pointer, 4);
    }
    alongRow(e, LENGTH, { inputs, sums }, (g, v, w) => {
      prepare(g, v, w);
      f.get(g).get(v).op("f32x4.mul").set(v);
      return [g, v];
    });
    for (const [i, into] of [average, along].entries()) {
      sums[i].finish();
      meanOf(e);
      f.set(into);
    }
    alongRow(e, LENGTH, { inputs, outputs: [target] }, (g, v, w) => {
      prepare(g, v, w);
      f.get(g).get(average).op("f32x4.sub").get(v).get(along).op("f32x4.mul", "f32x4.sub").get(inverse).op("f32x4.mul").set(g);
      return [g];
    });
    nextRow(e, grad, x, target);
  });
  e.release(mean, inverse, average, along);
}
