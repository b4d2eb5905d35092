import { optionsOf, type Tensor, ValueError } from "@sconce/core";

/** How the elements of a loss become the result: their mean, their sum, or as they are. */
export type Reduction = "mean" | "sum" | "none";

/** The setting that every loss has. */
export interface ReductionOptions {
  readonly reduction?: Reduction;
}

/** @throws ValueError for an unknown reduction. */
export function checkReduction(op: string, reduction: string): asserts reduction is Reduction {
  if (reduction !== "mean" && reduction !== "sum" && reduction !== "none") {
    throw new ValueError(`${op}: ${reduction} is not a valid value for reduction; there are mean, sum, none`);
  }
}

/** Applies a reduction to the elements of a loss. */
export function reduced(op: string, loss: Tensor, options: ReductionOptions): Tensor {
  const { reduction } = optionsOf(op, options, { reduction: "mean" });
  checkReduction(op, reduction);
  return reduction === "none" ? loss : reduction === "mean" ? loss.mean() : loss.sum();
}
