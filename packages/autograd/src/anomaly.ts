import { mode } from "./mode.js";

/** A region in which anomaly mode is on; made by {@link detectAnomaly}. */
class AnomalyRegion implements Disposable {
  readonly #before: boolean = mode.anomaly;

  constructor() {
    mode.anomaly = true;
  }

  [Symbol.dispose](): void {
    mode.anomaly = this.#before;
  }
}

/**
 * Turns anomaly mode on or off: every op remembers where it was called, and a gradient with NaN throws an error that says so. Slow.
 * @example
 * setDetectAnomaly(true);
 */
export function setDetectAnomaly(on: boolean): void {
  mode.anomaly = on;
}

/** True in anomaly mode. */
export function isAnomalyEnabled(): boolean {
  return mode.anomaly;
}

/**
 * Anomaly mode for a region or a function: backward throws at the first gradient with NaN, naming the op and where it was called.
 * @throws SconceError from backward, for a gradient with NaN. @throws NotSupportedError on a device that cannot block.
 * @example
 * const x = tensor([4, 9], { requiresGrad: true });
 * detectAnomaly(() => x.sqrt().sum().backward());
 */
export function detectAnomaly(): Disposable;
export function detectAnomaly<T>(fn: () => T): T;
export function detectAnomaly<T>(fn?: () => T): T | Disposable {
  if (fn === undefined) return new AnomalyRegion();
  using _ = new AnomalyRegion();
  return fn();
}
