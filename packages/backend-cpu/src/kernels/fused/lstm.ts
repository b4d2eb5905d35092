/**
 * Long short-term memory: for each step a product with the hidden weights and one kernel for the rest. Sequences do not depend on each
 * other, so threads share them for many steps at a time. The reference for float64.
 *
 * @module
 */

import type { RecurrentAttrs } from "@sconce/core";
import { perMachine } from "../../machine.js";
import { emitLstm } from "../../reduce/lstm.js";
import { stepsOf } from "../../reference/lstm.js";
import { instantiate } from "../../wasm/asm.js";
import { ACCUMULATE } from "../../wasm/gemm.js";
import { withDense } from "../copy.js";
import type { Fill } from "../kernel.js";
import { float32 } from "../matmul.js";
import { copy, eachStep, withWeights } from "./steps.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitLstm(options), heap.memory));

export const lstm: Fill<"lstm"> = (machine, inputs, outputs, blocks, attrs: RecurrentAttrs) => {
  if (outputs[0].dtype !== "float32") return false;
  const [sequences, size] = outputs[1].shape;
  const [output, h, c, gates, hidden, cell] = blocks.map(({ pointer }) => pointer);
  const { forward } = kernelsOf(machine);
  const copyKernel = float32(machine).exports.copy;
  withDense(machine, inputs, ([given, h0, c0, w]) => {
    copy(machine, h0, h, sequences * size);
    copy(machine, c0, c, sequences * size);
    const steps = stepsOf(attrs);
    const weights = { n: 4 * size, k: size, b: w, bRow: 1, bColumn: size, mode: ACCUMULATE, bias: 0 };
    withWeights(machine, steps, weights, (multiply) =>
      eachStep(machine, steps, 4, size, (calls, rows, row, at, count) => {
        const [own, state] = [4 * at * size, 4 * row * size];
        calls.call(copyKernel, 0, [gates + 4 * own, given + 4 * own, 16 * rows * size]);
        multiply(calls, { m: count, a: h + state, aRow: size, aColumn: 1, c: gates + 4 * own, cRow: 4 * size }, rows);
        calls.call(forward, 0, [rows, size, gates + 4 * own, h + state, c + state, output + own, hidden + own, cell + own]);
      }),
    );
  });
};

export const lstmGrad: Fill<"lstmGrad"> = (machine, inputs, outputs, blocks, attrs: RecurrentAttrs) => {
  if (outputs[0].dtype !== "float32") return false;
  const [sequences, size] = outputs[1].shape;
  const [gradGates, gradH, gradC] = blocks.map(({ pointer }) => pointer);
  const { backward } = kernelsOf(machine);
  withDense(machine, inputs, ([gradOutput, h, c, gates, cell, w]) => {
    copy(machine, h, gradH, sequences * size);
    copy(machine, c, gradC, sequences * size);
    const steps = [...stepsOf(attrs)].reverse();
    const weights = { n: size, k: 4 * size, b: w, bRow: size, bColumn: 1, mode: 0, bias: 0 };
    withWeights(machine, steps, weights, (multiply) =>
      eachStep(machine, steps, 4, size, (calls, rows, row, at, count) => {
        const [own, state] = [4 * at * size, 4 * row * size];
        const [ahead, states] = [[gates + 4 * own, cell + own, gradOutput + own] as const, [gradH + state, gradC + state] as const];
        calls.call(backward, 0, [rows, size, ...ahead, ...states, gradGates + 4 * own]);
        multiply(calls, { m: count, a: gradGates + 4 * own, aRow: 4 * size, aColumn: 1, c: gradH + state, cRow: size }, rows);
      }),
    );
  });
};
