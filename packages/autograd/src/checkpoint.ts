import { captureCasting, getRngState, SconceError, Scope, setRngState, type Tensor } from "@sconce/core";
import { enableGrad } from "./grad-mode.js";
import { mode, type Packing } from "./mode.js";
import type { Kept } from "./saved.js";
import { SavedTensorsRegion } from "./saved-hooks.js";

/** How {@link checkpoint} runs the function again. */
export interface CheckpointOptions {
  /** Random ops draw the same numbers again. */
  readonly preserveRngState?: boolean;
}

/** What one call of a function would keep: nothing until backward asks for it, then all of it at once. */
class Recomputation implements Packing {
  readonly #fn: () => unknown;
  readonly #rng: Uint8Array | null;
  /** Tensors of the first run, in order. */
  #count = 0;
  #found: Kept[] | null = null;

  constructor(fn: () => unknown, rng: Uint8Array | null) {
    this.#fn = fn;
    this.#rng = rng;
  }

  readonly pack = (kept: Kept): number => {
    kept.release();
    return this.#count++;
  };

  readonly unpack = (index: unknown): Tensor => {
    this.#found ??= this.#again();
    const saved = this.#found[index as number];
    if (saved === undefined) {
      throw new SconceError(
        `checkpoint: A different number of tensors was saved during the original forward and recomputation (${this.#count} and ` +
          `${this.#found.length}); the function must do the same each time`,
      );
    }
    return saved.unpack();
  };

  readonly release = (index: unknown): void => this.#found?.[index as number]?.release();

  /** Runs the function for what it keeps, which outlives the region that frees all the rest. */
  #again(): Kept[] {
    const found: Kept[] = [];
    const now = this.#rng === null ? null : getRngState();
    const anomaly = mode.anomaly;
    mode.anomaly = false;
    if (this.#rng !== null) setRngState(this.#rng);
    using _scope = new Scope();
    try {
      const pack = (kept: Kept): number => found.push(kept) - 1;
      using _ = new SavedTensorsRegion({ pack, unpack: (i) => found[i as number].unpack() });
      enableGrad(this.#fn);
      return found;
    } finally {
      mode.anomaly = anomaly;
      if (now !== null) setRngState(now);
    }
  }
}

/**
 * Runs a function without keeping what its ops need for backward, which runs it again instead: memory for time. Gradients of gradients and
 * tensors that the function finds outside of its arguments are right too. What it makes in backward is freed there: what it stores
 * elsewhere it marks with `keep`.
 *
 * Source: https://pytorch.org/docs/stable/checkpoint.html
 *
 * @throws SconceError from backward, if the function does not do the same again.
 * @example
 * const w = randn([8, 8]).requiresGrad_();
 * const block = (x: Tensor) => x.matmul(w).relu().matmul(w).relu();
 * checkpoint(block, [randn([4, 8])]).sum().backward();
 */
export function checkpoint<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  args: A,
  { preserveRngState = true }: CheckpointOptions = {},
): R {
  if (!mode.enabled) return fn(...args);
  const cast = captureCasting();
  const again = new Recomputation(() => cast(() => fn(...args)), preserveRngState ? getRngState() : null);
  using _ = new SavedTensorsRegion(again);
  return fn(...args);
}

/**
 * Runs functions one after the other in `segments` groups, each but the last a {@link checkpoint}.
 *
 * Source: https://pytorch.org/docs/stable/checkpoint.html#torch.utils.checkpoint.checkpoint_sequential
 *
 * @throws SconceError unless there is at least one segment, and a function for each.
 * @example
 * const layers = [1, 2, 3, 4].map(() => (x: Tensor) => x.sin());
 * checkpointSequential(layers, 2, randn([3]).requiresGrad_()).sum().backward();
 */
export function checkpointSequential(
  functions: Iterable<(x: Tensor) => Tensor>,
  segments: number,
  input: Tensor,
  options: CheckpointOptions = {},
): Tensor {
  const list = [...functions];
  if (!Number.isSafeInteger(segments) || segments < 1 || segments > list.length) {
    throw new SconceError(`checkpointSequential: expected 1 to ${list.length} segments, got ${segments}`);
  }
  const size = Math.floor(list.length / segments);
  const run =
    (start: number, end: number) =>
    (x: Tensor): Tensor =>
      list.slice(start, end).reduce((y, fn) => fn(y), x);
  let x = input;
  let start = 0;
  for (; start < size * (segments - 1); start += size) x = checkpoint(run(start, start + size), [x], options);
  return run(start, list.length)(x);
}
