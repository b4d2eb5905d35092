/**
 * The gradient of softmax and of its logarithm over rows of float32.
 *
 * @module
 */
import { type Emitter, emitFunction } from "../elementwise/emitter.js";
import { exp } from "../elementwise/math.js";
import { I32, ModuleBuilder } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import { alongRow, rowSums } from "./row-loop.js";

/** A module with `softmax` and `logSoftmax`, each (rows, length, grad, y, target) over contiguous rows. */
export function emitSoftmaxGrad(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  emitFunction(module, "softmax", 5, options.fma, (e) => emitRows(e, false));
  emitFunction(module, "logSoftmax", 5, options.fma, (e) => emitRows(e, true));
  return module.bytes();
}

function emitRows(e: Emitter, log: boolean): void {
  const { f } = e;
  const [rows, length, grad, y, target] = f.params;
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
