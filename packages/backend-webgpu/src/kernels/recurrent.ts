/**
 * What recurrent layers over a packed batch share.
 *
 * @module
 */
import type { RecurrentAttrs, Spec } from "@sconce/core";
import type { BlockView, Machine } from "../machine.js";
import type { Params } from "../params.js";
import type { Block } from "../pool.js";
import type { Source } from "../wgsl/source.js";
import { copyInto } from "./copy.js";
import { wholeView } from "./kernel.js";

/** The steps in the order in which they run: the first row of each and how many there are. */
export function stepsOf({ batchSizes, reverse }: RecurrentAttrs): readonly { readonly first: number; readonly count: number }[] {
  let first = 0;
  const steps = batchSizes.map((count) => {
    const step = { first, count };
    first += count;
    return step;
  });
  return reverse ? steps.reverse() : steps;
}

/** Rows of a matrix. */
export function rowsOf(x: BlockView, first: number, count: number): BlockView {
  return { ...x, shape: [count, x.shape[1]], offset: x.offset + first * x.strides[0] };
}

/** A matrix as it lies in a block of its own. */
export function matrix(block: Block, rows: number, columns: number): BlockView {
  return wholeView(block, { shape: [rows, columns], dtype: "float32" });
}

/** A new block with what a view reads. */
export function stateFrom(machine: Machine, x: BlockView, spec: Spec): Block {
  const block = machine.alloc(spec);
  copyInto(machine, x, { block, strides: [spec.shape[1], 1], offset: 0 });
  return block;
}

/** Weights `[G, H]` as the right factor of a product with states. */
export function turned({ shape, strides, ...w }: BlockView): BlockView {
  return { ...w, shape: [shape[1], shape[0]], strides: [strides[1], strides[0]] };
}

/** Reserves the layout of a matrix; returns the text of the element of row `row` in a column. */
export function elementText(source: Source, name: string): (column: string) => string {
  const [start, down, across] = source.ints(3);
  return (column) => `${name}[${start} + row * ${down} + (${column}) * ${across}]`;
}

/** Writes the layouts of matrices. */
export function writeMatrices(params: Params, matrices: readonly BlockView[]): void {
  for (const { offset, strides } of matrices) params.int(offset).ints(strides);
}
