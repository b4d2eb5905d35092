/**
 * Function transforms: gradients, Jacobians, batching, and modules as functions of their parameters.
 * @module func
 */
export * from "@sconce/autograd/func";
export { type FunctionalCallOptions, functionalCall, stackModuleState } from "@sconce/nn";
