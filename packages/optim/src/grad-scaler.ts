import { gradOf, noGrad } from "@sconce/autograd";
import { DTypeError, keep, optionsOf, SconceError, Tensor, tracer, ValueError } from "@sconce/core";
import type { Optimizer } from "./optimizer.js";

/** Options of {@link GradScaler}. */
export interface GradScalerOptions {
  /** The scale at first, 65536 by default. */
  readonly initScale?: number;
  /** What the scale is multiplied by after `growthInterval` steps without infinities, 2 by default. */
  readonly growthFactor?: number;
  /** What the scale is multiplied by after a step with infinities, 0.5 by default. */
  readonly backoffFactor?: number;
  /** Steps without infinities until the scale grows, 2000 by default. */
  readonly growthInterval?: number;
  /** False makes every method do nothing beside the optimizer's own step; true by default. */
  readonly enabled?: boolean;
}

/** State of a {@link GradScaler} under PyTorch's names; empty if it is not enabled. */
export type GradScalerState = {
  scale?: number;
  growth_factor?: number;
  backoff_factor?: number;
  growth_interval?: number;
  _growth_tracker?: number;
};

/** What has been done for an optimizer since the last update. */
interface Progress {
  /** NaN if a gradient was not finite, else 0; null before the gradients were unscaled. */
  readonly flag: Tensor | null;
  /** Whether a gradient was not finite; undefined before the step. */
  readonly found: boolean | undefined;
}

const NOTHING: Progress = { flag: null, found: undefined };

type Optimizing = Pick<Optimizer, "paramGroups" | "step">;

/**
 * Scales a loss so that small gradients do not vanish in float16, and takes the scale back before the optimizer's step; a step whose
 * gradients are infinite or NaN is left out and the scale lowered.
 *
 * `step` waits for one number of the device, whether all gradients are finite, and blocks nothing: await it.
 *
 * Source: https://pytorch.org/docs/stable/amp.html
 *
 * @throws ValueError for factors that would not let the scale grow or shrink.
 * @example
 * import "@sconce/backend-cpu";
 * import { autocast, ones } from "@sconce/core";
 * import { functional as F, Linear } from "@sconce/nn";
 * import { GradScaler, SGD } from "@sconce/optim";
 *
 * const net = new Linear(3, 1);
 * const optimizer = new SGD(net.parameters(), { lr: 0.1 });
 * const scaler = new GradScaler();
 * for (let i = 0; i < 3; i++) {
 *   optimizer.zeroGrad();
 *   const loss = autocast("cpu", { dtype: "float16" }, () => F.mseLoss(net(ones([2, 3])), ones([2, 1])));
 *   scaler.scale(loss).backward();
 *   await scaler.step(optimizer);
 *   scaler.update();
 * }
 */
export class GradScaler {
  readonly #enabled: boolean;
  #scale: number;
  #growthFactor: number;
  #backoffFactor: number;
  #growthInterval: number;
  /** Steps without infinities since the scale changed. */
  #growthTracker = 0;
  #progress = new Map<Optimizing, Progress>();

  constructor(options: GradScalerOptions = {}) {
    const { initScale, growthFactor, backoffFactor, growthInterval, enabled } = optionsOf(new.target, options, {
      initScale: 65536,
      growthFactor: 2,
      backoffFactor: 0.5,
      growthInterval: 2000,
      enabled: true,
    });
    if (enabled && !(growthFactor > 1)) throw new ValueError(`GradScaler: The growth factor must be > 1.0, got ${growthFactor}`);
    if (enabled && !(backoffFactor < 1)) throw new ValueError(`GradScaler: The backoff factor must be < 1.0, got ${backoffFactor}`);
    this.#enabled = enabled;
    this.#scale = initScale;
    this.#growthFactor = growthFactor;
    this.#backoffFactor = backoffFactor;
    this.#growthInterval = growthInterval;
  }

  /** Multiplies a loss, or several, by the scale. */
  scale(outputs: Tensor): Tensor;
  scale(outputs: readonly Tensor[]): Tensor[];
  scale(outputs: Tensor | readonly Tensor[]): Tensor | Tensor[] {
    tracer?.guard(() => {
      const scale = this.#scale;
      return () => this.#scale === scale;
    });
    if (outputs instanceof Tensor) return this.#enabled ? outputs.mul(this.#scale) : outputs;
    return outputs.map((output) => this.scale(output));
  }

  /**
   * Divides the gradients of an optimizer by the scale, for example to clip them before the step.
   * @throws SconceError if it was done since the last update. @throws DTypeError for float16 gradients: parameters are to be float32.
   */
  unscale_(optimizer: Optimizing): void {
    if (!this.#enabled) return;
    tracer?.refuse("unscale_", "call it outside");
    const { flag, found } = this.#progress.get(optimizer) ?? NOTHING;
    if (found !== undefined) throw refuse("unscale_", "unscale_() is being called after step()");
    if (flag !== null) throw refuse("unscale_", "unscale_() has already been called on this optimizer since the last update()");
    this.#progress.set(optimizer, { flag: this.#unscaled(optimizer), found: undefined });
  }

  /** Unscales every gradient in place. Returns NaN if one was not finite, else 0. */
  #unscaled(optimizer: Optimizing): Tensor | null {
    const grads = optimizer.paramGroups.flatMap(({ params }) => params.map(gradOf)).filter((grad) => grad !== null);
    const half = grads.find(({ dtype }) => dtype === "float16");
    if (half !== undefined) {
      throw new DTypeError("unscale_: Attempting to unscale FP16 gradients; keep parameters in float32 and use autocast", {
        dtypes: [half.dtype],
      });
    }
    return noGrad(() => {
      let flag: Tensor | null = null;
      for (const grad of grads) {
        const sum = grad.mul(0).sum().float();
        flag = flag === null ? sum : flag.add(sum.to(flag.device));
        grad.mul_(1 / this.#scale);
      }
      return keep(flag);
    });
  }

  /**
   * Unscales the gradients, unless {@link unscale_} did, and lets the optimizer step if they are all finite. Resolves to whether it did.
   * @throws SconceError if it was called since the last update, or if no parameter has a gradient.
   */
  async step(optimizer: Optimizing): Promise<boolean> {
    if (!this.#enabled) return advance(optimizer);
    return this.#finish(optimizer, await this.#begin(optimizer).item());
  }

  /** {@link step} at once. @throws NotSupportedError where the device cannot block. */
  stepSync(optimizer: Optimizing): boolean {
    if (!this.#enabled) return advance(optimizer);
    return this.#finish(optimizer, this.#begin(optimizer).itemSync());
  }

  #begin(optimizer: Optimizing): Tensor {
    this.#refuseAgain(optimizer);
    if ((this.#progress.get(optimizer) ?? NOTHING).flag === null) this.unscale_(optimizer);
    const checked = (this.#progress.get(optimizer) as Progress).flag;
    if (checked === null) {
      this.#progress.delete(optimizer);
      throw refuse("step", "No inf checks were recorded for this optimizer: no parameter has a gradient; call backward() first");
    }
    return checked;
  }

  #refuseAgain(optimizer: Optimizing): void {
    if (this.#progress.get(optimizer)?.found === undefined) return;
    throw refuse("step", "step() has already been called since the last update()");
  }

  #finish(optimizer: Optimizing, flag: number): boolean {
    // Another step may have begun while this one waited for its number.
    this.#refuseAgain(optimizer);
    const found = Number.isNaN(flag);
    this.#progress.get(optimizer)?.flag?.dispose();
    this.#progress.set(optimizer, { flag: null, found });
    return !found && advance(optimizer);
  }

  /**
   * Lowers the scale if a step was left out, raises it after enough steps that were not; a number sets it.
   * @throws SconceError unless every optimizer whose gradients were unscaled has stepped.
   */
  update(newScale?: number): void {
    if (!this.#enabled) return;
    const found = [...this.#progress.values()].map((progress) => progress.found);
    if (newScale !== undefined) this.#scale = newScale;
    else if (found.length === 0) throw refuse("update", "No inf checks were recorded prior to update; call step() first");
    else if (found.includes(undefined)) throw refuse("update", "an optimizer was unscaled and has not stepped; await step() first");
    else this.#adapt(found.includes(true));
    this.#progress = new Map();
  }

  #adapt(found: boolean): void {
    if (found) {
      this.#scale *= this.#backoffFactor;
      this.#growthTracker = 0;
    } else if (++this.#growthTracker === this.#growthInterval) {
      const grown = Math.fround(this.#scale * this.#growthFactor);
      if (Number.isFinite(grown)) this.#scale = grown;
      this.#growthTracker = 0;
    }
  }

  /** True unless made with `enabled: false`. */
  isEnabled(): boolean {
    return this.#enabled;
  }

  /** The scale; 1 if it is not enabled. */
  getScale(): number {
    return this.#enabled ? this.#scale : 1;
  }

  /** What the scale is multiplied by after enough good steps. */
  getGrowthFactor(): number {
    return this.#growthFactor;
  }

  /** Sets what the scale is multiplied by after enough good steps. */
  setGrowthFactor(factor: number): void {
    this.#growthFactor = factor;
  }

  /** What the scale is multiplied by after a step with infinities. */
  getBackoffFactor(): number {
    return this.#backoffFactor;
  }

  /** Sets what the scale is multiplied by after a step with infinities. */
  setBackoffFactor(factor: number): void {
    this.#backoffFactor = factor;
  }

  /** Good steps before the scale grows. */
  getGrowthInterval(): number {
    return this.#growthInterval;
  }

  /** Sets the number of good steps before the scale grows. */
  setGrowthInterval(interval: number): void {
    this.#growthInterval = interval;
  }

  /** The state under PyTorch's names, after `update`. */
  stateDict(): GradScalerState {
    if (!this.#enabled) return {};
    return {
      scale: this.#scale,
      growth_factor: this.#growthFactor,
      backoff_factor: this.#backoffFactor,
      growth_interval: this.#growthInterval,
      _growth_tracker: this.#growthTracker,
    };
  }

  /** Loads what {@link stateDict} or PyTorch made. @throws ValueError for the state of a scaler that was not enabled. */
  loadStateDict(state: GradScalerState): void {
    if (!this.#enabled) return;
    const { scale, growth_factor, backoff_factor, growth_interval, _growth_tracker } = state ?? {};
    const numbers = [scale, growth_factor, backoff_factor, growth_interval, _growth_tracker];
    if (!numbers.every((x) => typeof x === "number")) {
      throw new ValueError(
        "loadStateDict: The source state dict is empty or not complete, possibly because it was saved from a disabled instance of GradScaler",
      );
    }
    [this.#scale, this.#growthFactor, this.#backoffFactor, this.#growthInterval, this.#growthTracker] = numbers as number[];
  }
}

function advance(optimizer: Optimizing): true {
  optimizer.step();
  return true;
}

function refuse(op: string, message: string): SconceError {
  return new SconceError(`${op}: ${message}`);
}
