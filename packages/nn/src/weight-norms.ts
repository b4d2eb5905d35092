import { randn, Tensor, ValueError, write } from "@sconce/core";
import { deriveField, restoreField } from "./derived.js";
import { normalize } from "./functional/distance.js";
import type { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** Norm over all dimensions but one, which stays; over all of them for null. */
export function normExcept(v: Tensor, dim: number | null): Tensor {
  if (dim === null) return v.norm();
  const kept = dim < 0 ? dim + v.ndim : dim;
  const others = v.shape.map((_, d) => d).filter((d) => d !== kept);
  return others.length === 0 ? v.abs() : v.norm(2, others, { keepdim: true });
}

/** `g v / |v|`. */
export function scaledDirection(g: Tensor, v: Tensor, dim: number | null): Tensor {
  return v.mul(g.div(normExcept(v, dim)));
}

/** A weight as a matrix with `dim` first. */
export function matrixOf(weight: Tensor, dim: number): Tensor {
  return (dim === 0 ? weight : weight.movedim(dim, 0)).flatten(1);
}

/** A vector of length 1, from the normal distribution. */
export function unitVector(size: number, { dtype, device }: Tensor, eps: number): Tensor {
  return normalize(randn([size], { dtype, device }), { dim: 0, eps });
}

/** The weight over its largest singular value, with the vectors as they are. */
export function overSigma(weight: Tensor, u: Tensor, v: Tensor, dim: number): Tensor {
  const sigma = u.detach().clone().dot(matrixOf(weight, dim).mv(v.detach().clone()));
  return weight.div(sigma);
}

type Fields = Record<string, Tensor>;
const fieldsOf = (module: Module): Fields => module as unknown as Fields;

function weightOf(op: string, module: Module, name: string): Parameter {
  const weight = fieldsOf(module)[name];
  if (weight instanceof Parameter) return weight;
  const made = weight instanceof Tensor ? "is computed already" : "is no parameter";
  throw new ValueError(`${op}: cannot be applied to ${module.constructor.name}, whose '${name}' ${made}`);
}

/**
 * Trains the size and the direction of a weight apart: `w = g v / |v|`, with a norm for each entry of `dim`, or one norm for all if it is
 * null. State: `weight_g` and `weight_v` for the parameter `weight`, as fields `weightG` and `weightV`.
 *
 * Source: https://arxiv.org/abs/1602.07868
 * @throws ValueError if there is no parameter of this name.
 * @example
 * const layer = nn.utils.weightNorm(new nn.Linear(20, 40));
 */
export function weightNorm<M extends Module>(module: M, name = "weight", { dim = 0 }: { readonly dim?: number | null } = {}): M {
  const weight = weightOf("weightNorm", module, name);
  const [g, v] = [`${name}G`, `${name}V`];
  deriveField(module, {
    className: module.constructor.name,
    field: name,
    get: (m) => scaledDirection(fieldsOf(m)[g], fieldsOf(m)[v], dim),
    stateKeys: { [g]: `${name}_g`, [v]: `${name}_v` },
  });
  module.registerParameter(g, new Parameter(normExcept(weight.detach(), dim).clone()));
  module.registerParameter(v, new Parameter(weight.detach()));
  return module;
}

/** Undoes {@link weightNorm}, with the weight of now. @throws ValueError unless it was applied. */
export function removeWeightNorm<M extends Module>(module: M, name = "weight"): M {
  return remove("removeWeightNorm", module, name, [`${name}G`, `${name}V`]);
}

function remove<M extends Module>(op: string, module: M, name: string, parts: readonly string[]): M {
  if (!parts.every((part) => fieldsOf(module)[part] instanceof Tensor)) {
    throw new ValueError(`${op}: norm of '${name}' not found in ${module.constructor.name}`);
  }
  const weight = new Parameter(fieldsOf(module)[name].detach().clone());
  for (const part of parts) Reflect.deleteProperty(module, part);
  restoreField(module, name, weight);
  return module;
}

/** Settings of {@link spectralNorm}. */
export interface SpectralNormOptions {
  /** Steps of the power method in each forward pass in training; 1 unless given. */
  readonly nPowerIterations?: number;
  /** Smallest norm to divide by. */
  readonly eps?: number;
  /** The dimension of the outputs; 1 for transposed convolutions, else 0, unless given. */
  readonly dim?: number;
}

/** The dimension of the outputs of a layer's weight. */
export function outputDim(module: Module): number {
  return "outputPadding" in module ? 1 : 0;
}

/** @throws ValueError unless there is at least one step. */
export function checkIterations(op: string, n: number): void {
  if (!(n > 0)) throw new ValueError(`${op}: Expected n_power_iterations to be positive, but got n_power_iterations=${n}`);
}

/**
 * Divides a weight by its largest singular value, which each forward pass in training approximates further. State: `weight_orig` and the
 * buffers `weight_u` and `weight_v` for the parameter `weight`, as fields `weightOrig`, `weightU` and `weightV`.
 *
 * Source: https://arxiv.org/abs/1802.05957
 * @throws ValueError if there is no parameter of this name.
 * @example
 * const layer = nn.utils.spectralNorm(new nn.Linear(20, 40));
 */
export function spectralNorm<M extends Module>(module: M, name = "weight", options: SpectralNormOptions = {}): M {
  const { nPowerIterations = 1, eps = 1e-12, dim = outputDim(module) } = options;
  checkIterations("spectralNorm", nPowerIterations);
  const weight = weightOf("spectralNorm", module, name);
  const [original, u, v] = [`${name}Orig`, `${name}U`, `${name}V`];
  const matrix = matrixOf(weight.detach(), dim);
  const vectors = matrix.shape.map((size) => unitVector(size, weight, eps));
  deriveField(module, {
    className: module.constructor.name,
    field: name,
    get: (m) => overSigma(fieldsOf(m)[original], fieldsOf(m)[u], fieldsOf(m)[v], dim),
    stateKeys: { [original]: `${name}_orig`, [u]: `${name}_u`, [v]: `${name}_v` },
  });
  module.registerParameter(original, weight);
  module.registerBuffer(u, vectors[0]);
  module.registerBuffer(v, vectors[1]);
  module.registerForwardPreHook((m: Module) => {
    const fields = fieldsOf(m);
    if (!m.training || fields[original] === undefined) return;
    const rows = matrixOf(fields[original].detach(), dim);
    for (let i = 0; i < nPowerIterations; i++) {
      write(fields[v], normalize(rows.t().mv(fields[u]), { dim: 0, eps }));
      write(fields[u], normalize(rows.mv(fields[v]), { dim: 0, eps }));
    }
  });
  return module;
}

/** Undoes {@link spectralNorm}, with the weight of now. @throws ValueError unless it was applied. */
export function removeSpectralNorm<M extends Module>(module: M, name = "weight"): M {
  return remove("removeSpectralNorm", module, name, [`${name}Orig`, `${name}U`, `${name}V`]);
}
