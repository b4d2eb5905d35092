/**
 * Matrix products: packed WebAssembly kernels for float32 and float64 with operands in any layout; the reference for integers.
 *
 * @module
 */
import type { Spec, View } from "@sconce/core";
import { type Block, type Machine, perMachine, pointerOf } from "../machine.js";
import { ACCUMULATE, FLOAT32, FLOAT64, type GemmKernels, gemmKernels, product } from "../wasm/gemm.js";
import { copyView } from "./copy.js";
import { type Fill, twin } from "./kernel.js";

const float32 = perMachine(({ heap, options }) => gemmKernels(heap, FLOAT32, options));
const float64 = perMachine(({ heap, options }) => gemmKernels(heap, FLOAT64, options));

/** The matrix kernels of a floating-point dtype. */
export function gemmOf(machine: Machine, dtype: "float32" | "float64"): GemmKernels {
  return dtype === "float32" ? float32(machine) : float64(machine);
}

/** Scratch memory for one product on this machine's thread. */
export function gemmScratch(machine: Machine, kernels: GemmKernels): number {
  return machine.heap.workspace(machine.thread, kernels.workspaceBytes);
}

const general = twin("matmul");

export const matmul: Fill<"matmul"> = (machine, inputs, outputs, blocks, attrs) => {
  const { dtype } = outputs[0];
  if (dtype === "float32" || dtype === "float64") multiply(machine, gemmOf(machine, dtype), inputs, outputs[0], blocks[0]);
  else general(machine, inputs, outputs, blocks, attrs);
};

/** True if the batch dimensions of `x` and its rows are evenly spaced, as if they were all rows. */
function rowsMerge({ shape, strides }: View): boolean {
  for (let d = shape.length - 3; d >= 0; d--) {
    if (shape[d] !== 1 && strides[d] !== strides[d + 1] * shape[d + 1]) return false;
  }
  return true;
}

const batchShared = ({ shape, strides }: View): boolean => strides.every((s, d) => d >= shape.length - 2 || s === 0 || shape[d] === 1);

function multiply(machine: Machine, kernels: GemmKernels, [a, b, bias]: readonly View[], output: Spec, block: Block): void {
  const rank = output.shape.length;
  let m = output.shape[rank - 2];
  const n = output.shape[rank - 1];
  const k = a.shape[rank - 1];
  let batch = 1;
  for (let d = 0; d < rank - 2; d++) batch *= output.shape[d];
  if (m === 0 || n === 0 || batch === 0) return;
  const vector =
    bias !== undefined && (bias.strides[rank - 1] === 1 || n === 1) && batchShared(bias) && (bias.strides[rank - 2] === 0 || m === 1);
  let mode = 0;
  if (bias !== undefined && !vector) {
    copyView(machine, { ...bias, shape: output.shape }, block);
    mode = ACCUMULATE;
  }
  // One matrix for all of the batch: its rows make one tall product.
  if (batch > 1 && batchShared(b) && rowsMerge(a)) {
    m *= batch;
    batch = 1;
  }
  const workspace = gemmScratch(machine, kernels);
  const { bytes } = kernels.element;
  const biasPointer = vector ? pointerOf(bias) : 0;
  const pointers = [pointerOf(a), pointerOf(b)];
  eachBatch(output.shape.slice(0, rank - 2), batch, [a.strides, b.strides], ([atA, atB], i) => {
    product(
      kernels,
      workspace,
      m,
      n,
      k,
      pointers[0] + atA * bytes,
      a.strides[rank - 2],
      a.strides[rank - 1],
      pointers[1] + atB * bytes,
      b.strides[rank - 2],
      b.strides[rank - 1],
      block.pointer + i * m * n * bytes,
      n,
      mode,
      biasPointer,
    );
  });
}

/** Calls `visit` for `count` batch indices with each operand's element offset. */
function eachBatch(
  shape: readonly number[],
  count: number,
  strides: readonly (readonly number[])[],
  visit: (at: readonly number[], i: number) => void,
): void {
  const at = strides.map(() => 0);
  const index = shape.map(() => 0);
  for (let i = 0; i < count; i++) {
    visit(at, i);
    for (let d = shape.length - 1; d >= 0; d--) {
      const wraps = ++index[d] === shape[d];
      for (let o = 0; o < at.length; o++) at[o] += (wraps ? 1 - shape[d] : 1) * strides[o][d];
      if (!wraps) break;
      index[d] = 0;
    }
  }
}
