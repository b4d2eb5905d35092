import type { DType } from "../dtype.js";
import { numberArray } from "../dtype.js";
import { cat } from "../functions.js";
import { constantPadNd } from "../nn/pad.js";
import { fromHost, narrowAt, permuteTo, reshapeTo } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";

/** Up to this length a transform is one matrix product. */
const DIRECT = 64;
/** The longest step of a longer one. */
const RADIX = 32;

/**
 * The discrete Fourier transform of rows `[N, n, 2]` (`[N, n]` if `real`) to `[N, n, 2]`, with `exp(sign 2πi jk / n)`. Matrix products with
 * small Fourier matrices and twiddle factors between them take O(n log n) for every n; what has a large prime factor becomes a
 * convolution. All of it composes differentiable ops, on every device.
 *
 * Source: Cooley and Tukey, https://doi.org/10.1090/S0025-5718-1965-0178586-1; Bluestein, https://doi.org/10.1109/TAU.1970.1162132
 */
export function transform(x: Tensor, n: number, sign: 1 | -1, real: boolean): Tensor {
  const [rows] = x.shape;
  const parts = real ? 1 : 2;
  if (n <= DIRECT) return reshapeTo(reshapeTo(x, [rows, n * parts]).matmul(fourierMatrix(x, n, sign, parts)), [rows, n, 2]);
  const radix = factorOf(n);
  if (radix === 1) return bluestein(real ? withZeros(x) : x, n, sign);
  const rest = n / radix;
  // j = rest a + b, k = c + radix d
  const columns = permuteTo(reshapeTo(x, [rows, radix, rest, parts]), [0, 2, 1, 3]); // [N, b, a, parts]
  const first = transform(reshapeTo(columns, real ? [rows * rest, radix] : [rows * rest, radix, 2]), radix, sign, real); // [N b, c, 2]
  const turned = turn(reshapeTo(first, [rows, rest, radix, 2]), twiddles(x, n, rest, radix, sign));
  const inner = reshapeTo(permuteTo(turned, [0, 2, 1, 3]), [rows * radix, rest, 2]); // [N c, b, 2]
  const second = reshapeTo(transform(inner, rest, sign, false), [rows, radix, rest, 2]); // [N, c, d, 2]
  return reshapeTo(permuteTo(second, [0, 2, 1, 3]), [rows, n, 2]);
}

/** The largest divisor that makes a good step; 1 if there is none. */
function factorOf(n: number): number {
  for (let r = Math.min(RADIX, n - 1); r > 1; r--) if (n % r === 0) return r;
  for (let r = RADIX + 1; r <= DIRECT; r++) if (n % r === 0 && r < n) return r;
  return 1;
}

/** Numbers in the dtype and on the device of `like`. */
function constants(like: Tensor, shape: readonly number[], fill: (data: Float64Array) => void): Tensor {
  const data = numberArray(
    "float64" as DType,
    shape.reduce((a, b) => a * b, 1),
  ) as Float64Array;
  fill(data);
  const rounded = like.dtype === "float64" ? data : Float32Array.from(data);
  return fromHost(like.storage.backend, shape, like.dtype, rounded);
}

/** `[parts n, 2 n]`: the transform of pairs as a product with real numbers. */
function fourierMatrix(like: Tensor, n: number, sign: number, parts: number): Tensor {
  return constants(like, [parts * n, 2 * n], (out) => {
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++) {
        const angle = (sign * 2 * Math.PI * ((j * k) % n)) / n;
        const at = parts * j * 2 * n + 2 * k;
        out[at] = Math.cos(angle);
        out[at + 1] = Math.sin(angle);
        if (parts === 1) continue;
        out[at + 2 * n] = -Math.sin(angle);
        out[at + 2 * n + 1] = Math.cos(angle);
      }
    }
  });
}

/** A factor for each pair: what multiplies it as it lies, and what multiplies it with its parts swapped. */
interface Factors {
  readonly straight: Tensor;
  readonly swapped: Tensor;
}

/** Unit factors of angles, over `shape` with the pairs. */
function unitFactors(like: Tensor, shape: readonly number[], angle: (i: number) => number): Factors {
  const fill = (one: (a: number) => readonly [number, number]) => (out: Float64Array) => {
    for (let i = 0; i < out.length / 2; i++) [out[2 * i], out[2 * i + 1]] = one(angle(i));
  };
  return {
    straight: constants(
      like,
      shape,
      fill((a) => [Math.cos(a), Math.cos(a)]),
    ),
    swapped: constants(
      like,
      shape,
      fill((a) => [-Math.sin(a), Math.sin(a)]),
    ),
  };
}

function twiddles(like: Tensor, n: number, rest: number, radix: number, sign: number): Factors {
  return unitFactors(like, [rest, radix, 2], (i) => (sign * 2 * Math.PI * Math.floor(i / radix) * (i % radix)) / n);
}

/** Pairs times factors, in one pass over memory. */
function turn(x: Tensor, { straight, swapped }: Factors): Tensor {
  return x.mul(straight).add(x.flip(-1).mul(swapped));
}

function withZeros(x: Tensor): Tensor {
  const column = x.unsqueeze(-1);
  return cat([column, column.newZeros(column.shape)], -1);
}

/** A transform as a convolution with a chirp, by transforms whose length is a power of 2. */
function bluestein(x: Tensor, n: number, sign: 1 | -1): Tensor {
  let size = 1;
  while (size < 2 * n - 1) size *= 2;
  // j² mod 2n, so that the angle keeps its digits.
  const angle = (j: number): number => (sign * Math.PI * ((j * j) % (2 * n))) / n;
  const chirp = unitFactors(x, [n, 2], angle);
  const kernel = constants(x, [1, size, 2], (out) => {
    for (let j = 0; j < n; j++) {
      for (const at of j === 0 ? [0] : [j, size - j]) [out[2 * at], out[2 * at + 1]] = [Math.cos(angle(j)), -Math.sin(angle(j))];
    }
  });
  const padded = constantPadNd(turn(x, chirp), [0, 0, 0, size - n]);
  const spectrum = transform(kernel, size, -1, false);
  const [re, im] = [spectrum.narrow(-1, 0, 1), spectrum.narrow(-1, 1, 1)];
  const factors = { straight: cat([re, re], -1), swapped: cat([im.neg(), im], -1) };
  const convolved = transform(turn(transform(padded, size, -1, false), factors), size, 1, false).div(size);
  return turn(narrowAt(convolved, 1, 0, n), chirp);
}
