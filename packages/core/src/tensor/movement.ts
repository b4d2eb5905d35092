import { apply } from "../dispatch.js";
import { contiguousValue, isWhole, tensorOf } from "../evaluate.js";
import { inferSize, type Shape, sizeOf, viewStrides } from "../shape.js";
import { constantValue, settledValue as settle } from "../value.js";
import { TensorBase } from "./base.js";
import type { Tensor } from "./tensor.js";

/** Ops that change how elements are seen or where they lie. */
export class MovementOps extends TensorBase {
  /** A copy with memory of its own. */
  clone(): Tensor {
    return apply("cast", [this.self], { dtype: this.dtype }, "Clone");
  }

  /** The tensor without its history, over the same memory. */
  detach(): Tensor {
    return this.share();
  }

  /** This, or a row-major copy if it is not row-major. */
  contiguous(): Tensor {
    return this.isContiguous() ? this.self : this.clone();
  }

  /** The elements in another shape (one size may be -1): a view where strides allow, else of a copy. */
  reshape(shape: Shape): Tensor {
    const to = inferSize(shape, this.numel(), "reshape");
    const base = viewStrides(this.shape, this.strides, to) === null ? this.clone() : this.self;
    return apply("reshape", [base], { shape: to }, "View");
  }

  /** A tensor of `value` in this one's dtype and device. */
  newFull(shape: Shape, value: number | bigint | boolean): Tensor {
    return tensorOf(constantValue(this.storage.backend, shape, this.dtype, value));
  }

  /** A tensor on another backend from host data of this shape. */
  onDevice(backend: Tensor["storage"]["backend"], data: Parameters<typeof backend.upload>[0]): Tensor {
    const handle = backend.upload(data, this.dtype);
    return tensorOf(settle(backend, this.shape, this.dtype, handle));
  }

  /** True if this tensor shows its whole storage in row-major order. */
  isWhole(): boolean {
    return isWhole(this, this.storage.value) && sizeOf(this.shape) === contiguousValue(this.self).size;
  }
}
