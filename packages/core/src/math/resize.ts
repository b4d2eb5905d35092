import { SconceError } from "../errors.js";
import { contiguousValue, tensorOver } from "../evaluate.js";
import { cat } from "../functions.js";
import { contiguousStrides, type Shape, sizeOf } from "../shape.js";
import { constantLike } from "../tensor/compose.js";
import { become } from "../tensor/inplace.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * Gives this very tensor another shape over its memory, which grows by zeros where it is too small. Views of it keep theirs.
 * @throws SconceError if the tensor requires gradients.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { resize_ } from "@sconce/core/math";
 * resize_(tensor([[1, 2], [3, 4]]), [3]); // [1, 2, 3]
 */
export function resize_(x: Tensor, shape: Shape): Tensor {
  if (x.trainable)
    throw new SconceError("resize_: cannot resize variables that require grad; use the op on x.detach()", {
      shapes: [x.shape],
    });
  const { storage, offset } = x;
  const missing = offset + sizeOf(shape) - storage.size;
  if (missing > 0) {
    const memory = tensorOver(storage, { shape: [storage.size], strides: [1], offset: 0 });
    storage.set(contiguousValue(cat([memory, constantLike(x, 0, x.dtype, [missing])])));
  }
  return become(x, x.asStrided(shape, contiguousStrides(shape), offset));
}

/** {@link resize_} to the shape of another tensor. @throws SconceError if the tensor requires gradients. */
export function resizeAs_(x: Tensor, other: Tensor): Tensor {
  return resize_(x, other.shape);
}
