import { PointwiseOps } from "./pointwise.js";

/** Reduction ops. */
export class ReductionOps extends PointwiseOps {}
