import { composite } from "../dispatch.js";
import { type DType, dtypeWord, isFloatingPoint, isInteger } from "../dtype.js";
import { DTypeError, ShapeError, ValueError } from "../errors.js";
import { finfo } from "../finfo.js";
import { checkScalarFits, isTensor, resultType, type Scalar, type TensorOrScalar } from "../promotion.js";
import { broadcastAll } from "../shape.js";
import { ActivationOps } from "./activation.js";
import { choose, filled, pointwise, refuseBool } from "./elementwise.js";
import type { Tensor } from "./tensor.js";

/** Bounds; both numbers or both tensors, one may be left out. */
export interface ClampOptions {
  readonly min?: TensorOrScalar | null;
  readonly max?: TensorOrScalar | null;
}

/** A factor of the product or quotient. */
export interface ValueOptions {
  readonly value?: number;
}

/** What takes the place of NaN and infinities; the largest finite numbers by default. */
export interface NanToNumOptions {
  readonly nan?: number | null;
  readonly posinf?: number | null;
  readonly neginf?: number | null;
}

/** Pointwise ops of three operands, selection and clamping. */
export class PointwiseOps extends ActivationOps {
  /**
   * Limited to `[min, max]`; gradients pass at the bounds.
   * @throws ValueError if neither bound is given, or if an integer dtype cannot hold one.
   * @example
   * tensor([-2, 0.5, 2]).clamp({ min: -1, max: 1 }); // [-1, 0.5, 1]
   */
  clamp(options: ClampOptions): Tensor {
    const { min = null, max = null } = options ?? {};
    const x = this.self;
    if (min === null && max === null) throw new ValueError("clamp: At least one of 'min' or 'max' must not be None");
    // PyTorch numbers the overload with tensors 0 and that with numbers 1.
    const label = isTensor(min) || isTensor(max) ? "Clamp" : "Clamp1";
    if (max === null) return bounded("clamp", "clampMin", x, min as TensorOrScalar, label);
    if (min === null) return bounded("clamp", "clampMax", x, max, label);
    const dtype = resultType(x, min, max);
    refuseBool("clamp", dtype);
    checkBounds("clamp", dtype, min, max);
    return pointwise("clamp", [x, min, max], { label, dtype });
  }

  /** At least `min`. */
  clampMin(min: TensorOrScalar): Tensor {
    return bounded("clampMin", "clampMin", this.self, min, isTensor(min) ? "ClampMin1" : "ClampMin");
  }

  /** At most `max`. */
  clampMax(max: TensorOrScalar): Tensor {
    return bounded("clampMax", "clampMax", this.self, max, isTensor(max) ? "ClampMax1" : "ClampMax");
  }

  /**
   * This where `condition` is true, `other` elsewhere.
   * @throws DTypeError unless the condition is bool.
   * @example
   * const x = tensor([-1, 2]);
   * x.where(x.gt(0), 0); // [0, 2]
   */
  where(condition: Tensor, other: TensorOrScalar): Tensor {
    return select(condition, this.self, other);
  }

  /** This with `value` where `mask` is true. @throws DTypeError unless the mask is bool. */
  maskedFill(mask: Tensor, value: Scalar | Tensor): Tensor {
    const x = this.self;
    if (mask.dtype !== "bool") {
      throw new DTypeError(`maskedFill: maskedFill only supports boolean masks, but got mask with dtype ${mask.dtype}`, {
        dtypes: [mask.dtype],
      });
    }
    if (isTensor(value) && value.ndim > 0) {
      throw new ShapeError(`maskedFill: only supports a 0-dimensional value tensor, but got tensor with ${value.ndim} dimension(s)`, {
        shapes: [value.shape],
      });
    }
    broadcastAll([x.shape, mask.shape], "maskedFill");
    if (isTensor(value)) return composite("MaskedFill1", [x, value], () => choose(mask, value, x, x.dtype));
    checkScalarFits("maskedFill", value, x.dtype);
    return composite("MaskedFill", [x], () => choose(mask, value, x, x.dtype));
  }

  /** `this + weight * (end - this)`. @throws DTypeError unless the dtypes are equal. */
  lerp(end: Tensor, weight: number | Tensor): Tensor {
    const x = this.self;
    for (const [name, other] of Object.entries({ end, weight })) {
      if (isTensor(other) && other.dtype !== x.dtype) {
        throw new DTypeError(`lerp: expected dtype ${x.dtype} for \`${name}\` but got dtype ${other.dtype}`, {
          dtypes: [x.dtype, other.dtype],
        });
      }
    }
    if (!isTensor(weight)) return composite("Lerp", [x, end], () => lerpBy(x, end, weight));
    // From the nearer end, so that weight 1 gives `end` exactly.
    return composite("Lerp1", [x, end, weight], () =>
      select(weight.detach().abs().lt(0.5), lerpBy(x, end, weight, 0), lerpBy(x, end, weight, 1)),
    );
  }

  /** `this + value * a * b`. */
  addcmul(a: Tensor, b: Tensor, { value = 1 }: ValueOptions = {}): Tensor {
    const x = this.self;
    const factor = isFloatingPoint(resultType(x, a, b)) ? value : Math.trunc(value);
    return composite("Addcmul", [x, a, b], () => x.add(factor === 1 ? a.mul(b) : a.mul(factor).mul(b)));
  }

  /** `this + value * a / b`. @throws DTypeError for integers: divide first. */
  addcdiv(a: Tensor, b: Tensor, { value = 1 }: ValueOptions = {}): Tensor {
    const x = this.self;
    if (!isFloatingPoint(a.dtype) && !isFloatingPoint(b.dtype)) {
      throw new DTypeError("addcdiv: Integer division with addcdiv is not supported; use x.add(a.div(b)) or convert with .float()", {
        dtypes: [a.dtype, b.dtype],
      });
    }
    return composite("Addcdiv", [x, a, b], () => x.add(value === 1 ? a.div(b) : a.mul(value).div(b)));
  }

  /** NaN and infinities replaced by numbers. */
  nanToNum({ nan, posinf, neginf }: NanToNumOptions = {}): Tensor {
    const x = this.self;
    if (!isFloatingPoint(x.dtype)) return x.clone();
    const largest = finfo(x.dtype).max;
    return composite("NanToNum", [x], () => {
      const low = choose(x.isneginf(), neginf ?? -largest, x, x.dtype);
      const high = choose(x.isposinf(), posinf ?? largest, low, x.dtype);
      return choose(x.isnan(), nan ?? 0, high, x.dtype);
    });
  }

  /** 0 where negative, 1 where positive, `values` where zero. @throws DTypeError unless the dtypes are equal. */
  heaviside(values: Tensor): Tensor {
    const x = this.self;
    if (x.dtype !== values.dtype) {
      throw new DTypeError(`heaviside: not yet implemented for tensors with different dtypes, got ${x.dtype} and ${values.dtype}`, {
        dtypes: [x.dtype, values.dtype],
      });
    }
    broadcastAll([x.shape, values.shape], "heaviside");
    return choose(x.eq(0), values, x.gt(0), x.dtype, "Heaviside");
  }

  /** A tensor of the same shape filled with one value; its gradient for this tensor is 0. */
  fill(value: Scalar | Tensor): Tensor {
    const x = this.self;
    const content = filling(x, value);
    return isFloatingPoint(x.dtype) ? choose(filled(x, false, "bool"), x, content, x.dtype, "Fill") : content;
  }
}

/** One value, a plain one or a tensor without dimensions, in the shape and dtype of `x`. */
export function filling(x: Tensor, value: Scalar | Tensor): Tensor {
  if (!isTensor(value)) return filled(x, value);
  if (value.ndim > 0) {
    throw new ShapeError(`fill: only supports 0-dimension value tensor but got tensor with ${value.ndim} dimensions`, {
      shapes: [value.shape],
    });
  }
  return value.cast(x.dtype).expand(x.shape).clone();
}

function checkBounds(name: string, dtype: DType, ...bounds: readonly TensorOrScalar[]): void {
  for (const bound of bounds) if (!isTensor(bound)) checkScalarFits(name, bound, dtype);
}

function bounded(name: string, op: "clampMin" | "clampMax", x: Tensor, bound: TensorOrScalar, label: string): Tensor {
  const dtype = resultType(x, bound);
  checkBounds(name, dtype, bound);
  const bool = op === "clampMin" ? "bitwiseOr" : "bitwiseAnd";
  return pointwise(dtype === "bool" ? bool : op, [x, bound], { name, label, dtype });
}

/**
 * `yes` where `condition` is true, `no` elsewhere; broadcast and promoted.
 * @throws DTypeError unless the condition is bool.
 */
export function select(condition: Tensor, yes: TensorOrScalar, no: TensorOrScalar): Tensor {
  if (condition.dtype !== "bool" && condition.dtype !== "uint8") {
    throw new DTypeError(
      `where: where expected condition to be a boolean tensor, but got a tensor with dtype ${dtypeWord(condition.dtype)}; compare it with .ne(0)`,
      { dtypes: [condition.dtype] },
    );
  }
  const dtype = isTensor(yes) || isTensor(no) ? resultType(yes, no) : scalarsType(condition, yes, no);
  broadcastAll(
    [condition, yes, no].map((x) => (isTensor(x) ? x.shape : [])),
    "where",
  );
  const mask = condition.bool();
  const converts = [yes, no].some((x) => isTensor(x) && x.dtype !== dtype && isFloatingPoint(x.dtype));
  if (!converts) return choose(mask, yes, no, dtype);
  return composite("Where", [yes, no].filter(isTensor), () => choose(mask, yes, no, dtype));
}

/** The dtype of a choice between two numbers, which is that of the numbers on the condition's device. */
function scalarsType(condition: Tensor, yes: Scalar, no: Scalar): ReturnType<typeof resultType> {
  const { dtypes } = condition.storage.backend.limits;
  const dtype = resultType(yes, no);
  return isInteger(dtype) && !dtypes.has(dtype) ? "int32" : dtype;
}

/** Interpolated from the start (`from` 0) or the end (`from` 1); a number chooses the nearer one. */
function lerpBy(x: Tensor, end: Tensor, weight: number | Tensor, from = Math.abs(weight as number) < 0.5 ? 0 : 1): Tensor {
  const way = end.sub(x);
  if (from === 0) return x.add(way.mul(weight));
  return end.sub(way.mul(isTensor(weight) ? weight.rsub(1) : 1 - weight));
}
