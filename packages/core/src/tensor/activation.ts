import { apply } from "../dispatch.js";
import { CompareOps } from "./compare.js";
import { constant, refuseBool, requireFloat } from "./elementwise.js";
import type { Tensor } from "./tensor.js";

/** Activation functions of neural networks. */
export class ActivationOps extends CompareOps {
  /** `max(this, 0)`. */
  relu(): Tensor {
    refuseBool("relu", this.dtype);
    return apply("relu", [this.self], null);
  }
  /** `x` where `|x| > lambda`, else 0. */
  hardshrink(lambda = 0.5): Tensor {
    const x = requireFloat("hardshrink", this.self);
    return apply("hardshrink", [x, constant(x, lambda)], null);
  }
}
