// biome-ignore-all assist/source/organizeImports: modules that are alike lie together in a bundle, which then compresses better.
/**
 * PyTorch's programming model in TypeScript: everything that a training program needs, with the CPU backend.
 * @module sconce
 */
export * as nn from "@sconce/nn";
export * as optim from "@sconce/optim";
export * as data from "@sconce/data";
export { deserialize, load, save, serialize } from "@sconce/io";
export { type CpuSettings, configureCpu, getNumThreads, setNumThreads } from "@sconce/backend-cpu";
export * from "@sconce/core";
export * as linalg from "@sconce/core/linalg";
export * as fft from "@sconce/core/fft";
export * as masked from "@sconce/core/masked";
export * from "@sconce/core/nn";
export * as special from "@sconce/core/special";
export * from "@sconce/autograd";
