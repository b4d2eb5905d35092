/**
 * The kernels of the CPU: for each a WebAssembly path for the dtypes and layouts that matter, and the reference kernel for the rest.
 *
 * @module
 */
import type { KernelName } from "@sconce/core";
import { conv, convInput, convWeight } from "./conv.js";
import { elementwise } from "./elementwise.js";
import { attention, attentionGrad } from "./fused/attention.js";
import { gru, gruGrad } from "./fused/gru.js";
import { layerNorm, layerNormGrad } from "./fused/layer-norm.js";
import { lstm, lstmGrad } from "./fused/lstm.js";
import { rnn, rnnGrad } from "./fused/rnn.js";
import { softmaxGrad } from "./fused/softmax-grad.js";
import { gather, indexSelect, indexUpdate, scatter } from "./indexing.js";
import { concat, updateSlice } from "./join.js";
import { intoNew, type Kernel } from "./kernel.js";
import { matmul } from "./matmul.js";
import { nll, nllGrad } from "./nll.js";
import { argReduce, cumulate, sort } from "./order.js";
import { avgPool, avgPoolGrad, maxPool } from "./pool.js";
import { random } from "./random.js";
import { reduce } from "./reduce.js";
import { softmax } from "./softmax.js";

export const kernels: { readonly [K in KernelName]: Kernel<K> } = {
  elementwise,
  reduce: intoNew(reduce),
  argReduce: intoNew(argReduce),
  matmul: intoNew(matmul),
  conv: intoNew(conv),
  convInput: intoNew(convInput),
  convWeight: intoNew(convWeight),
  maxPool: intoNew(maxPool),
  avgPool: intoNew(avgPool),
  avgPoolGrad: intoNew(avgPoolGrad),
  gather: intoNew(gather),
  scatter: intoNew(scatter),
  indexSelect: intoNew(indexSelect),
  indexUpdate: intoNew(indexUpdate),
  updateSlice,
  cumulate: intoNew(cumulate),
  sort: intoNew(sort),
  softmax: intoNew(softmax),
  softmaxGrad: intoNew(softmaxGrad),
  attention: intoNew(attention),
  attentionGrad: intoNew(attentionGrad),
  layerNorm: intoNew(layerNorm),
  layerNormGrad: intoNew(layerNormGrad),
  lstm: intoNew(lstm),
  lstmGrad: intoNew(lstmGrad),
  gru: intoNew(gru),
  gruGrad: intoNew(gruGrad),
  rnn: intoNew(rnn),
  rnnGrad: intoNew(rnnGrad),
  nll: intoNew(nll),
  nllGrad: intoNew(nllGrad),
  concat: intoNew(concat),
  random: intoNew(random),
};
