/**
 * The kernels of the CPU: for each a WebAssembly path for the dtypes and layouts that matter, and the reference kernel for the rest.
 *
 * @module
 */
import type { KernelName } from "@sconce/core";
import { conv, convInput, convWeight } from "./conv.js";
import { elementwise } from "./elementwise.js";
import { concat, updateSlice } from "./join.js";
import { intoNew, type Kernel, twin } from "./kernel.js";
import { matmul } from "./matmul.js";
import { avgPool, avgPoolGrad, maxPool } from "./pool.js";
import { reduce } from "./reduce.js";
import { softmax } from "./softmax.js";

export const kernels: { readonly [K in KernelName]: Kernel<K> } = {
  elementwise: intoNew(elementwise),
  reduce: intoNew(reduce),
  argReduce: intoNew(twin("argReduce")),
  matmul: intoNew(matmul),
  conv: intoNew(conv),
  convInput: intoNew(convInput),
  convWeight: intoNew(convWeight),
  maxPool: intoNew(maxPool),
  avgPool: intoNew(avgPool),
  avgPoolGrad: intoNew(avgPoolGrad),
  gather: intoNew(twin("gather")),
  scatter: intoNew(twin("scatter")),
  indexSelect: intoNew(twin("indexSelect")),
  indexUpdate: intoNew(twin("indexUpdate")),
  updateSlice,
  cumulate: intoNew(twin("cumulate")),
  sort: intoNew(twin("sort")),
  softmax: intoNew(softmax),
  concat: intoNew(concat),
  random: intoNew(twin("random")),
};
