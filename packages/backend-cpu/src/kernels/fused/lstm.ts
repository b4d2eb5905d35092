/**
 * Long short-term memory: for each step a product with the hidden weights and one kernel for the rest. Sequences do not depend on each
 * other, so threads share them for many steps at a time. The reference for float64.
 *
 * @module
 */
import type { RecurrentAttrs } from "@sconce/core";
import { type Machine, perMachine } from "../../machine.js";
import { emitLstm } from "../../reduce/lstm.js";
import { stepsOf } from "../../reference/lstm.js";
import { type Calls, shareRange } from "../../threads/share.js";
import { instantiate } from "../../wasm/asm.js";
import { ACCUMULATE, callProduct, type Product, pathOf } from "../../wasm/gemm.js";
import type { Pointer } from "../../wasm/memory.js";
import { type Fill, twin } from "../kernel.js";
import { float32 } from "../matmul.js";
import { withDense } from "./dense.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitLstm(options), heap.memory));

/** For the choice of threads alone. */
const NANOSECONDS_PER_PRODUCT = 0.04;
const NANOSECONDS_PER_UNIT = 10;
/** Steps of one job, as far as its list of calls reaches. */
const STEPS_PER_JOB = 256;
/** Sequences that a part has a multiple of. */
const ROW_UNIT = 4;

const general = { lstm: twin("lstm"), lstmGrad: twin("lstmGrad") };

/** Calls `body` for the rows of each step that each thread has, in order. */
function eachStep(
  machine: Machine,
  steps: ReturnType<typeof stepsOf>,
  size: number,
  body: (calls: Calls, rows: number, row: number, first: number, count: number) => void,
): void {
  for (let start = 0; start < steps.length; start += STEPS_PER_JOB) {
    const own = steps.slice(start, start + STEPS_PER_JOB);
    const most = Math.max(...own.map((step) => step.count));
    const each = size * (4 * size * NANOSECONDS_PER_PRODUCT + NANOSECONDS_PER_UNIT);
    shareRange(machine.pool, own.length * most * each, most, ROW_UNIT, (calls, row, end) => {
      for (const { first, count } of own) if (row < count) body(calls, Math.min(end, count) - row, row, first + row, count);
    });
  }
}

/** A product whose whole has `count` rows, of which the calls take `rows`. */
function multiply(machine: Machine, calls: Calls, workspace: Pointer, whole: Product, rows: number): void {
  callProduct(calls, float32(machine), pathOf(whole), { ...whole, m: rows }, workspace);
}

const copy = (machine: Machine, from: Pointer, to: Pointer, elements: number): void =>
  void machine.heap.u8.copyWithin(to, from, from + 4 * elements);

export const lstm: Fill<"lstm"> = (machine, inputs, outputs, blocks, attrs: RecurrentAttrs) => {
  if (outputs[0].dtype !== "float32") {
    general.lstm(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const [total, size] = outputs[0].shape;
  const [sequences] = outputs[1].shape;
  const [output, h, c, gates, hidden, cell] = blocks.map(({ pointer }) => pointer);
  const workspace = machine.pool.scratch(float32(machine).workspaceBytes);
  const { forward } = kernelsOf(machine);
  withDense(machine, inputs, ([given, h0, c0, w]) => {
    copy(machine, given, gates, 4 * total * size);
    copy(machine, h0, h, sequences * size);
    copy(machine, c0, c, sequences * size);
    eachStep(machine, stepsOf(attrs), size, (calls, rows, row, at, count) => {
      const [own, state] = [4 * at * size, 4 * row * size];
      const right = { b: w, bRow: 1, bColumn: size, c: gates + 4 * own, cRow: 4 * size, mode: ACCUMULATE, bias: 0 };
      multiply(machine, calls, workspace, { m: count, n: 4 * size, k: size, a: h + state, aRow: size, aColumn: 1, ...right }, rows);
      calls.call(forward, 0, [rows, size, gates + 4 * own, h + state, c + state, output + own, hidden + own, cell + own]);
    });
  });
};

export const lstmGrad: Fill<"lstmGrad"> = (machine, inputs, outputs, blocks, attrs: RecurrentAttrs) => {
  if (outputs[0].dtype !== "float32") {
    general.lstmGrad(machine, inputs, outputs, blocks, attrs);
    return;
  }
  const [sequences, size] = outputs[1].shape;
  const [gradGates, gradH, gradC] = blocks.map(({ pointer }) => pointer);
  const workspace = machine.pool.scratch(float32(machine).workspaceBytes);
  const { backward } = kernelsOf(machine);
  withDense(machine, inputs, ([gradOutput, h, c, gates, cell, w]) => {
    copy(machine, h, gradH, sequences * size);
    copy(machine, c, gradC, sequences * size);
    eachStep(machine, [...stepsOf(attrs)].reverse(), size, (calls, rows, row, at, count) => {
      const [own, state] = [4 * at * size, 4 * row * size];
      calls.call(backward, 0, [
        rows,
        size,
        gates + 4 * own,
        cell + own,
        gradOutput + own,
        gradH + state,
        gradC + state,
        gradGates + 4 * own,
      ]);
      const left = { a: gradGates + 4 * own, aRow: 4 * size, aColumn: 1 };
      const right = { b: w, bRow: size, bColumn: 1, c: gradH + state, cRow: size, mode: 0, bias: 0 };
      multiply(machine, calls, workspace, { m: count, n: size, k: 4 * size, ...left, ...right }, rows);
    });
  });
};
