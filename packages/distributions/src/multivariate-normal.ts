import { broadcastShapes, eye, formatShape, randn, type Shape, ShapeError, type Tensor, ValueError } from "@sconce/core";
import { cholesky, choleskyInverse, solveTriangular } from "@sconce/core/linalg";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { like } from "./numbers.js";

/** How the numbers of a {@link MultivariateNormal} vary together: one of three matrices `[..., D, D]`. */
export type Spread = { readonly covarianceMatrix: Tensor } | { readonly precisionMatrix: Tensor } | { readonly scaleTril: Tensor };

type SpreadName = "covarianceMatrix" | "precisionMatrix" | "scaleTril";

/** A product of matrices and vectors. */
function matVec(matrix: Tensor, vector: Tensor): Tensor {
  return matrix.matmul(vector.unsqueeze(-1)).squeeze(-1);
}

/** The square of the length of `x` `[..., D]` in units of the spread with the factor `tril` `[..., D, D]`. */
export function mahalanobis(tril: Tensor, x: Tensor): Tensor {
  const d = x.shape[x.ndim - 1];
  const batch = broadcastShapes(tril.shape.slice(0, -2), x.shape.slice(0, -1));
  const factor = tril.expand([...batch, d, d]);
  const column = x.expand([...batch, d]).unsqueeze(-1);
  return solveTriangular(factor, column, { upper: false })
    .square()
    .sum({ dim: [-2, -1] });
}

/** Half the logarithm of the determinant of the spread with this factor. */
export function halfLogDet(tril: Tensor): Tensor {
  return tril.diagonal({ dim1: -2, dim2: -1 }).log().sum(-1);
}

function factorOfPrecision(precision: Tensor): Tensor {
  const flipped = cholesky(precision.flip([-2, -1]));
  const inverse = flipped.flip([-2, -1]).transpose(-2, -1);
  const d = precision.shape[precision.ndim - 1];
  return solveTriangular(inverse, eye(d, like(precision)).expand([...precision.shape]), { upper: false });
}

function spreadOf(spread: Spread): readonly [SpreadName, Tensor] {
  const given = (["covarianceMatrix", "precisionMatrix", "scaleTril"] as const).flatMap((name) => {
    const matrix = (spread as { readonly [N in SpreadName]?: Tensor | null })[name];
    return matrix == null ? [] : [[name, matrix] as const];
  });
  if (given.length !== 1)
    throw new ValueError("MultivariateNormal: Exactly one of covarianceMatrix or precisionMatrix or scaleTril may be specified.");
  const [name, matrix] = given[0];
  if (matrix.ndim < 2) {
    throw new ShapeError(
      `${name} must be at least two-dimensional, with optional leading batch dimensions, got ${formatShape(matrix.shape)}`,
    );
  }
  return [name, matrix];
}

/**
 * Normal vectors, `[..., D]`, with a mean `[..., D]` and a covariance, its inverse (the precision), or the lower triangular factor of the covariance,
 * which needs no decomposition.
 * @throws ValueError unless one of the three is given. @throws LinAlgError for a matrix that is not positive definite.
 * @example
 * const normal = new MultivariateNormal(zeros(2), { covarianceMatrix: eye(2) });
 * normal.logProb(zeros(2)); // tensor(-1.8379)
 */
export class MultivariateNormal extends Distribution {
  readonly loc: Tensor;
  /** The factor as it was computed, without the dimensions that only the mean has. */
  readonly #tril: Tensor;
  readonly #given: SpreadName;
  readonly #matrix: Tensor;

  constructor(loc: Tensor, spread: Spread, options: DistributionOptions = {}) {
    if (loc.ndim < 1) throw new ShapeError("MultivariateNormal: loc must be at least one-dimensional.");
    const [given, matrix] = spreadOf(spread);
    const batch = broadcastShapes(matrix.shape.slice(0, -2), loc.shape.slice(0, -1));
    super(batch, loc.shape.slice(-1), options);
    this.loc = loc.expand([...batch, ...this.eventShape]);
    this.#given = given;
    this.#matrix = matrix;
    this.checkArgs();
    this.#tril = given === "scaleTril" ? matrix : given === "covarianceMatrix" ? cholesky(matrix) : factorOfPrecision(matrix);
  }

  override get argConstraints(): ArgConstraints {
    return {
      loc: constraints.realVector,
      covarianceMatrix: constraints.positiveDefinite,
      precisionMatrix: constraints.positiveDefinite,
      scaleTril: constraints.lowerCholesky,
    };
  }

  protected override shownParams(): readonly string[] {
    return ["loc", this.#given];
  }

  override get support(): constraints.Constraint {
    return constraints.realVector;
  }

  override get hasRsample(): boolean {
    return true;
  }

  #wide(matrix: Tensor): Tensor {
    return matrix.expand([...this.batchShape, ...this.eventShape, ...this.eventShape]);
  }

  /** The lower triangular factor of the covariance, `[..., D, D]`. */
  get scaleTril(): Tensor {
    return this.#wide(this.#given === "scaleTril" ? this.#matrix : this.#tril);
  }

  get covarianceMatrix(): Tensor {
    return this.#wide(this.#given === "covarianceMatrix" ? this.#matrix : this.#tril.matmul(this.#tril.transpose(-2, -1)));
  }

  /** The inverse of the covariance, `[..., D, D]`. */
  get precisionMatrix(): Tensor {
    return this.#wide(this.#given === "precisionMatrix" ? this.#matrix : choleskyInverse(this.#tril));
  }

  override get mean(): Tensor {
    return this.loc;
  }

  override get mode(): Tensor {
    return this.loc;
  }

  override get variance(): Tensor {
    return this.#tril
      .square()
      .sum(-1)
      .expand([...this.batchShape, ...this.eventShape]);
  }

  override expand(batchShape: Shape): MultivariateNormal {
    const scaleTril = this.#tril;
    return this.alike(new MultivariateNormal(this.loc.expand([...batchShape, ...this.eventShape]), { scaleTril }, UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    return this.loc.add(matVec(this.#tril, randn(this.extendedShape(sampleShape), like(this.loc))));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const distance = mahalanobis(this.#tril, value.sub(this.loc));
    return distance
      .add(this.eventShape[0] * Math.log(2 * Math.PI))
      .mul(-0.5)
      .sub(halfLogDet(this.#tril));
  }

  override entropy(): Tensor {
    const entropy = halfLogDet(this.#tril).add(0.5 * this.eventShape[0] * (1 + Math.log(2 * Math.PI)));
    return entropy.expand([...this.batchShape]);
  }
}
