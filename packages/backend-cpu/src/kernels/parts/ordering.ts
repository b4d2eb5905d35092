import * as rows from "../../reference/reduce.js";
import { cumulate, sort } from "../order.js";
import { filling, type KernelTable } from "./table.js";

/**
 * Sorting and running sums: `sort`, `topk`, `median`, `unique`, `cumsum` and what is made of them.
 * @example
 * import { cpuBackend, dense, ordering } from "@sconce/backend-cpu/parts";
 * registerBackend(cpuBackend([dense, ordering]));
 */
export const ordering: Pick<KernelTable, "cumulate" | "sort"> = {
  cumulate: filling(cumulate, rows.cumulate),
  sort: filling(sort, rows.sort),
};
