/**
 * Softmax over rows of float32: the largest element, the sum of exponentials, the result; three passes over a row that is in the cache.
 *
 * @module
 */
import { fullSteps } from "../elementwise/emit.js";
import { Emitter } from "../elementwise/emitter.js";
import { exp, log as naturalLog } from "../elementwise/math.js";
import { load, store } from "../elementwise/unit.js";
import { I32, type Local, ModuleBuilder } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import { Accumulator } from "./accumulate.js";

/** A module with `softmax` and `logSoftmax`, each (rows, length, source, target) over contiguous rows; the target may be the source. */
export function emitSoftmax(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  for (const name of ["softmax", "logSoftmax"] as const) {
    const e = new Emitter(module.function(name, [I32, I32, I32, I32]), options.fma, new Map());
    const code = e.f.capture(() => emitRows(e, name === "logSoftmax"));
    e.emitPreamble();
    e.f.splice(code);
  }
  return module.bytes();
}

/** A pass along a row: reads vectors at `from`, hands them to `body`, and stores its result at `to` where it leaves one. */
function pass(e: Emitter, length: Local, from: Local, to: Local | undefined, body: (value: Local, count: Local | undefined) => void): void {
  const { f } = e;
  const [source, target, left] = [e.temp(I32), e.temp(I32), e.temp(I32)];
  const value = e.temp();
  const step = (count: Local | undefined): void => {
    load(e, "float32", 4, source, undefined, count);
    f.set(value);
    body(value, count);
    if (to === undefined) return;
    f.set(value);
    store(e, "float32", 4, target, undefined, value, count);
  };
  f.get(from)
    .set(source)
    .get(to ?? from)
    .set(target)
    .get(length)
    .set(left);
  fullSteps(e, left, 4, () => {
    step(undefined);
    f.inc(source, 16).inc(target, 16);
  });
  f.get(left).if(() => step(left));
  e.release(source, target, left);
  e.release(value);
}

function emitRows(e: Emitter, log: boolean): void {
  const { f } = e;
  const [rows, length, source, target] = [0, 1, 2, 3];
  const high = e.temp();
  const sum = e.temp();
  const best = new Accumulator(e, "max", "float32", 4, 1);
  const total = new Accumulator(e, "sum", "float32", 4, 1);
  f.countDown(f.local(I32), rows, () => {
    best.begin();
    best.beginBlock();
    pass(e, length, source, undefined, (value, count) => best.add(value, 0, count));
    best.endBlock();
    best.finish();
    f.op("f32x4.splat").set(high);
    total.begin();
    pass(e, length, source, log ? undefined : target, (value, count) => {
      f.get(value).get(high).op("f32x4.sub").set(value);
      exp(e, value);
      f.set(value);
      total.beginBlock();
      total.add(value, 0, count);
      total.endBlock();
      if (!log) f.get(value);
    });
    total.finish();
    f.op("f32x4.splat").set(sum);
    if (log) {
      naturalLog(e, sum);
      f.set(sum);
      pass(e, length, source, target, (value) => f.get(value).get(high).op("f32x4.sub").get(sum).op("f32x4.sub"));
    } else pass(e, length, target, target, (value) => f.get(value).get(sum).op("f32x4.div"));
    for (const pointer of [source, target]) f.addTo(pointer, () => f.get(length).i32(2).op("i32.shl"));
  });
  e.release(high, sum);
}
