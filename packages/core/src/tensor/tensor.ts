import { start } from "../dispatch.js";
import { evaluateWith, write } from "../evaluate.js";
import { TensorBase } from "./base.js";
import { SamplingOps } from "./sampling.js";

/**
 * A multi-dimensional array on a device. Elementwise work is deferred and fused; a read, a reduction or a matrix product runs it.
 * Make one with `tensor`, `zeros`, `randn` and the other creation functions.
 */
export class Tensor extends SamplingOps {
  static {
    // The families between have no state: a tensor is made by its base at once, not by a dozen constructors.
    Object.setPrototypeOf(Tensor, TensorBase);
  }

  // The one knot of the chain: ops need evaluation, evaluation makes tensors.
  static {
    start(
      evaluateWith((storage, layout) => new Tensor(storage, layout)),
      write,
    );
  }
}
