import { finfo, randn, type Shape, type Tensor, where } from "@sconce/core";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { Chi2, Gamma } from "./gamma.js";
import { broadcastAll, like, type Param } from "./numbers.js";

/** Options of {@link StudentT}. */
export interface StudentTOptions extends DistributionOptions {
  /** The middle, 0 by default. */
  readonly loc?: Param;
  /** The width, 1 by default. */
  readonly scale?: Param;
}

/**
 * Student's t-distribution with `df` degrees of freedom.
 * @example
 * new StudentT(3, { scale: 2 }).variance; // tensor(12.)
 */
export class StudentT extends Distribution {
  readonly df: Tensor;
  readonly loc: Tensor;
  readonly scale: Tensor;

  constructor(df: Param, { loc = 0, scale = 1, ...options }: StudentTOptions = {}) {
    const [d, l, s] = broadcastAll(df, loc, scale);
    super(d.shape, [], options);
    this.df = d;
    this.loc = l;
    this.scale = s;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { df: constraints.positive, loc: constraints.real, scale: constraints.positive };
  }

  override get support(): constraints.Constraint {
    return constraints.real;
  }

  override get hasRsample(): boolean {
    return true;
  }

  /** NaN up to one degree of freedom. */
  override get mean(): Tensor {
    return where(this.df.le(1), Number.NaN, this.loc);
  }

  override get mode(): Tensor {
    return this.loc;
  }

  /** Infinite up to two degrees of freedom, NaN up to one. */
  override get variance(): Tensor {
    const finite = this.scale.square().mul(this.df).div(this.df.sub(2));
    return where(this.df.le(1), Number.NaN, where(this.df.le(2), Number.POSITIVE_INFINITY, finite));
  }

  override expand(batchShape: Shape): StudentT {
    const [df, loc, scale] = [this.df, this.loc, this.scale].map((p) => p.expand([...batchShape]));
    return this.alike(new StudentT(df, { loc, scale, ...UNCHECKED }));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    const x = randn(this.extendedShape(sampleShape), like(this.df));
    const z = new Chi2(this.df, UNCHECKED).rsample(sampleShape);
    return this.loc.add(this.scale.mul(x.mul(z.div(this.df).rsqrt())));
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const { df } = this;
    const y = value.sub(this.loc).div(this.scale);
    const norm = this.scale
      .log()
      .add(df.log().mul(0.5))
      .add(0.5 * Math.log(Math.PI))
      .add(df.mul(0.5).lgamma())
      .sub(df.add(1).mul(0.5).lgamma());
    return df.add(1).mul(-0.5).mul(y.square().div(df).log1p()).sub(norm);
  }

  override entropy(): Tensor {
    const { df } = this;
    const half = df.mul(0.5);
    const above = df.add(1).mul(0.5);
    const logBeta = half
      .lgamma()
      .add(0.5 * Math.log(Math.PI))
      .sub(above.lgamma());
    return this.scale
      .log()
      .add(above.mul(above.digamma().sub(half.digamma())))
      .add(df.log().mul(0.5))
      .add(logBeta);
  }
}

/**
 * Fisher's and Snedecor's F-distribution: the quotient of two {@link Chi2} numbers, each divided by its degrees of freedom.
 * @example
 * new FisherSnedecor(1, 4).mean; // tensor(2.)
 */
export class FisherSnedecor extends Distribution {
  readonly df1: Tensor;
  readonly df2: Tensor;

  constructor(df1: Param, df2: Param, options: DistributionOptions = {}) {
    const [a, b] = broadcastAll(df1, df2);
    super(a.shape, [], options);
    this.df1 = a;
    this.df2 = b;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { df1: constraints.positive, df2: constraints.positive };
  }

  override get support(): constraints.Constraint {
    return constraints.positive;
  }

  override get hasRsample(): boolean {
    return true;
  }

  override get mean(): Tensor {
    return where(this.df2.le(2), Number.NaN, this.df2.div(this.df2.sub(2)));
  }

  override get mode(): Tensor {
    const mode = this.df1.sub(2).div(this.df1).mul(this.df2).div(this.df2.add(2));
    return where(this.df1.le(2), Number.NaN, mode);
  }

  override get variance(): Tensor {
    const { df1, df2 } = this;
    const finite = df2
      .square()
      .mul(2)
      .mul(df1.add(df2).sub(2))
      .div(df1.mul(df2.sub(2).square()).mul(df2.sub(4)));
    return where(df2.le(4), Number.NaN, finite);
  }

  override expand(batchShape: Shape): FisherSnedecor {
    const shape = [...batchShape];
    return this.alike(new FisherSnedecor(this.df1.expand(shape), this.df2.expand(shape), UNCHECKED));
  }

  override rsample(sampleShape: Shape = []): Tensor {
    const [x1, x2] = [this.df1, this.df2].map((df) => new Gamma(df.mul(0.5), df, UNCHECKED).rsample(sampleShape));
    const { tiny } = finfo(x2.dtype);
    return x1.div(x2.clamp({ min: tiny })).clamp({ min: tiny });
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const [half1, half2, ratio] = [this.df1.mul(0.5), this.df2.mul(0.5), this.df1.div(this.df2)];
    const t1 = half1.add(half2).lgamma().sub(half1.lgamma()).sub(half2.lgamma());
    const t2 = half1.mul(ratio.log()).add(half1.sub(1).mul(value.log()));
    return t1.add(t2).sub(half1.add(half2).mul(ratio.mul(value).log1p()));
  }
}
