import * as norms from "../../reference/channel-norm.js";
import * as pooling from "../../reference/pool.js";
import * as product from "../../reference/product.js";
import { conv, convInput, convWeight } from "../conv.js";
import { channelNorm, channelNormGrad } from "../fused/channel-norm.js";
import { avgPool, avgPoolGrad, maxPool } from "../pool.js";
import { filling, type KernelTable, planning } from "./table.js";

/**
 * Convolution and pooling, and batch and group normalisation in one pass each, which are compositions without this part.
 * @example
 * import { convolution, cpuBackend, dense } from "@sconce/backend-cpu/parts";
 * registerBackend(cpuBackend([dense, convolution]));
 */
export const convolution: Pick<
  KernelTable,
  "conv" | "convInput" | "convWeight" | "maxPool" | "avgPool" | "avgPoolGrad" | "channelNorm" | "channelNormGrad"
> = {
  conv: planning(conv, product.conv),
  convInput: planning(convInput, product.convInput),
  convWeight: planning(convWeight, product.convWeight),
  maxPool: planning(maxPool, pooling.maxPool),
  avgPool: planning(avgPool, pooling.avgPool),
  avgPoolGrad: planning(avgPoolGrad, pooling.avgPoolGrad),
  channelNorm: filling(channelNorm, norms.channelNorm),
  channelNormGrad: filling(channelNormGrad, norms.channelNormGrad),
};
