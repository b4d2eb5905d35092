import { NotSupportedError } from "@sconce/core";
import * as constraints from "./constraints.js";
import type { Transform } from "./transform.js";
import { ComposeTransform, IndependentTransform, identityTransform } from "./transform.js";
import { AffineTransform, ExpTransform, SigmoidTransform } from "./transforms-scalar.js";
import {
  CatTransform,
  CorrCholeskyTransform,
  LowerCholeskyTransform,
  SoftmaxTransform,
  StackTransform,
  StickBreakingTransform,
} from "./transforms-vector.js";

/** Finds a transform from any number to a region. */
type Find = (constraint: constraints.Constraint) => Transform;

function common(constraint: constraints.Constraint, find: Find): Transform | undefined {
  if (constraint === constraints.real) return identityTransform;
  if (constraint === constraints.corrCholesky) return new CorrCholeskyTransform();
  if (constraint instanceof constraints.IndependentConstraint)
    return new IndependentTransform(find(constraint.base), constraint.reinterpretedBatchNdims);
  if (constraint instanceof constraints.CatConstraint)
    return new CatTransform(constraint.parts.map(find), { dim: constraint.dim, lengths: constraint.lengths });
  if (constraint instanceof constraints.StackConstraint) return new StackTransform(constraint.parts.map(find), constraint.dim);
  if (constraint instanceof constraints.Bounded && !constraint.isDiscrete) return toBounds(constraint);
  return undefined;
}

function toBounds({ lowerBound: lower, upperBound: upper }: constraints.Bounded): Transform {
  if (upper === undefined)
    return lower === 0 ? new ExpTransform() : new ComposeTransform([new ExpTransform(), new AffineTransform(lower ?? 0, 1)]);
  if (lower === undefined) return new ComposeTransform([new ExpTransform(), new AffineTransform(upper, -1)]);
  if (lower === 0 && upper === 1) return new SigmoidTransform();
  const width = typeof upper === "number" ? (typeof lower === "number" ? upper - lower : lower.neg().add(upper)) : upper.sub(lower);
  return new ComposeTransform([new SigmoidTransform(), new AffineTransform(lower, width)]);
}

/**
 * An invertible transform from any numbers to the region: for the parameters of a distribution that is to be sampled.
 * @throws NotSupportedError for a region that has none, such as whole numbers.
 * @example
 * bijectTo(constraints.positive).forward(tensor([-1, 1])); // tensor([0.3679, 2.7183])
 */
export function bijectTo(constraint: constraints.Constraint): Transform {
  if (constraint === constraints.simplex) return new StickBreakingTransform();
  return common(constraint, bijectTo) ?? refuse(constraint);
}

/**
 * A transform from any numbers to the region, perhaps from more of them than it has dimensions: for the parameters of an optimization.
 * @throws NotSupportedError for a region that has none, such as whole numbers.
 * @example
 * transformTo(constraints.simplex).forward(zeros(4)); // tensor([0.2500, 0.2500, 0.2500, 0.2500])
 */
export function transformTo(constraint: constraints.Constraint): Transform {
  if (constraint === constraints.simplex) return new SoftmaxTransform();
  if (constraint === constraints.lowerCholesky) return new LowerCholeskyTransform();
  return common(constraint, transformTo) ?? refuse(constraint);
}

function refuse(constraint: constraints.Constraint): never {
  throw new NotSupportedError(`Cannot transform ${constraint} constraints: expected a region that all numbers can be mapped to`);
}
