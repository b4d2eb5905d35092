/**
 * Softmax over rows of float32: the largest element, the sum of exponentials, the result; three passes over a row that is in the cache.
 *
 * @module
 */
import { type Emitter, emitFunction } from "../elementwise/emitter.js";
import { exp, log as naturalLog } from "../elementwise/math.js";
import { I32, type Local, ModuleBuilder } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import { Accumulator } from "./accumulate.js";
import { alongRow, rowSums } from "./row-loop.js";

/** A module with `softmax` and `logSoftmax`, each (rows, length, source, target) over contiguous rows; the target may be the source. */
export function emitSoftmax(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  emitFunction(module, "softmax", 4, options.fma, (e) => emitRows(e, false));
  emitFunction(module, "logSoftmax", 4, options.fma, (e) => emitRows(e, true));
  return module.bytes();
}

function emitRows(e: Emitter, log: boolean): void {
  const { f } = e;
  const [rows, length, source, target] = f.params;
  const high = e.temp();
  const sum = e.temp();
  const best = new Accumulator(e, "most", "float32", 4, 4);
  const [total] = rowSums(e, 1);
  const lessHigh = (x: Local): void => void f.get(x).get(high).op("f32x4.sub").set(x);
  f.countDown(f.local(I32), rows, () => {
    alongRow(e, length, { inputs: [source], sums: [best] }, (x) => [x]);
    best.finish();
    f.op("f32x4.splat").set(high);
    alongRow(e, length, { inputs: [source], outputs: log ? [] : [target], sums: [total] }, (x) => {
      lessHigh(x);
      exp(e, x);
      f.set(x);
      return log ? [x] : [x, x];
    });
    total.finish();
    f.op("f32x4.splat").set(sum);
    if (log) {
      naturalLog(e, sum);
      f.set(sum);
      alongRow(e, length, { inputs: [source], outputs: [target] }, (x) => {
        lessHigh(x);
        f.get(x).get(sum).op("f32x4.sub").set(x);
        return [x];
      });
    } else {
      alongRow(e, length, { inputs: [target], outputs: [target] }, (x) => {
        f.get(x).get(sum).op("f32x4.div").set(x);
        return [x];
      });
    }
    for (const pointer of [source, target]) f.addTo(pointer, () => f.get(length).i32(2).op("i32.shl"));
  });
  e.release(high, sum);
}
