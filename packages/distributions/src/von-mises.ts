import { rand, type Shape, type Tensor, where, zeros } from "@sconce/core";
import * as constraints from "./constraints.js";
import { type ArgConstraints, Distribution, type DistributionOptions, UNCHECKED } from "./distribution.js";
import { broadcastAll, like, type Param } from "./numbers.js";

/** Coefficients for arguments below and above 3.75. Source: Abramowitz and Stegun, 9.8.1 to 9.8.4 */
const BESSEL = [
  {
    small: [1, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813],
    large: [0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537, -0.01647633, 0.00392377],
  },
  {
    small: [0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411],
    large: [0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555, 0.02282967, -0.02895312, 0.01787654, -0.00420059],
  },
] as const;

function polynomial(y: Tensor, coefficients: readonly number[]): Tensor {
  return coefficients.slice(0, -1).reduceRight<Tensor>((sum, c) => sum.mul(y).add(c), y.mul(0).add(coefficients.at(-1) as number));
}

/** The logarithm of the modified Bessel function of the first kind of order 0 or 1. */
function logBessel(x: Tensor, order: 0 | 1): Tensor {
  const { small, large } = BESSEL[order];
  const near = polynomial(x.div(3.75).square(), small);
  const far = polynomial(x.reciprocal().mul(3.75), large);
  const below = (order === 1 ? x.abs().mul(near) : near).log();
  return where(x.lt(3.75), below, x.sub(x.log().mul(0.5)).add(far.log()));
}

/**
 * Angles around `loc`, in radians from -π to π, the nearer the larger the concentration.
 *
 * Source: Best and Fisher, Efficient simulation of the von Mises distribution, 1979
 * @example
 * new VonMises(0, 1).logProb(tensor(0)); // tensor(-1.0738)
 */
export class VonMises extends Distribution {
  readonly loc: Tensor;
  readonly concentration: Tensor;

  constructor(loc: Param, concentration: Param, options: DistributionOptions = {}) {
    const [l, c] = broadcastAll(loc, concentration);
    super(l.shape, [], options);
    this.loc = l;
    this.concentration = c;
    this.checkArgs();
  }

  override get argConstraints(): ArgConstraints {
    return { loc: constraints.real, concentration: constraints.positive };
  }

  override get support(): constraints.Constraint {
    return constraints.real;
  }

  override get mean(): Tensor {
    return this.loc;
  }

  override get mode(): Tensor {
    return this.loc;
  }

  /** The circular variance, from 0 to 1. */
  override get variance(): Tensor {
    return logBessel(this.concentration, 1).sub(logBessel(this.concentration, 0)).exp().neg().add(1);
  }

  override expand(batchShape: Shape): VonMises {
    const shape = [...batchShape];
    return this.alike(new VonMises(this.loc.expand(shape), this.concentration.expand(shape), UNCHECKED));
  }

  /** Draws proposals for all until each has one that is accepted. @throws NotSupportedError on a device that cannot block. */
  override sample(sampleShape: Shape = []): Tensor {
    const shape = this.extendedShape(sampleShape);
    const [loc, concentration] = [this.loc.detach(), this.concentration.detach()];
    const tau = concentration.square().mul(4).add(1).sqrt().add(1);
    const rho = tau.sub(tau.mul(2).sqrt()).div(concentration.mul(2));
    const r = rho.square().add(1).div(rho.mul(2));
    let x = zeros(shape, like(loc));
    let done = zeros(shape, { dtype: "bool", device: loc.device });
    while (done.all().itemSync() === 0) {
      const [u1, u2, u3] = rand([3, ...shape], like(loc)).unbind();
      const z = u1.mul(Math.PI).cos();
      const f = r.mul(z).add(1).div(r.add(z));
      const c = concentration.mul(r.sub(f));
      const quick = c.mul(c.neg().add(2)).sub(u2).gt(0);
      const accept = quick.logicalOr(c.div(u2).log().add(1).sub(c).ge(0));
      x = where(accept, u3.sub(0.5).sign().mul(f.acos()), x);
      done = done.logicalOr(accept);
    }
    return x
      .add(Math.PI)
      .add(loc)
      .remainder(2 * Math.PI)
      .sub(Math.PI);
  }

  override logProb(value: Tensor): Tensor {
    this.checkValue(value);
    const near = this.concentration.mul(value.sub(this.loc).cos());
    return near.sub(Math.log(2 * Math.PI)).sub(logBessel(this.concentration, 0));
  }
}
