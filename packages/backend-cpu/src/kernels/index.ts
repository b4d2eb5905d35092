// biome-ignore-all assist/source/organizeImports: modules that are alike lie together in a bundle, which then compresses better.
/**
 * The kernels of the CPU: for each a WebAssembly path for the dtypes and layouts that matter, and the reference kernel for the rest. They come in
 * parts, so that a program can leave out those that it never calls.
 *
 * @module
 */
import type { KernelTable } from "./parts/table.js";
import { ordering } from "./parts/ordering.js";
import { special } from "./parts/special.js";
import { transformer } from "./parts/transformer.js";
import { convolution } from "./parts/convolution.js";
import { dense } from "./parts/dense.js";
import { recurrence } from "./parts/recurrence.js";

export const kernels: KernelTable = { ...dense, ...convolution, ...transformer, ...recurrence, ...ordering, ...special };
