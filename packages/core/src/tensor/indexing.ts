import { ReductionOps } from "./reduction.js";

/** Indexing ops. */
export class IndexingOps extends ReductionOps {}
