import { type Tensor, write } from "@sconce/core";
import { normalize } from "./functional/distance.js";
import { Module } from "./module.js";
import { registerParametrization } from "./parametrize.js";
import {
  checkIterations,
  matrixOf,
  normExcept,
  outputDim,
  overSigma,
  type SpectralNormOptions,
  scaledDirection,
  unitVector,
} from "./weight-norms.js";

/** Size and direction of a weight as its originals. */
class _WeightNorm extends Module {
  readonly dim: number | null;

  constructor(dim: number | null) {
    super();
    this.dim = dim;
  }

  override forward(g: Tensor, v: Tensor): Tensor {
    return scaledDirection(g, v, this.dim);
  }

  rightInverse(weight: Tensor): readonly Tensor[] {
    return [normExcept(weight, this.dim), weight];
  }
}

/**
 * Trains the size and the direction of a weight apart, as a parametrization. State: `parametrizations.weight.original0` (sizes) and
 * `original1` (directions).
 *
 * Source: https://arxiv.org/abs/1602.07868
 * @throws ValueError if there is no parameter of this name.
 * @example
 * const layer = nn.utils.parametrizations.weightNorm(new nn.Linear(20, 40));
 */
export function weightNorm<M extends Module>(module: M, name = "weight", { dim = 0 }: { readonly dim?: number | null } = {}): M {
  return registerParametrization(module, name, new _WeightNorm(dim));
}

/** A weight over its largest singular value. */
class _SpectralNorm extends Module {
  static override readonly stateKeys: Readonly<Record<string, string>> = { u: "_u", v: "_v" };

  readonly nPowerIterations: number;
  readonly eps: number;
  readonly dim: number;
  declare u: Tensor;
  declare v: Tensor;

  constructor(weight: Tensor, nPowerIterations: number, eps: number, dim: number) {
    super();
    this.nPowerIterations = nPowerIterations;
    this.eps = eps;
    this.dim = dim < 0 ? dim + weight.ndim : dim;
    if (weight.ndim === 1) return;
    const [rows, columns] = matrixOf(weight, this.dim).shape;
    this.registerBuffer("u", unitVector(rows, weight, eps));
    this.registerBuffer("v", unitVector(columns, weight, eps));
    this.iterate(weight, 15);
  }

  private iterate(weight: Tensor, steps: number): void {
    const matrix = matrixOf(weight.detach(), this.dim);
    const { eps } = this;
    for (let i = 0; i < steps; i++) {
      write(this.u, normalize(matrix.mv(this.v), { dim: 0, eps }));
      write(this.v, normalize(matrix.t().mv(this.u), { dim: 0, eps }));
    }
  }

  override forward(weight: Tensor): Tensor {
    if (weight.ndim === 1) return normalize(weight, { dim: 0, eps: this.eps });
    if (this.training) this.iterate(weight, this.nPowerIterations);
    return overSigma(weight, this.u, this.v, this.dim);
  }

  rightInverse(value: Tensor): Tensor {
    return value;
  }
}

/**
 * Divides a weight by its largest singular value, as a parametrization. State: `parametrizations.weight.original` and the buffers
 * `parametrizations.weight.0._u` and `_v`.
 *
 * Source: https://arxiv.org/abs/1802.05957
 * @throws ValueError if there is no parameter of this name.
 * @example
 * const layer = nn.utils.parametrizations.spectralNorm(new nn.Linear(20, 40));
 */
export function spectralNorm<M extends Module>(module: M, name = "weight", options: SpectralNormOptions = {}): M {
  const { nPowerIterations = 1, eps = 1e-12, dim = outputDim(module) } = options;
  checkIterations("spectralNorm", nPowerIterations);
  const weight = (module as unknown as Record<string, Tensor>)[name];
  return registerParametrization(module, name, new _SpectralNorm(weight.detach(), nPowerIterations, eps, dim));
}
