/**
 * Matrix products: packed WebAssembly kernels for float32 and float64 with operands in any layout; the reference for integers.
 *
 * @module
 */

import { type Spec, sizeOf, type View } from "@sconce/core";
import { type Machine, perMachine, pointerOf } from "../machine.js";
import { outside } from "../outside-state.js";
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
  pathOf,
  shareProduct,
} from "../wasm/gemm.js";
import { isWide } from "../wide-state.js";
import { copyView } from "./copy.js";
import type { Plan, Planner } from "./kernel.js";

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

export const matmul: Planner<"matmul"> = (machine, inputs, outputs) => {
  const { dtype } = outputs[0];
  if (dtype !== "float32" && dtype !== "float64") return null;
  return planProduct(machine, (dtype === "float32" ? float32 : float64)(machine), inputs, outputs[0]);
};

/** True if the batch dimensions of `x` and its rows are evenly spaced, as if they were all rows. */
function rowsMerge({ shape, strides }: View): boolean {
  let d = shape.length - 2;
  let step = strides[d] * shape[d];
  while (d-- > 0) {
    // The stride of a single element says nothing.
    if (shape[d] === 1) continue;
    if (strides[d] !== step) return false;
    step *= shape[d];
  }
  return true;
}

const batchShared = ({ shape, strides }: View): boolean => strides.every((s, d) => d >= shape.length - 2 || s === 0 || shape[d] === 1);

function planProduct(machine: Machine, kernels: GemmKernels, [a, b, bias]: readonly View[], { shape }: Spec): Plan {
  const rank = shape.length;
  let m = shape[rank - 2];
  const n = shape[rank - 1];
  const k = a.shape[rank - 1];
  let batch = sizeOf(shape.slice(0, -2));
  if (m === 0 || n === 0 || batch === 0) return () => {};
  const other = outside();
  const vector =
    other === null &&
    bias !== undefined &&
    (bias.strides[rank - 1] === 1 || n === 1) &&
    batchShared(bias) &&
    (bias.strides[rank - 2] === 0 || m === 1);
  const mode = bias !== undefined && !vector ? ACCUMULATE : 0;
  // One matrix for all of the batch: its rows make one tall product.
  if (batch > 1 && batchShared(b) && rowsMerge(a)) {
    m *= batch;
    batch = 1;
  }
  const [aRow, aColumn, bRow, bColumn] = [a, b].flatMap(({ strides }) => strides.slice(-2));
  /** The product of the current call. */
  const p = { m, n, k, a: 0, aRow, aColumn, b: 0, bRow, bColumn, c: 0, cRow: n, mode, bias: Number(vector) };
  const offsets = batchOffsets(shape.slice(0, -2), batch, a, b);
  const nanoseconds = batch * m * n * k * NANOSECONDS_PER_STEP;
  const path = pathOf(p, kernels);
  const { pool } = machine;
  const { bytes } = kernels.element;
  return ([left, right, added], [block]) => {
    if (mode !== 0) copyView(machine, { ...added, shape }, block);
    const [first, second] = [pointerOf(left), pointerOf(right)];
    p.a = first;
    p.b = second;
    p.c = block.pointer;
    if (vector) p.bias = pointerOf(added);
    if (other?.products(machine, bytes, p, offsets)) return;
    const workspace = path === "small" ? 0 : pool.scratch(kernels.workspaceBytes);
    if (batch > 1) {
      shareItems(pool, nanoseconds, batch, 2, (calls, i) => {
        p.a = first + offsets[2 * i] * bytes;
        p.b = second + offsets[2 * i + 1] * bytes;
        p.c = block.pointer + i * m * n * bytes;
        callProduct(calls, kernels, path, p, workspace);
      });
    } else if (nanoseconds < WORTH) callProduct(DIRECT, kernels, path, p, workspace);
    else shareProduct(pool, nanoseconds, p, bytes, (calls, part) => callProduct(calls, kernels, path, part, workspace));
  };
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
