/**
 * What attention does to blocks of scores in float32, between the products that make and use them.
 *
 * @module
 */
import { type Emitter, emitFunction } from "../elementwise/emitter.js";
import { log, weightExp } from "../elementwise/math.js";
import { F32, I32, type Local, ModuleBuilder, type Operand } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import { Accumulator } from "./accumulate.js";
import { alongRow, rowSums } from "./row-loop.js";

/**
 * A module of functions over rows; pointers and strides in bytes, `scale` as the bits of a float, `seen` the keys that the first row sees (one
 * more with each row). Each exists with `Masked` after its name, which adds a mask to the scores.
 * - `weigh(rows, columns, seen, scale, scores, stride, mask, maskStride, high, total, result, width, first)`: scores become exponentials
 *   relative to the largest score so far, `high`; their sum so far is in `total`, and earlier parts of the result are scaled to it.
 * - `reweigh(rows, columns, seen, scale, scores, stride, mask, maskStride, log)`: scores become weights.
 *
 * - `finish(rows, width, result, high, total, log)`: divides the result by the sums.
 * - `slope(rows, columns, scale, weights, grad, stride, along)`: the gradient of the weights becomes that of the scores.
 * - `dots(rows, width, x, xStride, y, yStride, out)`: the products of rows.
 */
export function emitAttention(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  const define = (name: string, params: number, emit: (e: Emitter) => void): void => emitFunction(module, name, params, options.fma, emit);
  for (const masked of [false, true]) {
    const suffix = masked ? "Masked" : "";
    define(`weigh${suffix}`, 13, (e) => emitWeigh(e, masked));
    define(`reweigh${suffix}`, 9, (e) => emitReweigh(e, masked));
  }
  define("finish", 6, emitFinish);
  define("slope", 7, emitSlope);
  define("dots", 7, emitDots);
  return module.bytes();
}

const FLOAT = 4;

/** A vector with the float whose bits are in an i32 local. */
function splatBits({ f }: Emitter, bits: Local): Local {
  const vector = f.local(0x7b);
  f.get(bits).op("f32.reinterpret_i32", "f32x4.splat").set(vector);
  return vector;
}

/** A vector with the float at an address. */
const loadSplat = ({ f }: Emitter, pointer: Local, into: Local): void => void f.get(pointer).mem("v128.load32_splat").set(into);

/** Stores the first lane. */
const storeLane = ({ f }: Emitter, pointer: Local, vector: Local): void => void f.get(pointer).get(vector).memLane("v128.store32_lane", 0);

const bytesOf =
  ({ f }: Emitter, count: Local): Operand =>
  () =>
    f.get(count).i32(2).op("i32.shl");

/** Sets `limit` to how many of the columns a row sees. */
function limitOf({ f }: Emitter, columns: Local, seen: Local, limit: Local): void {
  f.minI32(columns, seen).set(limit);
  f.i32(0).get(limit).get(limit).i32(0).op("i32.lt_s", "select").set(limit);
}

/** Scores times their factor, plus the mask; `use` gets the sum and returns what is written and added up. */
function alongScores(
  e: Emitter,
  {
    limit,
    scores,
    mask,
    scale,
  }: { readonly limit: Local; readonly scores: Local; readonly mask: Local | undefined; readonly scale: Local },
  sum: Accumulator | undefined,
  use: (score: Local) => readonly Local[],
): void {
  const loop = { inputs: mask === undefined ? [scores] : [scores, mask], outputs: [scores], sums: sum === undefined ? [] : [sum] };
  alongRow(e, limit, loop, (score, own) => {
    if (mask === undefined) e.f.get(score).get(scale).op("f32x4.mul").set(score);
    else e.mulAdd(score, scale, own).set(score);
    return use(score);
  });
}

function emitWeigh(e: Emitter, masked: boolean): void {
  const { f } = e;
  const [rows, columns, seen, bits, scores, stride, mask, maskStride, high, total, result, width, first] = Array.from(
    { length: 13 },
    (_, i) => i,
  );
  const scale = splatBits(e, bits);
  const limit = e.temp(I32);
  const [most, before, rescale, sum] = [e.temp(), e.temp(), e.temp(), e.temp()];
  const best = new Accumulator(e, "most", "float32", 4, 4);
  const [added] = rowSums(e, 1);
  f.countDown(f.local(I32), rows, () => {
    limitOf(e, columns, seen, limit);
    alongScores(e, { limit, scores, mask: masked ? mask : undefined, scale }, best, (score) => [score, score]);
    best.finish();
    f.op("f32x4.splat").set(most);
    f.f32x4(Number.NEGATIVE_INFINITY).set(before).f32x4(0).set(sum);
    f.get(first)
      .op("i32.eqz")
      .if(() => {
        loadSplat(e, high, before);
        loadSplat(e, total, sum);
      });
    f.get(most).get(before).op("f32x4.max").set(most);
    storeLane(e, high, most);
    // A row that has seen nothing yet: its exponentials are those of minus infinity.
    f.get(most).f32x4(0).get(most).f32x4(Number.NEGATIVE_INFINITY).op("f32x4.ne", "v128.bitselect").set(most);
    f.get(before).get(most).op("f32x4.sub").set(rescale);
    weightExp(e, rescale);
    f.set(rescale);
    alongRow(e, limit, { inputs: [scores], outputs: [scores], sums: [added] }, (score) => {
      f.get(score).get(most).op("f32x4.sub").set(score);
      weightExp(e, score);
      f.set(score);
      return [score, score];
    });
    clearRest(e, scores, limit, columns);
    added.finish();
    f.op("f32x4.splat").set(before);
    e.mulAdd(sum, rescale, before).set(sum);
    storeLane(e, total, sum);
    f.get(first)
      .op("i32.eqz")
      .if(() => {
        alongRow(e, width, { inputs: [result], outputs: [result] }, (x) => {
          f.get(x).get(rescale).op("f32x4.mul").set(x);
          return [x];
        });
      });
    f.inc(seen, 1).addTo(scores, stride).inc(high, FLOAT).inc(total, FLOAT).addTo(result, bytesOf(e, width));
    if (masked) f.addTo(mask, maskStride);
  });
  e.release(limit, most, before, rescale, sum);
}

/** Puts zeros behind the keys that a row sees. */
function clearRest(e: Emitter, scores: Local, limit: Local, columns: Local): void {
  const { f } = e;
  f.get(scores).push(bytesOf(e, limit)).op("i32.add").i32(0);
  f.get(columns).get(limit).op("i32.sub").i32(2).op("i32.shl").memoryFill();
}

function emitReweigh(e: Emitter, masked: boolean): void {
  const { f } = e;
  const [rows, columns, seen, bits, scores, stride, mask, maskStride, logs] = f.params;
  const scale = splatBits(e, bits);
  const [limit, own] = [e.temp(I32), e.temp()];
  f.countDown(f.local(I32), rows, () => {
    limitOf(e, columns, seen, limit);
    loadSplat(e, logs, own);
    alongScores(e, { limit, scores, mask: masked ? mask : undefined, scale }, undefined, (score) => {
      f.get(score).get(own).op("f32x4.sub").set(score);
      weightExp(e, score);
      f.set(score);
      return [score];
    });
    clearRest(e, scores, limit, columns);
    f.inc(seen, 1).addTo(scores, stride).inc(logs, FLOAT);
    if (masked) f.addTo(mask, maskStride);
  });
  e.release(limit, own);
}

function emitFinish(e: Emitter): void {
  const { f } = e;
  const [rows, width, result, high, total, logs] = f.params;
  const [sum, most] = [e.temp(), e.temp()];
  f.countDown(f.local(I32), rows, () => {
    loadSplat(e, total, sum);
    loadSplat(e, high, most);
    alongRow(e, width, { inputs: [result], outputs: [result] }, (x) => {
      f.get(x).get(sum).op("f32x4.div").set(x);
      return [x];
    });
    log(e, sum);
    f.get(most).op("f32x4.add").set(most);
    storeLane(e, logs, most);
    f.addTo(result, bytesOf(e, width)).inc(high, FLOAT).inc(total, FLOAT).inc(logs, FLOAT);
  });
  e.release(sum, most);
}

function emitSlope(e: Emitter): void {
  const { f } = e;
  const [rows, columns, bits, weights, grad, stride, along] = f.params;
  const scale = splatBits(e, bits);
  const own = e.temp();
  f.countDown(f.local(I32), rows, () => {
    loadSplat(e, along, own);
    alongRow(e, columns, { inputs: [weights, grad], outputs: [grad] }, (w, g) => {
      f.get(g).get(own).op("f32x4.sub").get(w).op("f32x4.mul").get(scale).op("f32x4.mul").set(g);
      return [g];
    });
    f.addTo(weights, stride).addTo(grad, stride).inc(along, FLOAT);
  });
  e.release(own);
}

function emitDots(e: Emitter): void {
  const { f } = e;
  const [rows, width, x, xStride, y, yStride, out] = f.params;
  const product = e.temp();
  const value = f.local(F32);
  const [sum] = rowSums(e, 1);
  f.countDown(f.local(I32), rows, () => {
    alongRow(e, width, { inputs: [x, y], sums: [sum] }, (a, b) => {
      f.get(a).get(b).op("f32x4.mul").set(product);
      return [product];
    });
    sum.finish();
    f.set(value).store("f32.store", out, value);
    f.addTo(x, xStride).addTo(y, yStride).inc(out, FLOAT);
  });
  e.release(product);
}
