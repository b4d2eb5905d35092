/**
 * The steps of recurrent layers: sequences do not depend on each other, so threads share them for many steps at a time.
 *
 * @module
 */
import type { Machine } from "../../machine.js";
import type { stepsOf } from "../../reference/lstm.js";
import { getNumThreads } from "../../threads/settings.js";
import { type Calls, shareRange } from "../../threads/share.js";
import { callProduct, PANELS, type Product, packPanels, panelBytes, pathOf, type Right } from "../../wasm/gemm.js";
import type { Pointer } from "../../wasm/memory.js";
import { float32 } from "../matmul.js";

/** For the choice of threads alone. */
const NANOSECONDS_PER_PRODUCT = 0.04;
const NANOSECONDS_PER_UNIT = 2.5;
/** Steps of one job, as far as its list of calls reaches. */
const STEPS_PER_JOB = 256;
/** Sequences that a part has a multiple of. */
const ROW_UNIT = 4;

/** Calls `body` for the rows of each step that each thread has, in order. */
export function eachStep(
  machine: Machine,
  steps: ReturnType<typeof stepsOf>,
  gates: number,
  size: number,
  body: (calls: Calls, rows: number, row: number, first: number, count: number) => void,
): void {
  for (let start = 0; start < steps.length; start += STEPS_PER_JOB) {
    const own = steps.slice(start, start + STEPS_PER_JOB);
    const most = Math.max(...own.map((step) => step.count));
    const each = gates * size * (size * NANOSECONDS_PER_PRODUCT + NANOSECONDS_PER_UNIT);
    const share = (calls: Calls, row: number, end: number): void => {
      for (const { first, count } of own) if (row < count) body(calls, Math.min(end, count) - row, row, first + row, count);
    };
    // One part each: more would leave more tiles of the products half empty.
    shareRange(machine.pool, own.length * most * each, most, ROW_UNIT, share, getNumThreads());
  }
}

/** Does `rows` rows of a product with the weights; the whole of the step is given, so that all of its rows go by one kernel. */
type Multiply = (calls: Calls, step: Omit<Product, keyof Right>, rows: number) => void;

/** Panels that serve all steps are better than no panels. */
const ALL_PACKED = { direct: false };

/** Calls `use` with the product that all steps do, whose weights are packed once for them. */
export function withWeights(machine: Machine, steps: ReturnType<typeof stepsOf>, weights: Right, use: (multiply: Multiply) => void): void {
  const kernels = float32(machine);
  const workspace = machine.pool.scratch(kernels.workspaceBytes);
  const panels = steps.length > 1 ? machine.heap.alloc(panelBytes(weights)) : 0;
  try {
    if (panels) packPanels(kernels, weights, panels, workspace);
    const { n, k, bRow, bColumn, bias } = weights;
    use((calls, { m, a, aRow, aColumn, c, cRow }, rows) => {
      // Literals: objects that others are spread into would take longer than all else that a call costs.
      const { b, mode } = weights;
      const path = pathOf({ m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, mode, bias }, ALL_PACKED);
      const right = panels && path === "packed" ? { b: panels, mode: mode | PANELS } : weights;
      const part = { m: rows, n, k, a, aRow, aColumn, b: right.b, bRow, bColumn, c, cRow, mode: right.mode, bias };
      callProduct(calls, kernels, path, part, workspace);
    });
  } finally {
    if (panels) machine.heap.free(panels);
  }
}

/** Copies float32 elements. */
export const copy = (machine: Machine, from: Pointer, to: Pointer, elements: number): void =>
  void machine.heap.u8.copyWithin(to, from, from + 4 * elements);
