/**
 * Long short-term memory: for each step a product with the hidden weights and one kernel for the rest. Sequences do not depend on each
 * other, so threads share them for many steps at a time. The reference for float64.
 *
 * @module
 */

import type { RecurrentAttrs } from "@sconce/core";
import { perMachine } from "../../machine.js";
import { emitLstm } from "../../reduce/lstm.js";
import * as reference from "../../reference/lstm.js";
import { stepsOf } from "../../reference/lstm.js";
import { instantiate } from "../../wasm/asm.js";
import { ACCUMULATE } from "../../wasm/gemm.js";
import { type Fill, twin } from "../kernel.js";
import { float32 } from "../matmul.js";
import { withDense } from "./dense.js";
import { copy, eachStep, multiply } from "./steps.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitLstm(options), heap.memory));

const general = { lstm: twin(reference.lstm), lstmGrad: twin(reference.lstmGrad) };

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
    eachStep(machine, stepsOf(attrs), 4, size, (calls, rows, row, at, count) => {
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
    eachStep(machine, [...stepsOf(attrs)].reverse(), 4, size, (calls, rows, row, at, count) => {
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
