/**
 * Complex numbers as pairs: real and imaginary part lie in a last dimension of size 2, the layout that PyTorch's `view_as_real` shows.
 * Every device and every op takes such tensors; the functions here are those that treat a pair as one number.
 * @module complex
 */
import { formatShape, ShapeError } from "./errors.js";
import { stack } from "./functions.js";
import type { TensorOrScalar } from "./promotion.js";
import { floats, stretched } from "./special/define.js";
import type { Tensor } from "./tensor/tensor.js";

/** @throws ShapeError unless the last dimension holds pairs. */
export function requirePairs(op: string, z: Tensor): Tensor {
  if (z.shape[z.ndim - 1] === 2) return z;
  throw new ShapeError(
    `${op}: Tensor must have a last dimension of size 2 (real and imaginary part), got ${formatShape(z.shape)}; complex(x) makes one`,
    {
      shapes: [z.shape],
    },
  );
}

/**
 * Pairs `[..., 2]` of a real and an imaginary part (0 if left out), which broadcast.
 * @throws ShapeError if they do not.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { abs, complex } from "@sconce/core/complex";
 * abs(complex(tensor([3]), tensor([4]))); // [5]
 */
export function complex(re: Tensor, im: TensorOrScalar = 0): Tensor {
  return stack(stretched("complex", floats("complex", [re, im])), -1);
}

/** Pairs from absolute values and angles. @throws ShapeError if they do not broadcast. */
export function polar(absolute: Tensor, angles: TensorOrScalar): Tensor {
  const [r, phi] = floats("polar", [absolute, angles]);
  return complex(r.mul(phi.cos()), r.mul(phi.sin()));
}

/** The tensor itself, whose last dimension holds the pairs. @throws ShapeError unless it has size 2. */
export function viewAsComplex(z: Tensor): Tensor {
  return requirePairs("viewAsComplex", z);
}

/** The tensor itself: pairs are what it shows. @throws ShapeError unless the last dimension has size 2. */
export function viewAsReal(z: Tensor): Tensor {
  return requirePairs("viewAsReal", z);
}

/** The real parts, as a view. @throws ShapeError unless the last dimension has size 2. */
export function real(z: Tensor): Tensor {
  return requirePairs("real", z).select(-1, 0);
}

/** The imaginary parts, as a view. @throws ShapeError unless the last dimension has size 2. */
export function imag(z: Tensor): Tensor {
  return requirePairs("imag", z).select(-1, 1);
}

/** Absolute values. @throws ShapeError unless the last dimension has size 2. */
export function abs(z: Tensor): Tensor {
  return requirePairs("abs", z).norm({ dim: -1 });
}

/** Angles in (-π, π]. @throws ShapeError unless the last dimension has size 2. */
export function angle(z: Tensor): Tensor {
  return imag(z).atan2(real(z));
}

/** Conjugates. @throws ShapeError unless the last dimension has size 2. */
export function conj(z: Tensor): Tensor {
  return complex(real(z), imag(z).neg());
}

/** Products of pairs. @throws ShapeError unless both last dimensions have size 2. */
export function mul(z: Tensor, w: Tensor): Tensor {
  const [a, b, c, d] = [real(z), imag(z), real(w), imag(w)];
  return complex(a.mul(c).sub(b.mul(d)), a.mul(d).add(b.mul(c)));
}

/** Quotients of pairs. @throws ShapeError unless both last dimensions have size 2. */
export function div(z: Tensor, w: Tensor): Tensor {
  const size = real(w).square().add(imag(w).square());
  return mul(z, conj(w)).div(size.unsqueeze(-1));
}

/** Exponentials of pairs. @throws ShapeError unless the last dimension has size 2. */
export function exp(z: Tensor): Tensor {
  return polar(real(z).exp(), imag(z));
}

/** Products of complex matrices: `[..., n, k, 2]` and `[..., k, m, 2]`. @throws ShapeError if they do not fit. */
export function matmul(z: Tensor, w: Tensor): Tensor {
  const [a, b, c, d] = [real(z), imag(z), real(w), imag(w)];
  return complex(a.matmul(c).sub(b.matmul(d)), a.matmul(d).add(b.matmul(c)));
}
