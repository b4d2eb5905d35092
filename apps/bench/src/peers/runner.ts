/** What a library must offer to be measured. */
import type { Arrays, Case, Work } from "../work.js";

/** A prepared case. */
export interface Task {
  /** Does the work once, to the end: results are computed when it returns or the promise resolves. */
  step(): unknown;
  /**
   * Numbers that all runners must agree on: the losses of three training steps, the loss and a digest of each gradient, or a digest of the
   * outputs. Called once, before any other step.
   */
  check(): Promise<number[]>;
  /** The same without ever waiting, where the runner can wait otherwise: a loop of these lets no other work of the process run. */
  blockingStep?(): unknown;
  /** Counts what a time is divided by, where that is not the steps: dispatches so far. */
  count?(): number;
  /** Frees what the case holds. */
  dispose?(): void;
}

/** Where and how a runner works. */
export interface Setting {
  readonly device: string;
  readonly threads: number;
  /** 256-bit vectors in Sconce. */
  readonly wide: boolean;
}

/** A library that has started. */
export interface Runner {
  readonly versions: Readonly<Record<string, string>>;
  /** @throws Unsupported if the library does no such work */
  prepare(work: Case): Promise<Task>;
}

/** What a runner makes of each kind of work; where it does no such work, the reason. */
export type Kinds<R = Task> = {
  readonly [K in Work["kind"]]: ((work: Extract<Work, { kind: K }>, arrays: Arrays) => R) | string;
};

/** Makes what a runner has for the kind of a case. @throws Unsupported if it does no such work */
export function byKind<R>({ work, arrays }: Pick<Case, "work" | "arrays">, kinds: Kinds<R>): R {
  const make = kinds[work.kind] as ((work: Work, arrays: Arrays) => R) | string;
  if (typeof make === "string") throw new Unsupported(make);
  return make(work, arrays());
}

/** How a runner is started: each `peers/<name>.ts` exports one as `start`. */
export type Start = (setting: Setting) => Promise<Runner>;

/** Losses of the training steps that runners are compared by. */
const CHECKED_STEPS = 3;

/** Thrown by `prepare`: the library has no such thing, which is no failure. */
export class Unsupported extends Error {
  override readonly name: string = "Unsupported";
}

/** Checks a training task by its first losses. */
export async function firstLosses(step: () => Promise<number>): Promise<number[]> {
  const losses: number[] = [];
  for (let i = 0; i < CHECKED_STEPS; i++) losses.push(await step());
  return losses;
}
