/**
 * Normalisation of channels or groups of them in float32, and its gradient. What is normalised together is a group of segments of adjacent
 * elements; a segment has one weight and one bias.
 *
 * @module
 */
import { type Emitter, emitFunction } from "../elementwise/emitter.js";
import { F32, F64, type FunctionBuilder, I32, type Local, ModuleBuilder, type Operand } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import { alongRow, rowSums } from "./row-loop.js";

/**
 * A module with
 * - `forward(groups, segments, length, next, eps, nextGroup, weightNext, weightGroup, x, weight, bias, target, means, variances)`,
 * - `backward(groups, segments, length, next, eps, nextGroup, weightNext, weightGroup, x, weight, grad, target, means, variances, scales,
 *   shifts)`, which leaves the gradients of weight and bias in `scales` and `shifts`.
 *
 * Segments are `next` bytes apart and groups `nextGroup`, their weights `weightNext` and `weightGroup`; `eps` comes as the bits of a float. The
 * names end in the number of the inputs weight and bias that are there.
 */
export function emitChannelNorm(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  const define = (name: string, params: number, emit: (e: Emitter) => void): void => emitFunction(module, name, params, options.fma, emit);
  for (const affine of [0, 1, 2]) define(`forward${affine}`, 14, (e) => emitForward(e, affine));
  for (const affine of [0, 1]) define(`backward${affine}`, 16, (e) => emitBackward(e, affine === 1));
  return module.bytes();
}

const [GROUPS, SEGMENTS, LENGTH, NEXT, EPS, NEXT_GROUP, WEIGHT_NEXT, WEIGHT_GROUP] = [0, 1, 2, 3, 4, 5, 6, 7];

/** Calls `body` for each segment of a group; `large` addresses elements and `small` weights, which are left as they were. */
function eachSegment(f: FunctionBuilder, large: readonly Local[], small: readonly Local[], body: () => void): void {
  const starts = f.locals(I32, large.length + small.length);
  const all = [...large, ...small];
  for (const [i, pointer] of all.entries()) f.get(pointer).set(starts[i]);
  f.countDown(f.local(I32), SEGMENTS, () => {
    body();
    for (const pointer of large) f.addTo(pointer, NEXT);
    for (const pointer of small) f.addTo(pointer, WEIGHT_NEXT);
  });
  for (const [i, pointer] of all.entries()) f.get(starts[i]).set(pointer);
}

/** Elements of a group, as a double. */
const countOf = (f: FunctionBuilder): Operand => {
  const count = f.local(F64);
  f.get(SEGMENTS).op("f64.convert_i32_s").get(LENGTH).op("f64.convert_i32_s", "f64.mul").set(count);
  return count;
};

/** Puts a float and the inverse deviation that belongs to the variance in another into vectors. */
function splatInverse(f: FunctionBuilder, variance: Local, into: Local): void {
  f.f32(1).get(variance).get(EPS).op("f32.reinterpret_i32", "f32.add", "f32.sqrt", "f32.div", "f32x4.splat").set(into);
}

function emitForward(e: Emitter, affine: number): void {
  const { f } = e;
  const [x, weight, bias, target, means, variances] = [8, 9, 10, 11, 12, 13];
  const [mean, inverse, scale, shift, work] = [e.temp(), e.temp(), e.temp(), e.temp(), e.temp()];
  const total = f.local(F64);
  const value = f.local(F32);
  const [sum] = rowSums(e, 1);
  const count = countOf(f);
  /** The mean over a group of what `of` makes of its elements, in `value`. */
  const average = (of: (v: Local) => Local): void => {
    f.f64(0).set(total);
    eachSegment(f, [x], [], () => {
      alongRow(e, LENGTH, { inputs: [x], sums: [sum] }, (v) => [of(v)]);
      sum.finish();
      f.op("f64.promote_f32").get(total).op("f64.add").set(total);
    });
    f.get(total).push(count).op("f64.div", "f32.demote_f64").set(value);
  };
  f.countDown(f.local(I32), GROUPS, () => {
    average((v) => v);
    f.get(value).op("f32x4.splat").set(mean).store("f32.store", means, value);
    average((v) => {
      f.get(v).get(mean).op("f32x4.sub").tee(work).get(work).op("f32x4.mul").set(work);
      return work;
    });
    f.store("f32.store", variances, value);
    splatInverse(f, value, inverse);
    eachSegment(f, [x, target], [weight, bias].slice(0, affine), () => {
      f.get(inverse);
      if (affine > 0) f.get(weight).mem("v128.load32_splat").op("f32x4.mul");
      f.set(scale);
      if (affine > 1) f.get(bias).mem("v128.load32_splat").set(shift);
      alongRow(e, LENGTH, { inputs: [x], outputs: [target] }, (v) => {
        f.get(v).get(mean).op("f32x4.sub").get(scale).op("f32x4.mul");
        if (affine > 1) f.get(shift).op("f32x4.add");
        f.set(work);
        return [work];
      });
    });
    f.inc(means, 4).inc(variances, 4);
    for (const pointer of [x, target]) f.addTo(pointer, NEXT_GROUP);
    for (const pointer of [weight, bias].slice(0, affine)) f.addTo(pointer, WEIGHT_GROUP);
  });
  e.release(mean, inverse, scale, shift, work);
}

function emitBackward(e: Emitter, weighted: boolean): void {
  const { f } = e;
  const [x, weight, grad, target, means, variances, scales, shifts] = [8, 9, 10, 11, 12, 13, 14, 15];
  const [mean, inverse, average, along, scale] = [e.temp(), e.temp(), e.temp(), e.temp(), e.temp()];
  const sums = rowSums(e, 2);
  const value = f.local(F32);
  const count = countOf(f);
  const small = [scales, shifts, ...(weighted ? [weight] : [])];
  /** Sums of the gradient and of it along the normal, of the weight at hand and of the group. */
  const [own, totals] = [f.locals(F64, 2), f.locals(F64, 2)];
  const normalise = (v: Local): void => void f.get(v).get(mean).op("f32x4.sub").get(inverse).op("f32x4.mul").set(v);
  const addSegment = (i: number): void => {
    const part = f.local(F64);
    sums[i].finish();
    f.op("f64.promote_f32").tee(part).get(own[i]).op("f64.add").set(own[i]).get(part);
    if (weighted) f.push(() => f.load("f32.load", weight)).op("f64.promote_f32", "f64.mul");
    f.get(totals[i]).op("f64.add").set(totals[i]);
    f.get(own[i]).op("f32.demote_f64").set(value);
    f.store("f32.store", i === 0 ? shifts : scales, value);
    // Where the next segment has the same weight, the sum goes on.
    f.f64(0).get(own[i]).get(WEIGHT_NEXT).op("select").set(own[i]);
  };
  f.countDown(f.local(I32), GROUPS, () => {
    f.get(means).mem("v128.load32_splat").set(mean);
    f.load("f32.load", variances).set(value);
    splatInverse(f, value, inverse);
    for (const sum of [...own, ...totals]) f.f64(0).set(sum);
    eachSegment(f, [x, grad], small, () => {
      alongRow(e, LENGTH, { inputs: [grad, x], sums }, (g, v) => {
        normalise(v);
        f.get(g).get(v).op("f32x4.mul").set(v);
        return [g, v];
      });
      for (const i of sums.keys()) addSegment(i);
    });
    for (const [i, into] of [average, along].entries()) {
      f.get(totals[i]).push(count).op("f64.div", "f32.demote_f64", "f32x4.splat").set(into);
    }
    eachSegment(f, [x, grad, target], small, () => {
      if (weighted) f.get(weight).mem("v128.load32_splat").set(scale);
      alongRow(e, LENGTH, { inputs: [grad, x], outputs: [target] }, (g, v) => {
        normalise(v);
        f.get(g);
        if (weighted) f.get(scale).op("f32x4.mul");
        f.get(average).op("f32x4.sub").get(v).get(along).op("f32x4.mul", "f32x4.sub").get(inverse).op("f32x4.mul").set(g);
        return [g];
      });
    });
    f.inc(means, 4).inc(variances, 4);
    for (const pointer of [x, grad, target]) f.addTo(pointer, NEXT_GROUP);
    for (const pointer of small) f.addTo(pointer, WEIGHT_GROUP);
  });
  e.release(mean, inverse, average, along, scale);
}
