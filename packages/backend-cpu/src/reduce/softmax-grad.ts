/**
 * The gradient of softmax and of its logarithm over rows of float32.
 *
 * @module
 */
import { Emitter } from "../elementwise/emitter.js";
import { exp } from "../elementwise/math.js";
import { I32, ModuleBuilder } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import { alongRow, rowSums } from "./row-loop.js";

/** A module with `softmax` and `logSoftmax`, each (rows, length, grad, y, target) over contiguous rows. */
export function emitSoftmaxGrad(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  for (const name of ["softmax", "logSoftmax"] as const) {
    const e = new Emitter(module.function(name, Array(5).fill(I32)), options.fma, new Map());
    const code = e.f.capture(() => emitRows(e, name === "logSoftmax"));
    e.emitPreamble();
    e.f.splice(code);
  }
  return module.bytes();
}

function emitRows(e: Emitter, log: boolean): void {
  const { f } = e;
  const [rows, length, grad, y, target] = [0, 1, 2, 3, 4];
  const [total] = rowSums(e, 1);
  const [sum, product] = [e.temp(), e.temp()];
  f.countDown(f.local(I32), rows, () => {
    if (log) alongRow(e, length, { inputs: [grad], sums: [total] }, (g) => [g]);
    else {
      alongRow(e, length, { inputs: [grad, y], sums: [total] }, (g, v) => {
        f.get(g).get(v).op("f32x4.mul").set(product);
        return [product];
      });
    }
    total.finish();
    f.op("f32x4.splat").set(sum);
    alongRow(e, length, { inputs: [grad, y], outputs: [target] }, (g, v) => {
      if (log) {
        exp(e, v);
        f.get(sum).op("f32x4.mul").set(product).get(g).get(product).op("f32x4.sub").set(product);
      } else f.get(g).get(sum).op("f32x4.sub").get(v).op("f32x4.mul").set(product);
      return [product];
    });
    for (const pointer of [grad, y, target]) f.addTo(pointer, () => f.get(length).i32(2).op("i32.shl"));
  });
  e.release(sum, product);
}
