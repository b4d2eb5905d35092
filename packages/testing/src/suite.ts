import type { Device } from "@sconce/core";
import { type ModuleCase, type OpCase, type OpInfo, readDocument, readGroup } from "./golden.js";
import {
  type EinsumCase,
  type ErrorCase,
  GroupRunner,
  type IndexCase,
  kindOf,
  type PromotionCase,
  type ReprCase,
  type StreamCase,
} from "./groups.js";
import { type InitCase, initKey, runInit } from "./init-runner.js";
import { ModulesRunner } from "./modules-runner.js";
import { keyOf, OpsRunner } from "./ops-runner.js";
import { type OptimCase, OptimRunner, optimKey } from "./optim-runner.js";
import { type Outcome, skipped } from "./outcome.js";
import type { Program } from "./programs.js";
import { type KeyResult, summarize } from "./report.js";

/**
 * Cases that a device leaves out: ids, in which `*` stands for any text. `group:` in front names one group only, `:second` behind only the
 * second-order gradients.
 */
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
    await suite.#addGroups(new GroupRunner(device, info), device, info);
    if (device === "cpu") for (const c of await readGroup<InitCase>("init")) suite.#add(`init/${initKey(c)}`, 0, c, () => runInit(c));
    return suite;
  }

  #addOp(group: string, c: OpCase, runner: OpsRunner, info: { readonly [op: string]: OpInfo }): void {
    const key = keyOf(c);
    const tier = info[key]?.tier ?? info[c.op]?.tier ?? 0;
    this.#add(`${group}/${key}`, tier, c, () => runner.run(c));
    const second = { id: `${c.id}:second` };
    const secondGroup = group === "ops" ? "second_order" : group;
    if (c.second !== undefined) this.#add(`${secondGroup}/${key}`, tier, second, () => runner.runSecond(c));
    if (group === "ops" && info[key]?.inplace) this.#add(`in_place/${key}`, info[key].tier, c, () => runner.runInPlace(c));
  }

  async #addGroups(runner: GroupRunner, device: Device, info: { readonly [op: string]: OpInfo }): Promise<void> {
    const add = async <C extends Case>(group: string, run: (c: C) => Promise<Outcome>, tierOf?: (c: C) => number): Promise<void> => {
      for (const c of await readGroup<C>(group)) this.#add(`${group}/${kindOf(c.id)}`, tierOf?.(c) ?? 0, c, () => run(c));
    };
    await add<EinsumCase>("einsum", (c) => runner.einsum(c));
    await add<IndexCase>("indexing", (c) => runner.index(c));
    await add<Program>("programs", (c) => runner.program(c));
    if (device !== "cpu") return;
    await add<PromotionCase>("promotion", (c) => runner.promotion(c));
    await add<ReprCase>("repr", (c) => runner.repr(c));
    await add<StreamCase>("rng", (c) => runner.stream(c));
    await add<ErrorCase>(
      "errors",
      (c) => runner.error(c),
      ({ op }) => info[op]?.tier ?? 0,
    );
  }

  #add(key: string, tier: number, c: Case, run: Run): void {
    let entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, (entry = { tier, runs: [] }));
    const group = key.slice(0, key.indexOf("/"));
    const names = [c.id, c.id.replace(/:second$/, ""), `${group}:${c.id}`];
    const reason = this.#skip.find(({ cases }) => cases.some((pattern) => names.some((name) => matches(pattern, name))))?.reason;
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
