import { apply, mutate } from "../dispatch.js";
import { SconceError, ShapeError } from "../errors.js";
import { checkCast, checkScalarFits, isTensor, type Scalar, type TensorOrScalar } from "../promotion.js";
import { type Layout, normalizeDim, type Shape, sameShape } from "../shape.js";
import type { AlphaOptions, DivOptions } from "./arithmetic.js";
import { defineInPlace, fitting } from "./compose.js";
import { filled } from "./elementwise.js";
import { type ClampOptions, filling, type NanToNumOptions, type ValueOptions } from "./pointwise.js";
import { StatisticsOps } from "./statistics.js";
import type { Tensor } from "./tensor.js";

/**
 * Writes the result of an op into its first operand.
 * @throws DTypeError if the dtype would drop to a lower kind. @throws ShapeError if the op would make the tensor grow.
 */
export function into(x: Tensor, op: string, result: Tensor): Tensor {
  checkCast(op, result.dtype, x.dtype);
  mutate(x, fitting(op, x, result).cast(x.dtype));
  // Only the content is needed from here on, and it is shared.
  if (result.storage !== x.storage) result.dispose();
  return x;
}

/** Arithmetic, filling, comparison and layout changes in place. Each returns the tensor itself, and views of it see the change. */
export interface InplaceOps {
  /** {@link div_} without rounding. */
  trueDivide_(other: TensorOrScalar): Tensor;

  /** {@link floorDivide} in place. */
  floorDivide_(other: TensorOrScalar): Tensor;

  /** {@link remainder} in place. */
  remainder_(other: TensorOrScalar): Tensor;

  /** {@link fmod} in place. */
  fmod_(other: TensorOrScalar): Tensor;

  /** {@link pow} in place. */
  pow_(exponent: TensorOrScalar): Tensor;

  /** {@link atan2} in place. */
  atan2_(other: TensorOrScalar): Tensor;

  /** {@link copysign} in place. */
  copysign_(other: TensorOrScalar): Tensor;

  /** {@link hypot} in place. */
  hypot_(other: TensorOrScalar): Tensor;

  /** {@link xlogy} in place. */
  xlogy_(other: TensorOrScalar): Tensor;

  /** {@link clampMin} in place. */
  clampMin_(min: TensorOrScalar): Tensor;

  /** {@link clampMax} in place. */
  clampMax_(max: TensorOrScalar): Tensor;

  /** {@link nanToNum} in place. */
  nanToNum_(options?: NanToNumOptions): Tensor;

  /** {@link heaviside} in place. */
  heaviside_(values: Tensor): Tensor;

  /** Writes `value` where `mask` is true. */
  maskedFill_(mask: Tensor, value: Scalar | Tensor): Tensor;

  /** {@link eq} in place: 1 where true, 0 elsewhere. */
  eq_(other: TensorOrScalar): Tensor;

  /** {@link ne} in place. */
  ne_(other: TensorOrScalar): Tensor;

  /** {@link lt} in place. */
  lt_(other: TensorOrScalar): Tensor;

  /** {@link le} in place. */
  le_(other: TensorOrScalar): Tensor;

  /** {@link gt} in place. */
  gt_(other: TensorOrScalar): Tensor;

  /** {@link ge} in place. */
  ge_(other: TensorOrScalar): Tensor;

  /** {@link logicalAnd} in place. */
  logicalAnd_(other: Tensor): Tensor;

  /** {@link logicalOr} in place. */
  logicalOr_(other: Tensor): Tensor;

  /** {@link logicalXor} in place. */
  logicalXor_(other: Tensor): Tensor;

  /** {@link logicalNot} in place. */
  logicalNot_(): Tensor;

  /** {@link bitwiseAnd} in place. */
  bitwiseAnd_(other: TensorOrScalar): Tensor;

  /** {@link bitwiseOr} in place. */
  bitwiseOr_(other: TensorOrScalar): Tensor;

  /** {@link bitwiseXor} in place. */
  bitwiseXor_(other: TensorOrScalar): Tensor;

  /** {@link ldexp} in place. */
  ldexp_(other: Tensor): Tensor;

  /** {@link bitwiseLeftShift} in place. */
  bitwiseLeftShift_(other: TensorOrScalar): Tensor;

  /** {@link bitwiseRightShift} in place. */
  bitwiseRightShift_(other: TensorOrScalar): Tensor;

  /** {@link bitwiseNot} in place. */
  bitwiseNot_(): Tensor;
}

/** Arithmetic, filling, comparison and layout changes in place. Each returns the tensor itself, and views of it see the change. */
export class InplaceOps extends StatisticsOps {
  /** `this += alpha * other`. */
  add_(other: TensorOrScalar, options?: AlphaOptions): Tensor {
    return into(this.self, "add_", this.add(other, options));
  }

  /** `this -= alpha * other`. */
  sub_(other: TensorOrScalar, options?: AlphaOptions): Tensor {
    return into(this.self, "sub_", this.sub(other, options));
  }

  /** `this *= other`. */
  mul_(other: TensorOrScalar): Tensor {
    return into(this.self, "mul_", this.mul(other));
  }

  /** `this /= other`. */
  div_(other: TensorOrScalar, options?: DivOptions): Tensor {
    return into(this.self, "div_", this.div(other, options));
  }

  /** {@link lerp} in place. */
  lerp_(end: Tensor, weight: number | Tensor): Tensor {
    return into(this.self, "lerp_", this.lerp(end, weight));
  }

  /** `this += value * a * b`. */
  addcmul_(a: Tensor, b: Tensor, options?: ValueOptions): Tensor {
    return into(this.self, "addcmul_", this.addcmul(a, b, options));
  }

  /** `this += value * a / b`. */
  addcdiv_(a: Tensor, b: Tensor, options?: ValueOptions): Tensor {
    return into(this.self, "addcdiv_", this.addcdiv(a, b, options));
  }

  /** {@link clamp} in place. */
  clamp_(bounds: ClampOptions): Tensor {
    return into(this.self, "clamp_", this.clamp(bounds));
  }

  /** Writes one value everywhere. @throws ValueError if the dtype cannot hold it. */
  fill_(value: Scalar | Tensor): Tensor {
    const x = this.self;
    if (!isTensor(value)) checkScalarFits("fill_", value, x.dtype);
    return mutate(x, filling(x, value));
  }

  /** Writes zeros. */
  zero_(): Tensor {
    return mutate(this.self, filled(this.self, 0));
  }

  /** Writes `value` on the main diagonal of a matrix. */
  fillDiagonal_(value: number): Tensor {
    if (this.ndim < 2) throw new ShapeError("fillDiagonal_: dimensions must larger than 1", { shapes: [this.shape] });
    this.diagonal().fill_(value);
    return this.self;
  }

  /** Copies the elements of `source`, stretched, converted and moved to this device. @throws ShapeError if it does not fit. */
  copy_(source: Tensor): Tensor {
    const x = this.self;
    const near = source.to({ device: x.device });
    const fitting = sameShape(near.shape, x.shape) ? near : near.expand(x.shape);
    return mutate(x, apply("cast", [fitting], { dtype: x.dtype }, "Copy"));
  }

  // ---- the layout of this very tensor

  /** {@link t} of this tensor itself. */
  t_(): Tensor {
    return become(this.self, this.t());
  }

  /** {@link transpose} of this tensor itself. */
  transpose_(dim0: number, dim1: number): Tensor {
    return become(this.self, this.transpose(dim0, dim1));
  }

  /** {@link swapaxes} of this tensor itself. */
  swapaxes_(dim0: number, dim1: number): Tensor {
    return become(this.self, this.swapaxes(dim0, dim1));
  }

  /** {@link squeeze} of this tensor itself. */
  squeeze_(dim?: number): Tensor {
    return become(this.self, this.squeeze(dim));
  }

  /** {@link unsqueeze} of this tensor itself. */
  unsqueeze_(dim: number): Tensor {
    return become(this.self, this.unsqueeze(normalizeDim(dim, this.ndim + 1, "unsqueeze_")));
  }

  /** {@link asStrided} of this tensor itself. @throws ShapeError if it reaches outside the storage. */
  asStrided_(shape: Shape, strides: readonly number[], offset: number = this.offset): Tensor {
    return become(this.self, this.asStrided(shape, strides, offset));
  }

  /** Forgets how the tensor was computed; it wants no gradients from then on. */
  detach_(): Tensor {
    this.slot = this.detach().slot;
    return this.markTrainable(false);
  }
}

defineInPlace(
  InplaceOps.prototype,
  into,
  "trueDivide floorDivide remainder fmod pow atan2 copysign hypot xlogy clampMin clampMax nanToNum heaviside maskedFill eq ne lt le gt ge logicalAnd logicalOr logicalXor logicalNot bitwiseAnd bitwiseOr bitwiseXor ldexp bitwiseLeftShift bitwiseRightShift bitwiseNot",
);

/** Takes the layout and the history of a view of itself. */
export function become(x: Tensor, view: Tensor): Tensor {
  if (x.trainable) {
    throw new SconceError(
      "in-place view: a leaf Variable that requires grad is being used in an in-place operation; its gradient would not fit: use the op " +
        "without the underscore",
      { op: "in-place view", shapes: [x.shape, view.shape] },
    );
  }
  relayout(x, view);
  x.slot = view.slot;
  return x;
}

/** Sets the layout, which is fixed for all but the in-place view ops. */
function relayout(target: { -readonly [K in keyof Layout]: Layout[K] }, { shape, strides, offset }: Layout): void {
  target.shape = shape;
  target.strides = strides;
  target.offset = offset;
}
