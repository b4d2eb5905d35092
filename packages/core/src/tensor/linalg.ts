import { IndexingOps } from "./indexing.js";

/** Linalg ops. */
export class LinalgOps extends IndexingOps {}
