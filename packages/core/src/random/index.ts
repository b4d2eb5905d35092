/** Random numbers on host arrays: the streams of PyTorch's CPU generator, and the counter-based stream of kernels. */
export { fillUniform32, philox, uniform32, type Words4 } from "./counter.js";
export { defaultGenerator, forkRng, getRngState, initialSeed, manualSeed, seed, setRngState } from "./default.js";
export {
  type FloatArray,
  fillBernoulli,
  fillBernoulliFrom,
  fillCauchy,
  fillDropoutMask,
  fillExponential,
  fillGeometric,
  fillLogNormal,
  fillUniform,
} from "./fill.js";
export { Generator } from "./generator.js";
export { drawPermutation, fillRandint, fillRandom } from "./integer.js";
export { drawMultinomial } from "./multinomial.js";
export { fillNormal, fillNormalSerial } from "./normal.js";
