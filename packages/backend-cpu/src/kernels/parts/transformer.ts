import * as attending from "../../reference/attention.js";
import * as rows from "../../reference/fused.js";
import { attention, attentionGrad } from "../fused/attention.js";
import { layerNorm, layerNormGrad } from "../fused/layer-norm.js";
import { filling, type KernelTable, planning } from "./table.js";

/**
 * Attention and layer normalisation in one pass each. Without them compositions run, which give the same numbers in more time and memory.
 * @example
 * import { cpuBackend, dense, transformer } from "@sconce/backend-cpu/parts";
 * registerBackend(cpuBackend([dense, transformer]));
 */
export const transformer: Pick<KernelTable, "attention" | "attentionGrad" | "layerNorm" | "layerNormGrad"> = {
  attention: planning(attention, attending.attention),
  attentionGrad: planning(attentionGrad, attending.attentionGrad),
  layerNorm: filling(layerNorm, rows.layerNorm),
  layerNormGrad: filling(layerNormGrad, rows.layerNormGrad),
};
