import type { Device } from "@sconce/core";
import { type ModuleCase, type OpCase, type OpInfo, readDocument, readGroup } from "./golden.js";
import { type InitCase, initKey, runInit } from "./init-runner.js";
import { ModulesRunner } from "./modules-runner.js";
import { keyOf, OpsRunner } from "./ops-runner.js";
import { type OptimCase, OptimRunner, optimKey } from "./optim-runner.js";
import { type Outcome, skipped } from "./outcome.js";
import { type KeyResult, summarize } from "./report.js";

/** Cases that a device leaves out: ids, in which `*` stands for any text. */
export interface Skip {
  readonly reason: string;
  readonly cases: readonly string[];
}

/** All cases of one key, ready to run. */
export interface Entry {
  /** `ops/add`, `modules/Linear`, `optim/Adam`. */
  readonly key: string;
  readonly tier: number;
  run(): Promise<KeyResult>;
}

type Case = { readonly id: string };
type Run = () => Promise<Outcome | undefined>;

/** Gathers the cases of all groups by key. */
export class Suite {
  readonly #entries = new Map<string, { tier: number; runs: [string, Run][] }>();
  readonly #skip: readonly Skip[];

  private constructor(skip: readonly Skip[]) {
    this.#skip = skip;
  }

  /** Reads the golden cases for a device. */
  static async load(device: Device, skip: readonly Skip[] = []): Promise<Suite> {
    const suite = new Suite(skip);
    const info = await readDocument<{ readonly [op: string]: OpInfo }>("ops/ops.json");
    const ops = new OpsRunner(device, info);
    for (const group of ["ops", "special_values", "functional"]) {
      for (const c of await readGroup<OpCase>(group)) suite.#addOp(group, c, ops, info);
    }
    const modules = new ModulesRunner(device);
    for (const c of await readGroup<ModuleCase>("modules")) suite.#add(`modules/${c.module}`, 0, c, () => modules.run(c));
    const optim = new OptimRunner(device);
    for (const c of await readGroup<OptimCase>("optim")) suite.#add(`optim/${optimKey(c)}`, 0, c, () => optim.run(c));
    if (device === "cpu") for (const c of await readGroup<InitCase>("init")) suite.#add(`init/${initKey(c)}`, 0, c, () => runInit(c));
    return suite;
  }

  #addOp(group: string, c: OpCase, runner: OpsRunner, info: { readonly [op: string]: OpInfo }): void {
    const key = keyOf(c);
    this.#add(`${group}/${key}`, info[key]?.tier ?? info[c.op]?.tier ?? 0, c, () => runner.run(c));
    if (group === "ops" && info[key]?.inplace) this.#add(`in_place/${key}`, info[key].tier, c, () => runner.runInPlace(c));
  }

  #add(key: string, tier: number, c: Case, run: Run): void {
    let entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, (entry = { tier, runs: [] }));
    const reason = this.#skip.find(({ cases }) => cases.some((pattern) => matches(pattern, c.id)))?.reason;
    entry.runs.push([c.id, reason === undefined ? run : async () => skipped(reason)]);
  }

  /** The keys, sorted by group. */
  entries(): Entry[] {
    return [...this.#entries].map(([key, { tier, runs }]) => ({ key, tier, run: () => runAll(key, tier, runs) }));
  }
}

function matches(pattern: string, id: string): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(id);
}

async function runAll(key: string, tier: number, runs: readonly [string, Run][]): Promise<KeyResult> {
  const outcomes: [string, Outcome][] = [];
  for (const [id, run] of runs) {
    const outcome = await run();
    if (outcome !== undefined) outcomes.push([id, outcome]);
  }
  return summarize(key, tier, outcomes);
}
