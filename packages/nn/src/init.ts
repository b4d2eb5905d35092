import {
  constantValue,
  DTypeError,
  defaultGenerator,
  drawn,
  drawPermutation,
  encodeArray,
  fillNormal,
  fillUniform,
  formatShape,
  type Generator,
  isFloatingPoint,
  numberArray,
  optionsOf,
  type Shape,
  ShapeError,
  settledValue,
  type Tensor,
  tensorOf,
  ValueError,
  write,
} from "@sconce/core";
import { warn } from "./warn.js";

/** Where an initialiser takes its random numbers from. */
export interface RandomOptions {
  /** The default generator unless given. */
  readonly generator?: Generator | null;
}

/** Settings of the Xavier initialisers. */
export interface XavierOptions extends RandomOptions {
  readonly gain?: number;
}

/** Nonlinearities that {@link calculateGain} knows, in PyTorch's spelling. */
export type Nonlinearity =
  | "linear"
  | "conv1d"
  | "conv2d"
  | "conv3d"
  | "conv_transpose1d"
  | "conv_transpose2d"
  | "conv_transpose3d"
  | "sigmoid"
  | "tanh"
  | "relu"
  | "leaky_relu"
  | "selu";

/** Settings of the Kaiming initialisers. */
export interface KaimingOptions extends RandomOptions {
  /** Negative slope of the leaky ReLU that follows. */
  readonly a?: number;
  /** Keeps the variance in the forward pass (`fan_in`) or in the backward pass. */
  readonly mode?: "fan_in" | "fan_out";
  readonly nonlinearity?: Nonlinearity;
}

type FloatArray = Float32Array | Float64Array;

function generatorOf(options: RandomOptions): Generator {
  return optionsOf("init", options).generator ?? defaultGenerator();
}

function floatArray(tensor: Tensor, length: number, op: string): FloatArray {
  if (isFloatingPoint(tensor.dtype)) return numberArray(tensor.dtype, length) as FloatArray;
  throw new DTypeError(`${op}: expected a floating-point tensor, got ${tensor.dtype}`, { dtypes: [tensor.dtype] });
}

/** Writes host data into a tensor without recording, so that parameters may be filled at any time. */
function put(tensor: Tensor, data: FloatArray): Tensor {
  const { backend } = tensor.storage;
  if (data.length > 0)
    write(
      tensor,
      tensorOf(settledValue(backend, tensor.shape, tensor.dtype, backend.upload(encodeArray(data, tensor.dtype), tensor.dtype))),
    );
  return tensor;
}

function filled(tensor: Tensor, op: string, fill: (data: FloatArray) => void): Tensor {
  const data = drawn(() => {
    const out = floatArray(tensor, tensor.numel(), op);
    fill(out);
    return out;
  });
  return put(tensor, data);
}

/**
 * Fills a tensor uniformly from `[a, b)` and returns it.
 * @example
 * init.uniform_(layer.weight, -0.1, 0.1);
 */
export function uniform_(tensor: Tensor, a = 0, b = 1, options: RandomOptions = {}): Tensor {
  const generator = generatorOf(options);
  return filled(tensor, "uniform_", (data) => fillUniform(generator, data, a, b, tensor.dtype));
}

/**
 * Fills a tensor from the normal distribution and returns it.
 * @example
 * init.normal_(layer.weight, 0, 0.01);
 */
export function normal_(tensor: Tensor, mean = 0, std = 1, options: RandomOptions = {}): Tensor {
  optionsOf("normal_", { mean, std }, { mean: 0, std: 1 });
  const generator = generatorOf(options);
  return filled(tensor, "normal_", (data) => fillNormal(generator, data, mean, std));
}

/** Settings of {@link truncNormal_}. */
export interface TruncNormalOptions extends RandomOptions {
  readonly mean?: number;
  readonly std?: number;
  /** Smallest value. */
  readonly a?: number;
  /** Largest value. */
  readonly b?: number;
}

/** Fills a tensor from the normal distribution cut off outside of `[a, b]`, and returns it. */
export function truncNormal_(tensor: Tensor, options: TruncNormalOptions = {}): Tensor {
  const { mean, std, a, b } = optionsOf("truncNormal_", options, { mean: 0, std: 1, a: -2, b: 2 });
  if (mean < a - 2 * std || mean > b + 2 * std) {
    warn("mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may be incorrect.");
  }
  const low = normalCdf((a - mean) / std);
  const high = normalCdf((b - mean) / std);
  filled(tensor, "truncNormal_", (data) => fillUniform(generatorOf(options), data, 2 * low - 1, 2 * high - 1));
  write(
    tensor,
    tensor
      .detach()
      .erfinv()
      .mul(std * Math.SQRT2)
      .add(mean)
      .clamp({ min: a, max: b }),
  );
  return tensor;
}

/** The standard normal distribution function. */
function normalCdf(x: number): number {
  return 0.5 * (1 + erf(x / Math.SQRT2));
}

/** The error function in float64 by its series of terms of one sign. Source: Abramowitz and Stegun, 7.1.6 */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** Fills a tensor with `value` and returns it. */
export function constant_(tensor: Tensor, value: number): Tensor {
  write(tensor, tensorOf(constantValue(tensor.storage.backend, tensor.shape, tensor.dtype, value)));
  return tensor;
}

/** Fills a tensor with ones and returns it. */
export function ones_(tensor: Tensor): Tensor {
  return constant_(tensor, 1);
}

/** Fills a tensor with zeros and returns it. */
export function zeros_(tensor: Tensor): Tensor {
  return constant_(tensor, 0);
}

/**
 * Makes a matrix the identity, as far as it goes, and returns it.
 * @throws ShapeError unless it has two dimensions.
 */
export function eye_(tensor: Tensor): Tensor {
  const [rows, columns] = matrixShape("eye_", tensor);
  return filled(tensor, "eye_", (data) => {
    for (let i = 0; i < Math.min(rows, columns); i++) data[i * columns + i] = 1;
  });
}

/**
 * Makes a convolution of weight `[F, C / groups, ...]` pass its channels on unchanged, as far as there are filters; returns the weight.
 * @throws ShapeError unless it has 3 to 5 dimensions and the groups divide the filters.
 */
export function dirac_(tensor: Tensor, options: { readonly groups?: number } = {}): Tensor {
  const { groups } = optionsOf("dirac_", options, { groups: 1 });
  const { shape } = tensor;
  if (shape.length < 3 || shape.length > 5) {
    throw new ShapeError(`dirac_: Only tensors with 3, 4, or 5 dimensions are supported, got ${formatShape(shape)}`, {
      shapes: [shape],
    });
  }
  if (shape[0] % groups !== 0) {
    throw new ShapeError(`dirac_: dim 0 must be divisible by groups, got ${formatShape(shape)} and groups=${groups}`, {
      shapes: [shape],
    });
  }
  const perGroup = shape[0] / groups;
  const kernel = shape.slice(2);
  const size = kernel.reduce((n, k) => n * k, 1);
  const center = kernel.reduce((at, k) => at * k + Math.floor(k / 2), 0);
  return filled(tensor, "dirac_", (data) => {
    for (let g = 0; g < groups; g++) {
      for (let d = 0; d < Math.min(perGroup, shape[1]); d++) data[((g * perGroup + d) * shape[1] + d) * size + center] = 1;
    }
  });
}

/** Numbers of inputs and outputs of a layer by the shape of its weight. @throws ShapeError for fewer than two dimensions. */
export function fans({ shape }: { readonly shape: Shape }): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length < 2) {
    throw new ShapeError(
      `init: Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, got ${formatShape(shape)}`,
      { shapes: [shape] },
    );
  }
  const field = shape.slice(2).reduce((n, k) => n * k, 1);
  return { fanIn: shape[1] * field, fanOut: shape[0] * field };
}

const GAINS: { readonly [K in Nonlinearity]: (param: number | undefined) => number } = {
  linear: () => 1,
  conv1d: () => 1,
  conv2d: () => 1,
  conv3d: () => 1,
  conv_transpose1d: () => 1,
  conv_transpose2d: () => 1,
  conv_transpose3d: () => 1,
  sigmoid: () => 1,
  tanh: () => 5 / 3,
  relu: () => Math.SQRT2,
  leaky_relu: (slope = 0.01) => Math.sqrt(2 / (1 + slope ** 2)),
  selu: () => 3 / 4,
};

/**
 * The factor by which a nonlinearity should have its weights scaled.
 * @throws ValueError for an unknown nonlinearity.
 * @example
 * init.calculateGain("leaky_relu", 0.2); // 1.3867504905630728
 */
export function calculateGain(nonlinearity: Nonlinearity, param?: number): number {
  if (!Object.hasOwn(GAINS, nonlinearity)) {
    throw new ValueError(`calculateGain: Unsupported nonlinearity ${nonlinearity}; there are ${Object.keys(GAINS).join(", ")}`);
  }
  return GAINS[nonlinearity](param);
}

function xavierStd(tensor: Tensor, options: XavierOptions): number {
  const { gain } = optionsOf("init", options, { gain: 1 });
  const { fanIn, fanOut } = fans(tensor);
  return gain * Math.sqrt(2 / (fanIn + fanOut));
}

/** Fills a weight uniformly by Glorot's rule and returns it. Source: http://proceedings.mlr.press/v9/glorot10a.html */
export function xavierUniform_(tensor: Tensor, options: XavierOptions = {}): Tensor {
  const bound = Math.sqrt(3) * xavierStd(tensor, options);
  return uniform_(tensor, -bound, bound, options);
}

/** Fills a weight from the normal distribution by Glorot's rule and returns it. */
export function xavierNormal_(tensor: Tensor, options: XavierOptions = {}): Tensor {
  return normal_(tensor, 0, xavierStd(tensor, options), options);
}

function kaimingStd(tensor: Tensor, options: KaimingOptions): number {
  const { a, mode, nonlinearity } = optionsOf("init", options, { a: 0, mode: "fan_in", nonlinearity: "leaky_relu" });
  const { fanIn, fanOut } = fans(tensor);
  if (mode !== "fan_in" && mode !== "fan_out") {
    throw new ValueError(`init: Mode ${mode} not supported, please use one of fan_in, fan_out`);
  }
  return calculateGain(nonlinearity, a) / Math.sqrt(mode === "fan_in" ? fanIn : fanOut);
}

/** Fills a weight uniformly by He's rule and returns it. Source: https://arxiv.org/abs/1502.01852 */
export function kaimingUniform_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  if (tensor.shape.includes(0)) return tensor;
  const bound = Math.sqrt(3) * kaimingStd(tensor, options);
  return uniform_(tensor, -bound, bound, options);
}

/** Fills a weight from the normal distribution by He's rule and returns it. */
export function kaimingNormal_(tensor: Tensor, options: KaimingOptions = {}): Tensor {
  if (tensor.shape.includes(0)) return tensor;
  return normal_(tensor, 0, kaimingStd(tensor, options), options);
}

/**
 * Fills a weight, seen as a matrix of its first dimension by the rest, with orthonormal rows or columns times `gain`; returns it.
 * @throws ShapeError for fewer than two dimensions.
 */
export function orthogonal_(tensor: Tensor, options: XavierOptions = {}): Tensor {
  const { gain } = optionsOf("orthogonal_", options, { gain: 1 });
  const { shape } = tensor;
  if (shape.length < 2) {
    throw new ShapeError(`orthogonal_: Only tensors with 2 or more dimensions are supported, got ${formatShape(shape)}`, {
      shapes: [shape],
    });
  }
  const rows = shape[0];
  const columns = tensor.numel() / Math.max(rows, 1);
  return filled(tensor, "orthogonal_", (data) => {
    if (data.length === 0) return;
    fillNormal(generatorOf(options), data, 0, 1);
    const wide = rows < columns;
    const vectors = Array.from({ length: Math.min(rows, columns) }, (_, k) =>
      Float64Array.from({ length: Math.max(rows, columns) }, (_, i) => (wide ? data[k * columns + i] : data[i * columns + k])),
    );
    orthonormalise(vectors);
    vectors.forEach((v, k) => {
      for (let i = 0; i < v.length; i++) data[wide ? k * columns + i : i * columns + k] = gain * v[i];
    });
  });
}

/** Gram and Schmidt, twice over for full precision: the factor Q of a QR whose R has a positive diagonal. */
function orthonormalise(vectors: readonly Float64Array[]): void {
  const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
  vectors.forEach((v, k) => {
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) {
        const along = dot(v, vectors[j]);
        for (let i = 0; i < v.length; i++) v[i] -= along * vectors[j][i];
      }
    }
    const norm = Math.sqrt(dot(v, v));
    for (let i = 0; i < v.length; i++) v[i] /= norm;
  });
}

/**
 * Fills a matrix from the normal distribution with a share `sparsity` of every column set to zero, and returns it.
 * @throws ShapeError unless it has two dimensions.
 */
export function sparse_(tensor: Tensor, sparsity: number, options: { readonly std?: number } & RandomOptions = {}): Tensor {
  const { std } = optionsOf("sparse_", options, { std: 0.01 });
  const generator = generatorOf(options);
  const [rows, columns] = matrixShape("sparse_", tensor);
  const zeros = Math.ceil(sparsity * rows);
  return filled(tensor, "sparse_", (data) => {
    fillNormal(generator, data, 0, std);
    for (let column = 0; column < columns; column++) {
      for (const row of drawPermutation(generator, rows).subarray(0, zeros)) data[row * columns + column] = 0;
    }
  });
}

function matrixShape(op: string, { shape }: Tensor): [rows: number, columns: number] {
  if (shape.length !== 2) {
    throw new ShapeError(`${op}: Only tensors with 2 dimensions are supported, got ${formatShape(shape)}`, { shapes: [shape] });
  }
  return [shape[0], shape[1]];
}
