import { apply, composite } from "../dispatch.js";
import { type DType, dtypeWord, getDefaultDType, isFloatingPoint, isInteger } from "../dtype.js";
import { DTypeError, typeName, ValueError } from "../errors.js";
import { tensorOf } from "../evaluate.js";
import { checkScalarFits, isTensor, resultType, type Scalar, type TensorOrScalar } from "../promotion.js";
import type { ScalarOp } from "../scalar.js";
import { broadcast, type Shape } from "../shape.js";
import { constantValue } from "../value.js";
import type { Tensor } from "./tensor.js";

/** What a pointwise op is called and computes in, where that differs from its primitive. */
export interface PointwiseOptions {
  /** The op that the user called, for errors. */
  readonly name?: string;
  /** PyTorch's word for the autograd node. */
  readonly label?: string | undefined;
  /** The dtype to compute in; the promoted one if it is left out. */
  readonly dtype?: DType;
}

const NONE: PointwiseOptions = {};

/** A number as a tensor without dimensions on `like`'s device: takes no memory and gets no gradient. */
export function constant(like: Tensor, value: Scalar, dtype: DType = like.dtype): Tensor {
  return tensorOf(constantValue(like.storage.backend, [], dtype, value));
}

/** A number in every element of a tensor of `like`'s shape and device. */
export function filled(like: Tensor, value: Scalar, dtype: DType = like.dtype): Tensor {
  return tensorOf(constantValue(like.storage.backend, like.shape, dtype, value));
}

/** Runs a scalar op on tensors and plain values: promotes, checks that the shapes fit, converts. */
export function pointwise(op: ScalarOp, operands: readonly TensorOrScalar[], options: PointwiseOptions = NONE): Tensor {
  const { name = op, label } = options;
  const lead = leadOf(name, operands);
  const dtype = options.dtype ?? resultType(...operands);
  let shape: Shape = lead.shape;
  let converts = false;
  for (const x of operands) {
    if (!isTensor(x) || x === lead) continue;
    shape = broadcast(shape, x.shape, name);
  }
  for (const x of operands) converts ||= isTensor(x) && x.dtype !== dtype && isFloatingPoint(x.dtype);
  const run = (): Tensor => apply(op, convertAll(lead, operands, dtype), null, label);
  // A conversion that gradients pass belongs to the op, as in PyTorch.
  return converts ? composite(label ?? capital(name), operands.filter(isTensor), run) : run();
}

/** The common case without promotion: a floating-point tensor beside a number or a tensor of the same dtype; null for any other. */
export function floatBinary(op: ScalarOp, x: Tensor, other: TensorOrScalar, name: string = op, label?: string): Tensor | null {
  const { dtype } = x;
  if (!isFloatingPoint(dtype)) return null;
  if (typeof other === "number") return apply(op, [x, constant(x, other)], null, label);
  if (!isTensor(other) || other.dtype !== dtype || other.storage.backend !== x.storage.backend) return null;
  broadcast(x.shape, other.shape, name);
  return apply(op, [x, other], null, label);
}

/** {@link pointwise} in a floating-point dtype: integers become the default one. */
export function pointwiseFloat(op: ScalarOp, operands: readonly TensorOrScalar[], options: PointwiseOptions = NONE): Tensor {
  return pointwise(op, operands, { ...options, dtype: floatType(resultType(...operands)) });
}

/** The dtype itself if it is floating-point, else the default one. */
export function floatType(dtype: DType): DType {
  return isFloatingPoint(dtype) ? dtype : getDefaultDType();
}

/** The first operand in order that is a tensor and not a lone number beside others; its device is that of the op. */
export function leadOf(name: string, operands: readonly TensorOrScalar[]): Tensor {
  let lead: Tensor | undefined;
  for (const x of operands) {
    if (isTensor(x)) {
      if (lead === undefined || (lead.ndim === 0 && x.ndim > 0)) lead = x;
    } else if (typeof x !== "number" && typeof x !== "boolean" && typeof x !== "bigint") {
      throw new ValueError(`${name}: expected a tensor or a number, got ${typeName(x)}`);
    } else if (typeof x === "bigint") {
      checkScalarFits(name, x, "int64");
    }
  }
  if (lead === undefined) throw new ValueError(`${name}: expected at least one tensor, got ${operands.join(" and ")}`);
  return lead;
}

/** The operands as tensors of one dtype on the device of `lead`. */
export function convertAll(lead: Tensor, operands: readonly TensorOrScalar[], dtype: DType): readonly Tensor[] {
  return operands.map((x) => {
    if (!isTensor(x)) return constant(lead, x, dtype);
    // A number that lives on the CPU may meet a tensor anywhere.
    const near = x.ndim === 0 && x.device !== lead.device && (x.device as string) === "cpu" ? x.to({ device: lead.device }) : x;
    return near.cast(dtype);
  });
}

/** The autograd word of an op by default. */
export function capital(name: string): string {
  return name[0].toUpperCase() + name.slice(1);
}

/** PyTorch's refusal of a dtype that an op has no kernel for. */
export function notImplemented(op: string, dtype: DType, hint: string): DTypeError {
  return new DTypeError(`${op}: "${op}" not implemented for '${dtypeWord(dtype)}'; ${hint}`, { dtypes: [dtype] });
}

/** @throws DTypeError unless the tensor is floating-point. */
export function requireFloat(op: string, x: Tensor): Tensor {
  if (!isFloatingPoint(x.dtype)) throw notImplemented(op, x.dtype, "convert it with .float() first");
  return x;
}

/** @throws DTypeError for a bool tensor. */
export function refuseBool(op: string, dtype: DType): void {
  if (dtype === "bool") throw notImplemented(op, dtype, "convert it with .int() or .float() first");
}

/** @throws DTypeError for a floating-point dtype. */
export function requireBits(op: string, dtype: DType): void {
  if (dtype !== "bool" && !isInteger(dtype)) throw notImplemented(op, dtype, "it takes integers and bool");
}

/** `yes` where a bool tensor is true, `no` elsewhere; shapes are known to fit. */
export function choose(condition: Tensor, yes: TensorOrScalar, no: TensorOrScalar, dtype: DType, label?: string): Tensor {
  const operand = (x: TensorOrScalar): Tensor => (isTensor(x) ? x.cast(dtype) : constant(condition, x, dtype));
  return apply("where", [condition, operand(yes), operand(no)], null, label);
}
