/**
 * The conformance suite: PyTorch's own results, and the runners that compare a device with them.
 * @module testing
 */
export { expectGrad, expectNumbers, expectTensor, expectValue, isClose, Mismatch } from "./compare.js";
export { type ConformanceOptions, conformance } from "./conformance.js";
export {
  type CallCase,
  type GoldenError,
  type GoldenMap,
  type GoldenTensor,
  type GoldenValue,
  isGoldenTensor,
  type ModuleCase,
  type OpCase,
  type OpInfo,
  readCases,
  readDocument,
  readGolden,
  readGroup,
} from "./golden.js";
export { ModulesRunner } from "./modules-runner.js";
export { keyOf, OpsRunner } from "./ops-runner.js";
export { type OptimCase, OptimRunner } from "./optim-runner.js";
export type { Outcome } from "./outcome.js";
export { formatReport, isRight, type KeyResult } from "./report.js";
export { type Entry, type Skip, Suite } from "./suite.js";
export { elements, goldenData, Unsupported, Values } from "./values.js";
