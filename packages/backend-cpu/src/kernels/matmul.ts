/**
 * Matrix products: packed WebAssembly kernels for float32 and float64 with operands in any layout; the reference for integers.
 *
 * @module
 */

import type { Spec, View } from "@sconce/core";
import { type Block, type Machine, perMachine, pointerOf } from "../machine.js";
import { outside } from "../outside-state.js";
import * as reference from "../reference/product.js";
import { WORTH } from "../threads/pool.js";
import { DIRECT, shareItems } from "../threads/share.js";
import { instantiate } from "../wasm/asm.js";
import {
  ACCUMULATE,
  callProduct,
  emitWideGemm,
  FLOAT32,
  FLOAT64,
  type GemmKernels,
  gemmKernels,
  type Product,
  pathOf,
  shareProduct,
} from "../wasm/gemm.js";
import { isWide } from "../wide-state.js";
import { copyView } from "./copy.js";
import { type Fill, twin } from "./kernel.js";

/** The matrix kernels of float32. */
export const float32 = (machine: Machine): GemmKernels => (isWide() ? wideFloat32 : narrowFloat32)(machine);
const narrowFloat32 = perMachine(({ heap, options }) => gemmKernels(heap, FLOAT32, options));
const wideFloat32 = perMachine((machine): GemmKernels => {
  const wide = instantiate(emitWideGemm(machine.options), machine.heap.memory);
  return { ...narrowFloat32(machine), wide };
});
const float64 = perMachine(({ heap, options }) => gemmKernels(heap, FLOAT64, options));

/** Time of a multiplication and addition; for the choice of threads alone. */
const NANOSECONDS_PER_STEP = 0.04;

const general = twin(reference.matmul);

export const matmul: Fill<"matmul"> = (machine, inputs, outputs, blocks, attrs) => {
  const { dtype } = outputs[0];
  if (dtype === "float32" || dtype === "float64")
    multiply(machine, (dtype === "float32" ? float32 : float64)(machine), inputs, outputs[0], blocks[0]);
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
  const other = outside();
  const vector =
    other === null &&
    bias !== undefined &&
    (bias.strides[rank - 1] === 1 || n === 1) &&
    batchShared(bias) &&
    (bias.strides[rank - 2] === 0 || m === 1);
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
  const p: Product = {
    m,
    n,
    k,
    a: pointerOf(a),
    aRow: a.strides[rank - 2],
    aColumn: a.strides[rank - 1],
    b: pointerOf(b),
    bRow: b.strides[rank - 2],
    bColumn: b.strides[rank - 1],
    c: block.pointer,
    cRow: n,
    mode,
    bias: vector ? pointerOf(bias) : 0,
  };
  const offsets = batch > 1 ? batchOffsets(output.shape.slice(0, rank - 2), batch, a, b) : [0, 0];
  if (other?.products(machine, kernels.element.bytes, p, offsets)) return;
  const nanoseconds = batch * m * n * k * NANOSECONDS_PER_STEP;
  const path = pathOf(p, kernels);
  const { pool } = machine;
  const workspace = path === "small" ? 0 : pool.scratch(kernels.workspaceBytes);
  if (batch > 1) {
    const { bytes } = kernels.element;
    const item = { ...p };
    shareItems(pool, nanoseconds, batch, 2, (calls, i) => {
      item.a = p.a + offsets[2 * i] * bytes;
      item.b = p.b + offsets[2 * i + 1] * bytes;
      item.c = p.c + i * m * n * bytes;
      callProduct(calls, kernels, path, item, workspace);
    });
  } else if (nanoseconds < WORTH) callProduct(DIRECT, kernels, path, p, workspace);
  else shareProduct(pool, nanoseconds, p, kernels.element.bytes, (calls, part) => callProduct(calls, kernels, path, part, workspace));
}

/** Element offsets of the two operands for `count` batch indices, one pair after the other. */
function batchOffsets(shape: readonly number[], count: number, a: View, b: View): number[] {
  const offsets = new Array<number>(2 * count);
  const index = shape.map(() => 0);
  for (let i = 0, atA = 0, atB = 0; i < count; i++) {
    offsets[2 * i] = atA;
    offsets[2 * i + 1] = atB;
    for (let d = shape.length - 1; d >= 0; d--) {
      const wraps = ++index[d] === shape[d];
      const move = wraps ? 1 - shape[d] : 1;
      atA += move * a.strides[d];
      atB += move * b.strides[d];
      if (!wraps) break;
      index[d] = 0;
    }
  }
  return offsets;
}
