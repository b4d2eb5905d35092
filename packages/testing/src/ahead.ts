import { prefetch, type Tensor } from "@sconce/core";
import { isTensor } from "./values.js";

/** Ops and modules that need elements of their arguments at once, mostly for the shape of the result; see `docs/differences.md`. */
const READS: ReadonlySet<string> = new Set([
  "AdaptiveLogSoftmaxWithLoss",
  "CTCLoss",
  "argwhere",
  "at",
  "bernoulli",
  "bincount",
  "histogram",
  "index_put",
  "masked_select",
  "multinomial",
  "narrow",
  "nn.functional.ctc_loss",
  "nonzero",
  "repeat_interleave",
  "segment_reduce",
  "tensor_split",
  "unique",
  "unique_consecutive",
]);

/** Reads the arguments of such an op ahead, as a program does on a device that cannot block. */
export async function readAhead(name: string, args: readonly unknown[], kwargs: { readonly [name: string]: unknown }): Promise<void> {
  if (READS.has(name)) await prefetch(...tensorsOf([...args, ...Object.values(kwargs)]));
}

function tensorsOf(value: unknown): Tensor[] {
  if (isTensor(value)) return [value];
  return Array.isArray(value) ? value.flatMap(tensorsOf) : [];
}
