import { type Tensor, tensor } from "@sconce/core";
import { expect } from "vitest";
import { type GoldenTensor, goldenData, readDocument } from "../../src/index.js";

/** A golden tensor as a tensor. */
export function load({ shape, ...golden }: GoldenTensor): Tensor {
  return tensor(goldenData({ shape, ...golden })).view([...shape]);
}

/** The tensors of a state. */
export function loadAll(state: { readonly [name: string]: GoldenTensor }): { [name: string]: Tensor } {
  return Object.fromEntries(Object.entries(state).map(([name, golden]) => [name, load(golden)]));
}

/** Sum and norm of a tensor after training, in float32 and float64. */
interface Final {
  readonly norm: number;
  readonly norm_float64: number;
}

/** A run of PyTorch: losses of every step, and how far equally valid computations of them are apart. */
export interface Trajectory {
  readonly losses: readonly number[];
  readonly losses_float64: readonly number[];
  readonly relative_noise?: readonly number[];
  readonly final?: { readonly [name: string]: Final };
  readonly layers?: readonly number[];
}

/** Reads one of `golden/seeds`. */
export function readSeed<T = Trajectory>(name: string): Promise<T> {
  return readDocument<T>(`seeds/${name}.json.gz`);
}

/** Where no noise is recorded, the largest distance so far between float32 and float64. */
function noiseOf({ losses, losses_float64, relative_noise }: Trajectory): readonly number[] {
  if (relative_noise !== undefined) return relative_noise;
  let largest = 0;
  return losses.map((loss, t) => (largest = Math.max(largest, Math.abs(loss / losses_float64[t] - 1))));
}

/**
 * The noise of a step is one sample of a difference that passes through zero, so a step takes the largest of the five steps on each side.
 * By the sample of its own step alone, PyTorch with its inputs in another order is outside at 4 to 8 of the 500 steps of (04).
 */
const WINDOW = 5;
const OUTSIDE = 0.02;

/** Every loss is within `max(1e-4, 5 noise)` of PyTorch's, as long as the noise is below 0.05. */
export function expectTrajectory(losses: readonly number[], golden: Trajectory): void {
  const noise = noiseOf(golden);
  expect(losses).toHaveLength(golden.losses.length);
  let steps = 0;
  let outside = 0;
  for (let t = 0; t < losses.length && noise[t] < 0.05; t++) {
    const around = Math.max(...noise.slice(Math.max(0, t - WINDOW), t + WINDOW + 1));
    expectClose(losses[t], golden.losses[t], Math.max(1e-4, 5 * around), `loss of step ${t}`);
    steps++;
    if (Math.abs(losses[t] / golden.losses[t] - 1) > Math.max(1e-4, 5 * noise[t])) outside++;
  }
  expect(outside, "steps outside the tolerance of their own noise").toBeLessThanOrEqual(OUTSIDE * steps);
}

/** Norms of the trained parameters, as far from PyTorch's as its float32 is from its float64. */
export function expectFinal(parameters: Iterable<readonly [string, Tensor]>, golden: Trajectory): void {
  const final = golden.final!;
  const found = new Map(parameters);
  for (const name in final) {
    const { norm, norm_float64 } = final[name];
    const apart = Math.abs(norm / norm_float64 - 1);
    expectClose(found.get(name)!.detach().norm().itemSync(), norm, Math.max(1e-4, 5 * apart), `norm of ${name}`);
  }
}

/** `actual` is within `rtol` of `reference`. */
export function expectClose(actual: number, reference: number, rtol: number, what: string): void {
  const apart = Math.abs(actual - reference) / Math.abs(reference);
  expect(apart, `${what}: ${actual}, PyTorch has ${reference}`).toBeLessThanOrEqual(rtol);
}
