import * as pointwise from "../../reference/elementwise.js";
import * as fused from "../../reference/fused.js";
import * as moving from "../../reference/indexing.js";
import * as likelihood from "../../reference/nll.js";
import * as product from "../../reference/product.js";
import * as counter from "../../reference/random.js";
import * as rows from "../../reference/reduce.js";
import { elementwise, fill as fillElementwise } from "../elementwise.js";
import { gather, indexSelect, indexUpdate, scatter } from "../indexing.js";
import { concat, fillSlice, updateSlice } from "../join.js";
import { matmul } from "../matmul.js";
import { nll, nllGrad } from "../nll.js";
import { argReduce } from "../order.js";
import { random } from "../random.js";
import { reduce } from "../reduce.js";
import { softmax, softmaxGrad } from "../softmax.js";
import type { convolution } from "./convolution.js";
import type { ordering } from "./ordering.js";
import type { recurrence } from "./recurrence.js";
import type { special } from "./special.js";
import { filling, type KernelTable, planning } from "./table.js";
import type { transformer } from "./transformer.js";

/** The other parts together. */
type Apart = typeof convolution & typeof transformer & typeof recurrence & typeof ordering & typeof special;

/**
 * What every network needs: elementwise work, reductions, matrix products, softmax and losses, indexing, random numbers.
 * @example
 * import { cpuBackend, dense } from "@sconce/backend-cpu/parts";
 * registerBackend(cpuBackend([dense]));
 */
export const dense: Omit<KernelTable, keyof Apart> = {
  elementwise: { run: elementwise, fill: fillElementwise, reference: pointwise.elementwise },
  reduce: filling(reduce, rows.reduce),
  argReduce: filling(argReduce, rows.argReduce),
  matmul: planning(matmul, product.matmul),
  gather: filling(gather, moving.gather),
  scatter: filling(scatter, moving.scatter),
  indexSelect: filling(indexSelect, moving.indexSelect),
  indexUpdate: filling(indexUpdate, moving.indexUpdate),
  updateSlice: { run: updateSlice, fill: fillSlice, reference: moving.updateSlice },
  softmax: filling(softmax, rows.softmax),
  softmaxGrad: filling(softmaxGrad, fused.softmaxGrad),
  nll: filling(nll, likelihood.nll),
  nllGrad: filling(nllGrad, likelihood.nllGrad),
  concat: filling(concat, moving.concat),
  random: filling(random, counter.random),
};
