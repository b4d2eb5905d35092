/**
 * Automatic differentiation, with `functional` for Jacobians and Hessians.
 * @module autograd
 */
export * from "@sconce/autograd";
export * as functional from "@sconce/autograd/functional";
