import { DiagonalOps } from "./indexing-diagonal.js";

/** Linalg ops. */
export class LinalgOps extends DiagonalOps {}
