import type { TensorOptions } from "../creation-options.js";
import { composite } from "../dispatch.js";
import { isFloatingPoint } from "../dtype.js";
import { DTypeError } from "../errors.js";
import { applyHost, type HostOp } from "../extension.js";
import { resultType, type TensorOrScalar } from "../promotion.js";
import type { Shape } from "../shape.js";
import { floats, hostFunction, stretched } from "../special/define.js";
import { type TrapezoidOptions, trapezoid } from "../statistics.js";
import { constantLike, where } from "../tensor/compose.js";
import { convertAll, leadOf } from "../tensor/elementwise.js";
import type { DimArgument } from "../tensor/movement.js";
import type { Tensor } from "../tensor/tensor.js";

// ---- integers

type Integers = (a: bigint, b: bigint) => bigint;

function greatest(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

/** An op on two integers, on the host. */
function integers(name: string, fn: Integers): (x: TensorOrScalar, y: TensorOrScalar) => Tensor {
  const op: HostOp<null> = {
    name,
    infer: ([x]) => [x],
    run: ([x, y], [out]) => {
      const convert = out.dtype === "int64" ? (v: bigint) => v : Number;
      for (let i = 0; i < out.data.length; i++) out.data[i] = convert(fn(BigInt(x.data[i]), BigInt(y.data[i]))) as never;
    },
  };
  return (x, y) => {
    const operands = [x, y];
    const dtype = resultType(...operands);
    if (isFloatingPoint(dtype) || dtype === "bool")
      throw new DTypeError(`${name}: expected integers, got ${dtype}; convert with .int()`, { dtypes: [dtype] });
    return applyHost(op, stretched(name, convertAll(leadOf(name, operands), operands, dtype)), null)[0];
  };
}

/** Greatest common divisors of integers. Runs on the host. @throws DTypeError for floating-point and bool. */
export const gcd: (x: TensorOrScalar, y: TensorOrScalar) => Tensor = integers("gcd", greatest);

/** Least common multiples of integers. Runs on the host. @throws DTypeError for floating-point and bool. */
export const lcm: (x: TensorOrScalar, y: TensorOrScalar) => Tensor = integers("lcm", (a, b) => {
  const divisor = greatest(a, b);
  const product = divisor === 0n ? 0n : (a / divisor) * b;
  return product < 0n ? -product : product;
});

// ---- floating-point numbers

const single = { number: new Float32Array(1), bits: new Int32Array(1) };
single.bits = new Int32Array(single.number.buffer);
const double = { number: new Float64Array(1), bits: new BigInt64Array(1) };
double.bits = new BigInt64Array(double.number.buffer);

function neighbour(x: number, towards: number, narrow: boolean): number {
  if (Number.isNaN(x) || Number.isNaN(towards)) return Number.NaN;
  if (x === towards) return towards;
  if (x === 0) return Math.sign(towards) * (narrow ? 2 ** -149 : Number.MIN_VALUE);
  const up = towards > x === x > 0;
  if (narrow) {
    single.number[0] = x;
    single.bits[0] += up ? 1 : -1;
    return single.number[0];
  }
  double.number[0] = x;
  double.bits[0] += up ? 1n : -1n;
  return double.number[0];
}

/** The next number of the dtype after x towards y. Runs on the host. */
export const nextafter: (x: TensorOrScalar, y: TensorOrScalar) => Tensor = hostFunction("nextafter", ([x, y], round) =>
  neighbour(x, y, round === Math.fround),
);

const EXPONENT: HostOp<null> = {
  name: "frexp",
  infer: ([x]) => [{ shape: x.shape, dtype: "int32" }],
  run: ([x], [out]) => {
    for (let i = 0; i < out.data.length; i++) {
      const size = Math.abs(x.data[i] as number);
      if (size === 0 || !Number.isFinite(size)) continue;
      let e = Math.floor(Math.log2(size)) + 1;
      if (size / 2 ** (e - 1) < 1) e--;
      out.data[i] = size / 2 ** (e - 1) >= 2 ? e + 1 : e;
    }
  },
};

/** Mantissas in [0.5, 1) by absolute value, and int32 exponents: `x = mantissa 2 ** exponent`. Runs on the host. */
export function frexp(x: Tensor): { readonly mantissa: Tensor; readonly exponent: Tensor } {
  if (!isFloatingPoint(x.dtype))
    throw new DTypeError(`frexp: expected a floating-point tensor, got ${x.dtype}; convert with .float()`, {
      dtypes: [x.dtype],
    });
  const [exponent] = applyHost(EXPONENT, [x], null);
  // In two steps, since 2 ** -exponent alone may overflow.
  const half = exponent.floorDivide(2);
  const power = (e: Tensor): Tensor => e.neg().to({ dtype: x.dtype }).exp2();
  return { mantissa: composite("Frexp", [x], () => x.mul(power(half)).mul(power(exponent.sub(half)))), exponent };
}

// ---- what complex numbers give a meaning, for real ones

/** The tensor itself: real numbers are their own conjugates. For pairs see the module `complex`. */
export function conj(x: Tensor): Tensor {
  return x;
}

/** A copy: real numbers are their own conjugates. */
export function conjPhysical(x: Tensor): Tensor {
  return x.clone();
}

/** The tensor itself: no conjugation is ever pending. */
export function resolveConj(x: Tensor): Tensor {
  return x;
}

/** The tensor itself: no negation is ever pending. */
export function resolveNeg(x: Tensor): Tensor {
  return x;
}

/** The tensor itself. For pairs see the module `complex`. */
export function real(x: Tensor): Tensor {
  return x;
}

/** True everywhere. */
export function isreal(x: Tensor): Tensor {
  return constantLike(x, true, "bool", x.shape);
}

/** The angle of real numbers: 0, or π for negative ones. For pairs see the module `complex`. */
export function angle(x: Tensor): Tensor {
  const [y] = floats("angle", [x]);
  return composite("Angle", [y], () => where(y.isnan(), Number.NaN, where(y.lt(0), Math.PI, y.sign().mul(0))));
}

// ---- other names

/** {@link trapezoid}. */
export function trapz(y: Tensor, options: TrapezoidOptions = {}): Tensor {
  return trapezoid(y, options);
}

/** {@link Tensor.narrow} as a copy. */
export function narrowCopy(x: Tensor, dim: number, start: number, length: number): Tensor {
  return x.narrow(dim, start, length).clone();
}

/** `Tensor.split` by a list of sizes. */
export function splitWithSizes(x: Tensor, sizes: readonly number[], dim: DimArgument = 0): Tensor[] {
  return x.split(sizes, dim);
}

/** A tensor of memory that nobody has written, with a layout of its own; zeros here. */
export function newEmptyStrided(x: Tensor, shape: Shape, strides: readonly number[], options: TensorOptions = {}): Tensor {
  const span = shape.includes(0) ? 0 : 1 + shape.reduce((n, size, d) => n + (size - 1) * strides[d], 0);
  return x.newZeros([span], options).asStrided(shape, strides);
}
