/**
 * One step of long short-term memory on rows of float32, after the product with the hidden weights, and its gradient.
 *
 * @module
 */
import { type Emitter, emitFunction } from "../elementwise/emitter.js";
import { sigmoid, tanh } from "../elementwise/math.js";
import { I32, type Local, ModuleBuilder } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import { alongRow } from "./row-loop.js";

const GATES = 4;

/**
 * A module with
 * - `forward(rows, size, gates, h, c, output, hidden, cell)`: activates the gates in place, keeps the states in `hidden` and `cell`, and
 *   replaces them,
 * - `backward(rows, size, gates, cell, gradOutput, gradH, gradC, gradGates)`: replaces the gradient of the cell state too.
 *
 * Rows of the gates are `4 size` elements apart, all others `size`.
 */
export function emitLstm(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  emitFunction(module, "forward", 8, options.fma, emitForward);
  emitFunction(module, "backward", 8, options.fma, emitBackward);
  return module.bytes();
}

const ROWS = 0;
const SIZE = 1;

/** The addresses of the four gates in a row that starts at `row`. */
function gatesOf({ f }: Emitter, row: Local): Local[] {
  const gates = f.locals(I32, GATES);
  for (const [k, gate] of gates.entries()) {
    f.get(k === 0 ? row : gates[k - 1]);
    if (k > 0) f.get(SIZE).i32(2).op("i32.shl", "i32.add");
    f.set(gate);
  }
  return gates;
}

/** Moves addresses on by one row. */
function nextRow({ f }: Emitter, wide: readonly Local[], narrow: readonly Local[]): void {
  for (const pointer of narrow) f.addTo(pointer, () => f.get(SIZE).i32(2).op("i32.shl"));
  for (const pointer of wide) f.addTo(pointer, () => f.get(SIZE).i32(4).op("i32.shl"));
}

function emitForward(e: Emitter): void {
  const { f } = e;
  const [gates, h, c, output, hidden, cell] = [2, 3, 4, 5, 6, 7];
  const [next, result] = [e.temp(), e.temp()];
  f.countDown(f.local(I32), ROWS, () => {
    const four = gatesOf(e, gates);
    alongRow(e, SIZE, { inputs: [...four, h, c], outputs: [...four, hidden, cell, h, c, output] }, (i, forget, g, o, hBefore, cBefore) => {
      for (const gate of [i, forget, o]) {
        sigmoid(e, gate);
        f.set(gate);
      }
      tanh(e, g);
      f.set(g);
      e.mulAdd(i, g, () => f.get(forget).get(cBefore).op("f32x4.mul")).set(next);
      tanh(e, next);
      f.get(o).op("f32x4.mul").set(result);
      return [i, forget, g, o, hBefore, cBefore, result, next, result];
    });
    nextRow(e, [gates], [h, c, output, hidden, cell]);
  });
  e.release(next, result);
}

function emitBackward(e: Emitter): void {
  const { f } = e;
  const [gates, cell, gradOutput, gradH, gradC, gradGates] = [2, 3, 4, 5, 6, 7];
  const [t, one] = [e.temp(), e.f32x4(1)];
  const times = (...factors: Local[]): void => {
    for (const [k, factor] of factors.entries()) {
      f.get(factor);
      if (k > 0) f.op("f32x4.mul");
    }
  };
  /** Multiplies the stack by `x (1 - x)`. */
  const slope = (x: Local): void => void f.get(x).op("f32x4.mul").get(one).get(x).op("f32x4.sub", "f32x4.mul");
  /** Multiplies the stack by `1 - x x`. */
  const slopeOfTanh = (x: Local): void => void f.get(one).get(x).get(x).op("f32x4.mul", "f32x4.sub", "f32x4.mul");
  f.countDown(f.local(I32), ROWS, () => {
    const [four, into] = [gatesOf(e, gates), gatesOf(e, gradGates)];
    const inputs = [...four, cell, gradOutput, gradH, gradC];
    alongRow(e, SIZE, { inputs, outputs: [...into, gradC] }, (i, forget, g, o, before, dOut, dh, dc) => {
      e.mulAdd(i, g, () => f.get(forget).get(before).op("f32x4.mul")).set(t);
      tanh(e, t);
      f.set(t).get(dh).get(dOut).op("f32x4.add").set(dh);
      times(dh, o);
      slopeOfTanh(t);
      f.get(dc).op("f32x4.add").set(dc);
      times(dh, t);
      slope(o);
      f.set(dh);
      times(dc, before);
      slope(forget);
      f.set(before);
      times(dc, forget);
      f.set(dOut);
      times(dc, g);
      slope(i);
      f.set(t);
      times(dc, i);
      slopeOfTanh(g);
      f.set(dc);
      return [t, before, dc, dh, dOut];
    });
    nextRow(e, [gates, gradGates], [cell, gradOutput, gradH, gradC]);
  });
  e.release(t);
}
