/**
 * The kernels of the CPU: for each a WebAssembly path for the dtypes and layouts that matter, and the reference kernel for the rest.
 *
 * @module
 */
import type { KernelName } from "@sconce/core";
import { elementwise } from "./elementwise.js";
import { intoNew, type Kernel, twin } from "./kernel.js";
import { matmul } from "./matmul.js";

export const kernels: { readonly [K in KernelName]: Kernel<K> } = {
  elementwise: intoNew(elementwise),
  reduce: intoNew(twin("reduce")),
  argReduce: intoNew(twin("argReduce")),
  matmul: intoNew(matmul),
  conv: intoNew(twin("conv")),
  convInput: intoNew(twin("convInput")),
  convWeight: intoNew(twin("convWeight")),
  maxPool: intoNew(twin("maxPool")),
  avgPool: intoNew(twin("avgPool")),
  avgPoolGrad: intoNew(twin("avgPoolGrad")),
  gather: intoNew(twin("gather")),
  scatter: intoNew(twin("scatter")),
  indexSelect: intoNew(twin("indexSelect")),
  indexUpdate: intoNew(twin("indexUpdate")),
  updateSlice: intoNew(twin("updateSlice")),
  cumulate: intoNew(twin("cumulate")),
  sort: intoNew(twin("sort")),
  softmax: intoNew(twin("softmax")),
  concat: intoNew(twin("concat")),
  random: intoNew(twin("random")),
};
