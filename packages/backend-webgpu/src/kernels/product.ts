/**
 * What both variants of the matrix product share.
 *
 * @module
 */
import type { DType } from "@sconce/core";
import { coordinates, dot } from "@sconce/core/shader";
import type { BlockView } from "../machine.js";
import type { Params } from "../params.js";
import type { Source } from "../wgsl/source.js";

/** How a factor is read: four elements along its rows, along its columns, or one by one through strides. */
export type Access = "row" | "column" | "single";

/** What a product's kernel depends on. */
export interface ProductPlan {
  /** Of the operands; float16 is computed in float32. */
  readonly dtype: DType;
  /** Of the result: float32 also for operands of float16. */
  readonly result: DType;
  readonly a: Access;
  readonly b: Access;
  readonly batchRank: number;
  readonly bias: boolean;
  /** The product is added to what the target has. */
  readonly accumulate: boolean;
}

/** Batch layouts of the operands, then rows and columns; `target` is where the result goes, its columns neighbours. */
export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch: readonly number[];
  readonly operands: readonly BlockView[];
  readonly target: BlockView;
}

/** The part of a program's key that both variants share. */
export function productKey({ dtype, result, a, b, batchRank, bias, accumulate }: ProductPlan): string {
  return `${dtype} ${result} ${a} ${b} ${batchRank} ${bias} ${accumulate}`;
}

/** Writes the parameters of both variants. */
export function writeProduct(params: Params, { m, n, k, batch, operands, target }: Product): void {
  const rank = batch.length + 2;
  params.int(m).int(n).int(k).ints(batch.slice(1));
  for (const x of [...operands, target])
    params
      .int(x.offset)
      .ints(x.strides.slice(0, -2))
      .int(x.strides[rank - 2])
      .int(x.strides[rank - 1]);
}

/** Texts of the start of an operand's batch entry, of its row step and its column step. */
export interface OperandText {
  readonly start: string;
  readonly row: string;
  readonly column: string;
}

/** Names of the parameters that both variants share. */
export interface ProductText {
  readonly m: string;
  readonly n: string;
  readonly k: string;
  readonly operands: readonly OperandText[];
  readonly target: OperandText;
}

/** Reserves the parameters of a product and adds the statements that find the batch entry `batch`. */
export function productText(source: Source, { batchRank, bias }: ProductPlan, batch: string): ProductText {
  const [m, n, k] = source.ints(3);
  source.add(...coordinates(source, batchRank, batch, "z"));
  const operand = (name: string): OperandText => {
    source.add(`let ${name}_start = ${source.int()} + ${dot(source, batchRank, "z")};`);
    const [row, column] = source.ints(2);
    return { start: `${name}_start`, row, column };
  };
  return { m, n, k, operands: (bias ? ["a", "b", "bias"] : ["a", "b"]).map(operand), target: operand("to") };
}
