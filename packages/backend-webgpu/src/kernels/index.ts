import type { KernelName } from "@sconce/core";
import { attention, attentionGrad } from "./attention.js";
import { channelNorm, channelNormGrad } from "./channel-norm.js";
import { conv, convInput, convWeight } from "./conv.js";
import { concat, updateSlice } from "./copy.js";
import { elementwise } from "./elementwise.js";
import { gru, gruGrad, rnn, rnnGrad } from "./gru.js";
import { gather, indexSelect, indexUpdate, scatter } from "./indexing.js";
import type { Kernel } from "./kernel.js";
import { layerNorm, layerNormGrad } from "./layer-norm.js";
import { lstm, lstmGrad } from "./lstm.js";
import { matmul } from "./matmul.js";
import { nll, nllGrad } from "./nll.js";
import { avgPool, avgPoolGrad, maxPool } from "./pool.js";
import { random } from "./random.js";
import { reduce } from "./reduce.js";
import { argReduce, cumulate, softmax, softmaxGrad } from "./rows.js";
import { sort } from "./sort.js";

/** The kernel of every primitive, or `decomposed` where core computes it by simpler ones; none falls back to another device. */
export const kernels: { readonly [K in KernelName]: Kernel<K> | "decomposed" } = {
  elementwise,
  reduce,
  argReduce,
  matmul,
  conv,
  convInput,
  convWeight,
  maxPool,
  avgPool,
  avgPoolGrad,
  gather,
  scatter,
  indexSelect,
  indexUpdate,
  updateSlice,
  cumulate,
  sort,
  softmax,
  softmaxGrad,
  attention,
  attentionGrad,
  layerNorm,
  layerNormGrad,
  channelNorm,
  channelNormGrad,
  lstm,
  lstmGrad,
  gru,
  gruGrad,
  rnn,
  rnnGrad,
  nll,
  nllGrad,
  concat,
  random,
};

/** The kernels left to core. */
export const decomposed: ReadonlySet<KernelName> = new Set(
  (Object.keys(kernels) as KernelName[]).filter((k) => kernels[k] === "decomposed"),
);
