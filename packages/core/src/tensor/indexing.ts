import { CountOps } from "./reduction-count.js";

/** Indexing ops. */
export class IndexingOps extends CountOps {}
