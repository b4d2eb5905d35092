import { runSync, SconceError } from "@sconce/core";
import { mode } from "./mode.js";

let innermost: GradMode | null = null;
let spanned = false;

/** True once a region without recording was open during an `await`: what other tasks computed meanwhile was not recorded either. */
export function hasSpannedAwait(): boolean {
  return spanned;
}

/** A region in which ops are recorded or not; made by {@link noGrad} and {@link enableGrad} without a function. */
export class GradMode implements Disposable {
  #outer: GradMode | null = innermost;
  #before: boolean = mode.enabled;
  readonly #name: string;
  #open = true;

  constructor(enabled: boolean, name: string) {
    this.#name = name;
    innermost = this;
    mode.enabled = enabled;
    // Tasks of a turn run once its synchronous code has ended: a region that is open then waits for something.
    if (!enabled) queueMicrotask(() => (spanned ||= this.#open));
  }

  /** Ends the region. @throws SconceError unless it is the innermost one. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    if (innermost !== this) {
      this.#withdraw();
      throw new SconceError(
        `${this.#name}: expected regions to end in reverse order of their start; another one is still open (an interleaved async task?): ` +
          `await outside of the region, as in \`const y = ${this.#name}(() => net(x)); await y.item()\``,
      );
    }
    this.#open = false;
    innermost = this.#outer;
    mode.enabled = this.#before;
  }

  /** Ends the region out of order: the one that was opened inside it goes back to what was before this one. */
  #withdraw(): void {
    this.#open = false;
    for (let region = innermost; region !== null; region = region.#outer) {
      if (region.#outer !== this) continue;
      region.#outer = this.#outer;
      region.#before = this.#before;
    }
  }
}

class InferenceMode extends GradMode {
  readonly #inference: boolean = mode.inference;

  constructor(enabled: boolean, name: string) {
    super(enabled, name);
    mode.inference = true;
  }

  override [Symbol.dispose](): void {
    super[Symbol.dispose]();
    mode.inference = this.#inference;
  }
}

function within<T>(enabled: boolean, name: string, fn: () => T): T {
  const before = mode.enabled;
  mode.enabled = enabled;
  try {
    return runSync(name, fn);
  } finally {
    mode.enabled = before;
  }
}

/**
 * Runs a function without recording, or opens a region that lasts to the end of the block. A region holds for the whole program: if its block
 * awaits, what other tasks compute meanwhile is not recorded either. Where tasks run side by side, put the synchronous part into a function
 * and await outside.
 * @throws SconceError if the function returns a Promise.
 * @example
 * const w = tensor([1, 2], { requiresGrad: true });
 * noGrad(() => w.mul_(0.9));
 * @example
 * using _ = noGrad();
 */
export function noGrad(): GradMode;
export function noGrad<T>(fn: () => T): T;
export function noGrad<T>(fn?: () => T): T | GradMode {
  return fn === undefined ? new GradMode(false, "noGrad") : within(false, "noGrad", fn);
}

/**
 * Records again inside {@link noGrad}.
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * noGrad(() => enableGrad(() => x.mul(2)).requiresGrad); // true
 */
export function enableGrad(): GradMode;
export function enableGrad<T>(fn: () => T): T;
export function enableGrad<T>(fn?: () => T): T | GradMode {
  return fn === undefined ? new GradMode(true, "enableGrad") : within(true, "enableGrad", fn);
}

/**
 * Like {@link noGrad}: a region for evaluation.
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * inferenceMode(() => x.mul(2)).requiresGrad; // false
 */
export function inferenceMode(): GradMode;
export function inferenceMode<T>(fn: () => T): T;
export function inferenceMode<T>(fn?: () => T): T | GradMode {
  if (fn === undefined) return new InferenceMode(false, "inferenceMode");
  const before = mode.inference;
  mode.inference = true;
  try {
    return within(false, "inferenceMode", fn);
  } finally {
    mode.inference = before;
  }
}

/** True inside of {@link inferenceMode}. */
export function isInferenceModeEnabled(): boolean {
  return mode.inference;
}

/**
 * Turns recording on or off: for good, or while a function runs.
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * setGradEnabled(false, () => x.mul(2)).requiresGrad; // false
 */
export function setGradEnabled(enabled: boolean): void;
export function setGradEnabled<T>(enabled: boolean, fn: () => T): T;
export function setGradEnabled<T>(enabled: boolean, fn?: () => T): T | undefined {
  if (fn !== undefined) return within(enabled, "setGradEnabled", fn);
  mode.enabled = enabled;
  return undefined;
}

/** True while ops are recorded. */
export function isGradEnabled(): boolean {
  return mode.enabled;
}
