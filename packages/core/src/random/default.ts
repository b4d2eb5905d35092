import { refusePromise } from "../scope.js";
import { Generator } from "./generator.js";

let shared: Generator | undefined;

/**
 * The generator that random functions use unless they are given one; it starts from an unpredictable seed.
 *
 * @example
 * defaultGenerator().random();
 */
export function defaultGenerator(): Generator {
  if (!shared) {
    shared = new Generator();
    shared.seed();
  }
  return shared;
}

/**
 * Seeds the default generator: the same seed gives the numbers of PyTorch's CPU generator.
 * @throws ValueError unless `seed` is an integer from -2^63 to 2^64 - 1.
 *
 * @example
 * manualSeed(42);
 */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator().manualSeed(seed);
}

/** Seeds the default generator unpredictably and returns the seed. */
export function seed(): number {
  return defaultGenerator().seed();
}

/** The seed that the default generator started from. */
export function initialSeed(): number | bigint {
  return defaultGenerator().initialSeed();
}

/**
 * Runs a function whose random numbers leave the default generator as it was before.
 * @throws SconceError if the function returns a Promise.
 * @example
 * manualSeed(1);
 * forkRng(() => rand([3]));
 * rand([3]); // the first numbers of seed 1
 */
export function forkRng<T>(fn: () => T): T {
  const state = getRngState();
  try {
    const result = fn();
    refusePromise(result, "forkRng", "put the forkRng block inside the loop");
    return result;
  } finally {
    setRngState(state);
  }
}

/** The state of the default generator, in PyTorch's layout of 5056 bytes. */
export function getRngState(): Uint8Array {
  return defaultGenerator().getState();
}

/**
 * Restores a state of {@link getRngState}.
 * @throws ValueError unless `state` is a valid state.
 */
export function setRngState(state: Uint8Array): void {
  defaultGenerator().setState(state);
}
