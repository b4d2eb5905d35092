/**
 * The reference kernels: what every kernel computes, as plainly as it can be said. They specify the WebAssembly kernels, run the cases
 * that those leave out, and run everything where there is no WebAssembly.
 *
 * @module
 */
import type { KernelName } from "@sconce/core";
import type { ReferenceKernel } from "./array.js";
import { attention, attentionGrad } from "./attention.js";
import { elementwise } from "./elementwise.js";
import { layerNorm, layerNormGrad, softmaxGrad } from "./fused.js";
import { gru, gruGrad, rnn, rnnGrad } from "./gru.js";
import { concat, gather, indexSelect, indexUpdate, scatter, updateSlice } from "./indexing.js";
import { lstm, lstmGrad } from "./lstm.js";
import { nll, nllGrad } from "./nll.js";
import { avgPool, avgPoolGrad, maxPool } from "./pool.js";
import { conv, convInput, convWeight, matmul } from "./product.js";
import { random } from "./random.js";
import { argReduce, cumulate, reduce, softmax, sort } from "./reduce.js";

export const reference: { readonly [K in KernelName]: ReferenceKernel<K> } = {
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
