/**
 * Tensors as rows along one dimension.
 *
 * @module
 */
import { contiguousStrides, sizeOf } from "@sconce/core";
import { collapse, coordinates, dot } from "@sconce/core/shader";
import type { BlockView } from "../machine.js";
import type { Params } from "../params.js";
import type { Source } from "../wgsl/source.js";

/** A tensor as rows along a dimension, with the same rows in a row-major result. */
export interface Rows {
  readonly count: number;
  readonly length: number;
  readonly shape: readonly number[];
  readonly strides: readonly (readonly number[])[];
  readonly offset: number;
  readonly step: number;
  readonly outStep: number;
}

export function rowsOf(x: BlockView, dim: number): Rows {
  const dense = contiguousStrides(x.shape);
  const length = x.shape.length === 0 ? 1 : x.shape[dim];
  const outer = x.shape.map((n, d) => (d === dim ? 1 : n));
  const { shape, strides } = collapse(outer, [x.strides, dense]);
  return { count: sizeOf(outer), length, shape, strides, offset: x.offset, step: x.strides[dim] ?? 0, outStep: dense[dim] ?? 0 };
}

/** Adds the statements that leave `start` and `to` at the start of row `row`; returns the length and the steps. */
export function rowText(source: Source, rank: number, row: string): { length: string; step: string; outStep: string } {
  const [length, step, outStep] = source.ints(3);
  source.add(...coordinates(source, rank, row));
  source.add(`let start = ${source.int()} + ${dot(source, rank)};`, `let to = ${dot(source, rank)};`);
  return { length, step, outStep };
}

export function writeRows(params: Params, { length, step, outStep, shape, offset, strides }: Rows): void {
  params.int(length).int(step).int(outStep).ints(shape.slice(1)).int(offset).ints(strides[0]).ints(strides[1]);
}
