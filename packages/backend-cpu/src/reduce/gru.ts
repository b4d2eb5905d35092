/**
 * One step of gated and of plain recurrent layers on rows of float32, around the products with the hidden weights, and its gradient.
 *
 * @module
 */
import { type Emitter, emitFunction } from "../elementwise/emitter.js";
import { sigmoid, tanh } from "../elementwise/math.js";
import { I32, type Local, ModuleBuilder } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import { alongRow } from "./row-loop.js";

const [ROWS, SIZE] = [0, 1];

/**
 * A module with
 * - `forward(rows, size, gates, work, h, output, hidden)`: `work`, `[rows][4 size]`, holds what the hidden state gave to the reset, update and
 *   new gate, and then the reset and update gates, what was given to the new gate, and that gate; the state is kept in `hidden` and replaced,
 * - `backward(rows, size, work, hidden, gradOutput, gradH, gradGates, gradHidden)`: leaves the part of the state's gradient that does not pass
 *   through the weights in `gradH`.
 *
 * Rows of gates and their gradients are `3 size` elements apart, those of states and outputs `size`.
 */
export function emitGru(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  emitFunction(module, "forward", 7, options.fma, emitGruForward);
  emitFunction(module, "backward", 8, options.fma, emitGruBackward);
  return module.bytes();
}

/** The addresses of `count` parts of a row that starts at `row`. */
function partsOf({ f }: Emitter, row: Local, count: number): Local[] {
  const parts = f.locals(I32, count);
  for (const [k, part] of parts.entries()) {
    f.get(k === 0 ? row : parts[k - 1]);
    if (k > 0) f.get(SIZE).i32(2).op("i32.shl", "i32.add");
    f.set(part);
  }
  return parts;
}

/** Moves addresses on by one row of so many parts. */
function nextRow({ f }: Emitter, parts: number, ...pointers: readonly Local[]): void {
  for (const pointer of pointers) {
    f.addTo(pointer, () =>
      f
        .get(SIZE)
        .i32(4 * parts)
        .op("i32.mul"),
    );
  }
}

function emitGruForward(e: Emitter): void {
  const { f } = e;
  const [gates, work, h, output, hidden] = [2, 3, 4, 5, 6];
  const gate = (given: Local, own: Local): void => {
    f.get(given).get(own).op("f32x4.add").set(given);
    sigmoid(e, given);
    f.set(given);
  };
  f.countDown(f.local(I32), ROWS, () => {
    const [given, own] = [partsOf(e, gates, 3), partsOf(e, work, 4)];
    const outputs = [own[0], own[1], own[3], hidden, h, output];
    alongRow(e, SIZE, { inputs: [...given, ...own.slice(0, 3), h], outputs }, (reset, update, fresh, ownR, ownZ, ownN, before) => {
      gate(reset, ownR);
      gate(update, ownZ);
      f.get(fresh).get(reset).get(ownN).op("f32x4.mul", "f32x4.add").set(fresh);
      tanh(e, fresh);
      f.set(fresh).get(fresh).get(update).get(before).get(fresh).op("f32x4.sub", "f32x4.mul", "f32x4.add").set(ownR);
      return [reset, update, fresh, before, ownR, ownR];
    });
    nextRow(e, 3, gates);
    nextRow(e, 4, work);
    nextRow(e, 1, h, output, hidden);
  });
}

function emitGruBackward(e: Emitter): void {
  const { f } = e;
  const [work, hidden, gradOutput, gradH, gradGates, gradHidden] = [2, 3, 4, 5, 6, 7];
  const one = e.f32x4(1);
  /** Multiplies the stack by `1 - x`. */
  const timesRest = (x: Local): void => void f.get(one).get(x).op("f32x4.sub", "f32x4.mul");
  const times = (x: Local): void => void f.get(x).op("f32x4.mul");
  f.countDown(f.local(I32), ROWS, () => {
    const own = partsOf(e, work, 4);
    const [given, through] = [partsOf(e, gradGates, 3), partsOf(e, gradHidden, 3)];
    const inputs = [...own, hidden, gradOutput, gradH];
    alongRow(e, SIZE, { inputs, outputs: [...given, ...through, gradH] }, (reset, update, ownN, fresh, before, dOut, dh) => {
      f.get(dh).get(dOut).op("f32x4.add").set(dh);
      f.get(before).get(fresh).op("f32x4.sub").get(dh).op("f32x4.mul");
      times(update);
      timesRest(update);
      f.set(before).get(one).get(fresh).get(fresh).op("f32x4.mul", "f32x4.sub").get(dh).op("f32x4.mul");
      timesRest(update);
      f.set(fresh).get(dh).get(update).op("f32x4.mul").set(dh);
      f.get(fresh).get(reset).op("f32x4.mul").set(dOut);
      f.get(dOut).get(ownN).op("f32x4.mul");
      timesRest(reset);
      f.set(reset);
      return [reset, before, fresh, reset, before, dOut, dh];
    });
    nextRow(e, 4, work);
    nextRow(e, 3, gradGates, gradHidden);
    nextRow(e, 1, hidden, gradOutput, gradH);
  });
}

/**
 * A module with
 * - `tanhForward(rows, size, output, h, hidden)`: acts on the sums in `output`, keeps the state in `hidden` and replaces it,
 * - `tanhBackward(rows, size, output, gradOutput, gradH, gradGates)`,
 * - the same for relu. Rows are `size` elements apart.
 */
export function emitRnn(options: KernelOptions): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(options);
  for (const name of ["tanh", "relu"] as const) {
    emitFunction(module, `${name}Forward`, 5, options.fma, (e) => emitRnnForward(e, name));
    emitFunction(module, `${name}Backward`, 6, options.fma, (e) => emitRnnBackward(e, name));
  }
  return module.bytes();
}

function emitRnnForward(e: Emitter, name: "tanh" | "relu"): void {
  const { f } = e;
  const [output, h, hidden] = [2, 3, 4];
  f.countDown(f.local(I32), ROWS, () => {
    alongRow(e, SIZE, { inputs: [output, h], outputs: [output, hidden, h] }, (sum, before) => {
      if (name === "tanh") tanh(e, sum);
      else f.get(sum).get(e.f32x4(0)).op("f32x4.pmax");
      f.set(sum);
      return [sum, before, sum];
    });
    nextRow(e, 1, output, h, hidden);
  });
}

function emitRnnBackward(e: Emitter, name: "tanh" | "relu"): void {
  const { f } = e;
  const [output, gradOutput, gradH, gradGates] = [2, 3, 4, 5];
  f.countDown(f.local(I32), ROWS, () => {
    alongRow(e, SIZE, { inputs: [output, gradOutput, gradH], outputs: [gradGates] }, (y, dOut, dh) => {
      f.get(dh).get(dOut).op("f32x4.add");
      if (name === "tanh") f.get(e.f32x4(1)).get(y).get(y).op("f32x4.mul", "f32x4.sub", "f32x4.mul");
      else f.get(y).get(e.f32x4(0)).op("f32x4.gt", "v128.and");
      f.set(dh);
      return [dh];
    });
    nextRow(e, 1, output, gradOutput, gradH, gradGates);
  });
}
