/**
 * Recurrent layers without gates: for each step a product with the hidden weights and one kernel for the rest. The reference for float64.
 *
 * @module
 */

import type { RnnAttrs } from "@sconce/core";
import { perMachine } from "../../machine.js";
import { emitRnn } from "../../reduce/gru.js";
import { stepsOf } from "../../reference/lstm.js";
import { instantiate } from "../../wasm/asm.js";
import { ACCUMULATE } from "../../wasm/gemm.js";
import { withDense } from "../copy.js";
import type { Fill } from "../kernel.js";
import { float32 } from "../matmul.js";
import { copy, eachStep, withWeights } from "./steps.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitRnn(options), heap.memory));

export const rnn: Fill<"rnn"> = (machine, inputs, outputs, blocks, attrs: RnnAttrs) => {
  if (outputs[0].dtype !== "float32") return false;
  const [sequences, size] = outputs[1].shape;
  const [output, h, hidden] = blocks.map(({ pointer }) => pointer);
  const copyKernel = float32(machine).exports.copy;
  const forward = kernelsOf(machine)[attrs.relu ? "reluForward" : "tanhForward"];
  withDense(machine, inputs, ([given, h0, w]) => {
    copy(machine, h0, h, sequences * size);
    const steps = stepsOf(attrs);
    withWeights(machine, steps, { n: size, k: size, b: w, bRow: 1, bColumn: size, mode: ACCUMULATE, bias: 0 }, (multiply) =>
      eachStep(machine, steps, 1, size, (calls, rows, row, at, count) => {
        const [own, state] = [4 * at * size, h + 4 * row * size];
        calls.call(copyKernel, 0, [output + own, given + own, 4 * rows * size]);
        multiply(calls, { m: count, a: state, aRow: size, aColumn: 1, c: output + own, cRow: size }, rows);
        calls.call(forward, 0, [rows, size, output + own, state, hidden + own]);
      }),
    );
  });
};

export const rnnGrad: Fill<"rnnGrad"> = (machine, inputs, outputs, blocks, attrs: RnnAttrs) => {
  if (outputs[0].dtype !== "float32") return false;
  const [sequences, size] = outputs[1].shape;
  const [gradGates, gradH] = blocks.map(({ pointer }) => pointer);
  const backward = kernelsOf(machine)[attrs.relu ? "reluBackward" : "tanhBackward"];
  withDense(machine, inputs, ([gradOutput, h, output, w]) => {
    copy(machine, h, gradH, sequences * size);
    const steps = [...stepsOf(attrs)].reverse();
    withWeights(machine, steps, { n: size, k: size, b: w, bRow: size, bColumn: 1, mode: 0, bias: 0 }, (multiply) =>
      eachStep(machine, steps, 1, size, (calls, rows, row, at, count) => {
        const [own, state] = [4 * at * size, gradH + 4 * row * size];
        calls.call(backward, 0, [rows, size, output + own, gradOutput + own, state, gradGates + own]);
        multiply(calls, { m: count, a: gradGates + own, aRow: size, aColumn: 1, c: state, cRow: size }, rows);
      }),
    );
  });
};
