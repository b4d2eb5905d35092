import { LinalgOps } from "./linalg.js";

/** Conv ops. */
export class ConvOps extends LinalgOps {}
