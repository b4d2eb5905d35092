/**
 * Probability distributions: sampling, log-probabilities, entropies, divergences, and the transforms between them.
 * @module distributions
 */
export {
  Bernoulli,
  ContinuousBernoulli,
  type ContinuousBernoulliOptions,
  Geometric,
  OddsDistribution,
} from "./bernoulli.js";
export { Categorical, ClassOdds, Multinomial, OneHotCategorical, OneHotCategoricalStraightThrough } from "./categorical.js";
export { bijectTo, transformTo } from "./constraint-registry.js";
export * as constraints from "./constraints.js";
export { Binomial, NegativeBinomial, Poisson } from "./counts.js";
export { Gumbel, HalfCauchy, HalfNormal, Kumaraswamy, LogNormal, Pareto, Weibull } from "./derived.js";
export { Beta, Dirichlet } from "./dirichlet.js";
export { type ArgConstraints, Distribution, type DistributionOptions, setDefaultValidateArgs } from "./distribution.js";
export { Exponential } from "./exponential.js";
export { Chi2, Gamma } from "./gamma.js";
export { Independent } from "./independent.js";
export { type DistributionClass, type Divergence, klDivergence, registerKl } from "./kl.js";
export { Cauchy, Laplace, Normal } from "./location-scale.js";
export { LowRankMultivariateNormal } from "./low-rank.js";
export { MixtureSameFamily } from "./mixture.js";
export { MultivariateNormal, type Spread } from "./multivariate-normal.js";
export type { Param } from "./numbers.js";
export type { Odds } from "./odds.js";
export { LogisticNormal, LogitRelaxedBernoulli, RelaxedBernoulli, RelaxedOneHotCategorical } from "./relaxed.js";
export { FisherSnedecor, StudentT, type StudentTOptions } from "./student-t.js";
export { TransformedDistribution } from "./transformed-distribution.js";
export * as transforms from "./transforms.js";
export { Uniform } from "./uniform.js";
export { VonMises } from "./von-mises.js";
