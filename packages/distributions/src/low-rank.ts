import { broadcastShapes, eye, formatShape, randn, type Shape, ShapeError, type Tensor } from "@sconce/core";
import { cholesky, solveTriangular } from "@sconce/core/linalg";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { halfLogDet, MultivariateNormal } from "./multivariate-normal.js";
import { like } from "./numbers.js";

/**
 * Normal vectors `[..., D]` whose covariance is `W Wᵀ + diag(d)`, with a factor `W` `[..., D, R]` of few columns and a diagonal `d` `[..., D]`: no matrix of
 * `D` rows and columns is decomposed.
 * @throws ShapeError if factor, diagonal and mean do not fit.
 * @example
 * new LowRankMultivariateNormal(zeros(2), tensor([[1], [0]]), ones(2)).variance; // tensor([2., 1.])
 */
export class LowRankMultivariateNormal extends Distribution {
  readonly loc: Tensor;
  readonly covFactor: Tensor;
  readonly covDiag: Tensor;

  constructor(loc: Tensor, covFactor: Tensor, covDiag: Tensor, options: DistributionOptions = {}) {
    const d = loc.shape.at(-1);
    if (d === undefined || covFactor.ndim < 2 || covFactor.shape.at(-2) !== d || covDiag.shape.at(-1) !== d) {
      throw new ShapeError(
        `LowRankMultivariateNormal: expected loc [..., D], covFactor [..., D, R] and covDiag [..., D], got ${[loc, covFactor, covDiag].map((t) => formatShape(t.shape)).join(", ")}`,
      );
    }
    const batch = broadcastShapes(loc.shape.slice(0, -1), covFactor.shape.slice(0, -2), covDiag.shape.slice(0, -1));
    super(batch, [d], options);
    this.loc = loc.expand([...batch, d]);
    this.covFactor = covFactor.expand([...batch, ...covFactor.shape.slice(-2)]);
    this.covDiag = covDiag.expand([...batch, d]);
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return {
      loc: constraints.realVector,
      covFactor: constraints.independent(constraints.real, 2),
      covDiag: constraints.independent(constraints.positive, 1),
    };
  }

  override get support(): constraints.Constraint {
    return constraints.realVector;
  }

  override get hasRsample(): boolean {
    return true;
  }

  override get mean(): Tensor {
    return this.loc;
  }

  override get mode(): Tensor {
    return this.loc;
  }

  override get variance(): Tensor {
    return this.covFactor.square().sum(-1).add(this.covDiag);
  }

  get covarianceMatrix(): Tensor {
    return this.covFactor.matmul(this.covFactor.transpose(-2, -1)).add(this.covDiag.diagEmbed());
  }

  /** The lower triangular factor of the covariance, `[..., D, D]`. */
  get scaleTril(): Tensor {
    return cholesky(this.covarianceMatrix);
  }

  get precisionMatrix(): Tensor {
    const a = solveTriangular(this.#capacitanceTril, this.#scaledFactor, { upper: false });
    return this.covDiag.reciprocal().diagEmbed().sub(a.transpose(-2, -1).matmul(a));
  }

  /** `Wᵀ diag(d)⁻¹`, `[..., R, D]`. */
  get #scaledFactor(): Tensor {
    return this.covFactor.transpose(-2, -1).div(this.covDiag.unsqueeze(-2));
  }

  /** The factor of `I + Wᵀ diag(d)⁻¹ W`, `[..., R, R]`. */
  get #capacitanceTril(): Tensor {
    const rank = this.covFactor.shape.at(-1) as number;
    return cholesky(this.#scaledFactor.matmul(this.covFactor).add(eye(rank, like(this.covFactor))));
  }

  override expand(batchShape: Shape): LowRankMultivariateNormal {
    const [loc, factor, diagonal] = [this.loc, this.covFactor, this.covDiag].map((t) =>
      t.expand([...batchShape, ...t.shape.slice(this.batchShape.length)]),
    );
    return this.alike(new LowRankMultivariateNormal(loc, factor, diagonal, UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    const shape = this.extendedShape(sampleShape);
    const rank = this.covFactor.shape.at(-1) as number;
    const shared = randn([...shape.slice(0, -1), rank, 1], like(this.loc));
    const own = randn(shape, like(this.loc));
    return this.loc.add(this.covFactor.matmul(shared).squeeze(-1)).add(this.covDiag.sqrt().mul(own));
  }

  /** The logarithm of the determinant of the covariance. */
  #logDet(tril: Tensor): Tensor {
    return halfLogDet(tril).mul(2).add(this.covDiag.log().sum(-1));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const difference = value.sub(this.loc);
    const tril = this.#capacitanceTril;
    const projected = this.#scaledFactor.matmul(difference.unsqueeze(-1)); // [..., R, 1]
    const factor = tril.expand([...projected.shape.slice(0, -2), ...tril.shape.slice(-2)]);
    const inside = solveTriangular(factor, projected, { upper: false })
      .square()
      .sum({ dim: [-2, -1] });
    const distance = difference.square().div(this.covDiag).sum(-1).sub(inside);
    return distance
      .add(this.#logDet(tril))
      .add(this.eventShape[0] * Math.log(2 * Math.PI))
      .mul(-0.5);
  }

  override entropy(): Tensor {
    return this.#logDet(this.#capacitanceTril)
      .add(this.eventShape[0] * (1 + Math.log(2 * Math.PI)))
      .mul(0.5);
  }

  /** The same distribution by the factor of its covariance. */
  full(): MultivariateNormal {
    return new MultivariateNormal(this.loc, { scaleTril: this.scaleTril }, UNCHECKED);
  }
}
