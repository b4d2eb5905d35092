/** Learning-rate schedulers. Each sets the rate of every group when it is made and again at each `step()`, once per epoch. */

export { LRScheduler, type Schedule, type SchedulerOptions, type SchedulerState, type SchedulerValue } from "./scheduler.js";
export { ChainedScheduler, SequentialLR } from "./scheduler-compose.js";
export {
  CosineAnnealingLR,
  type CosineAnnealingLROptions,
  CosineAnnealingWarmRestarts,
  type CosineAnnealingWarmRestartsOptions,
} from "./scheduler-cosine.js";
export { CyclicLR, type CyclicLROptions, OneCycleLR, type OneCycleLROptions } from "./scheduler-cycle.js";
export {
  ConstantLR,
  type ConstantLROptions,
  ExponentialLR,
  type GammaOptions,
  LambdaLR,
  LinearLR,
  type LinearLROptions,
  type LrLambda,
  MultiplicativeLR,
  MultiStepLR,
  PolynomialLR,
  type PolynomialLROptions,
  StepLR,
} from "./scheduler-decay.js";
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from "./scheduler-plateau.js";
export { SWALR, type SWALROptions } from "./scheduler-swa.js";
