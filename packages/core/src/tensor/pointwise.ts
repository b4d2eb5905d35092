import { MovementOps } from "./movement.js";

/** Pointwise ops. */
export class PointwiseOps extends MovementOps {}
