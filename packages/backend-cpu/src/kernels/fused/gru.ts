/**
 * Gated recurrent units: for each step a product with the hidden weights and one kernel for the rest. The reference for float64.
 *
 * @module
 */

import type { RecurrentAttrs } from "@sconce/core";
import { perMachine } from "../../machine.js";
import { emitGru } from "../../reduce/gru.js";
import { stepsOf } from "../../reference/lstm.js";
import { instantiate } from "../../wasm/asm.js";
import { ACCUMULATE } from "../../wasm/gemm.js";
import { withDense } from "../copy.js";
import type { Fill } from "../kernel.js";
import { copy, eachStep, withWeights } from "./steps.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitGru(options), heap.memory));

export const gru: Fill<"gru"> = (machine, inputs, outputs, blocks, attrs: RecurrentAttrs) => {
  if (outputs[0].dtype !== "float32") return false;
  const [sequences, size] = outputs[1].shape;
  const [output, h, work, hidden] = blocks.map(({ pointer }) => pointer);
  const { forward } = kernelsOf(machine);
  withDense(machine, inputs, ([given, h0, w, bias = 0]) => {
    copy(machine, h0, h, sequences * size);
    const steps = stepsOf(attrs);
    withWeights(machine, steps, { n: 3 * size, k: size, b: w, bRow: 1, bColumn: size, mode: 0, bias }, (multiply) =>
      eachStep(machine, steps, 3, size, (calls, rows, row, at, count) => {
        const [own, state] = [4 * at * size, h + 4 * row * size];
        multiply(calls, { m: count, a: state, aRow: size, aColumn: 1, c: work + 4 * own, cRow: 4 * size }, rows);
        calls.call(forward, 0, [rows, size, given + 3 * own, work + 4 * own, state, output + own, hidden + own]);
      }),
    );
  });
};

export const gruGrad: Fill<"gruGrad"> = (machine, inputs, outputs, blocks, attrs: RecurrentAttrs) => {
  if (outputs[0].dtype !== "float32") return false;
  const [sequences, size] = outputs[2].shape;
  const [gradGates, gradHidden, gradH] = blocks.map(({ pointer }) => pointer);
  const { backward } = kernelsOf(machine);
  withDense(machine, inputs, ([gradOutput, h, work, hidden, w]) => {
    copy(machine, h, gradH, sequences * size);
    const steps = [...stepsOf(attrs)].reverse();
    withWeights(machine, steps, { n: size, k: 3 * size, b: w, bRow: size, bColumn: 1, mode: ACCUMULATE, bias: 0 }, (multiply) =>
      eachStep(machine, steps, 3, size, (calls, rows, row, at, count) => {
        const [own, state] = [4 * at * size, gradH + 4 * row * size];
        const grads = [gradGates + 3 * own, gradHidden + 3 * own];
        calls.call(backward, 0, [rows, size, work + 4 * own, hidden + own, gradOutput + own, state, ...grads]);
        multiply(calls, { m: count, a: gradHidden + 3 * own, aRow: 3 * size, aColumn: 1, c: state, cRow: size }, rows);
      }),
    );
  });
};
