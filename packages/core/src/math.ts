/**
 * Functions of `torch` that few programs need, apart so that the others do not carry them: greatest common divisors, neighbours of
 * floating-point numbers, finite differences, histograms of many dimensions, what only complex numbers give a meaning, and second names.
 * @module math
 */
export * from "./math/aliases.js";
export * from "./math/gradient.js";
export * from "./math/histogram.js";
export * from "./math/numbers.js";
export * from "./math/poisson.js";
export * from "./math/resize.js";
export * from "./math/segment.js";
