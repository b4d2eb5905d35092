/**
 * Functions that are traced once and then replayed: a whole training step, or inference.
 * @module compile
 */
export * from "@sconce/autograd/compile";
