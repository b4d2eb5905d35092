import type { Parsed } from "@sconce-apps/page/link";
import { deviceNames, suiteNames } from "../titles.js";

/** Suites that a page can run: all but what needs processes of its own. */
export const pageSuites: readonly string[] = suiteNames.filter((suite) => suite !== "startup");
/** Devices of a page. */
export const pageDevices: readonly string[] = deviceNames;
/** What a page has beside Sconce. */
export const pagePeers: readonly string[] = ["sconce-compiled", "tfjs", "jax-js"];

/** All that a visitor chooses. */
export interface Settings {
  readonly suites: readonly string[];
  readonly devices: readonly string[];
  readonly peers: readonly string[];
  /** Numbers of threads of the CPU backend; every one is a run of its own. */
  readonly threads: readonly number[];
  /** Milliseconds that each contender of a case is timed for. */
  readonly budget: number;
}

/** How long each contender is timed, in words. */
export const budgets: readonly (readonly [budget: number, title: string])[] = [
  [200, "Quick: 0.2 s"],
  [1000, "Usual: 1 s"],
  [4000, "Thorough: 4 s"],
];

export const defaults: Settings = {
  suites: ["matmul", "elementwise", "mlp", "lenet", "dispatch"],
  devices: pageDevices,
  peers: [],
  threads: [],
  budget: 1000,
};

const LISTS = { suites: pageSuites, devices: pageDevices, peers: pagePeers } as const;
const LABELS = { suites: "suite", devices: "backend", peers: "library" } as const;

const isCount = (text: string, least: number, most: number): boolean => /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most;

/** Reads the settings that a link carries behind `#`; the rest is as usual. */
export function parseHash(hash: string): Parsed<Settings> {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const problems: string[] = [];
  const wordsOf = (name: string): string[] | null => params.get(name)?.split(",").filter(Boolean) ?? null;
  const refuse = (label: string, text: string): void => {
    problems.push(`The link asks for the ${label} “${text}”, which this page does not have.`);
  };
  const list = (name: keyof typeof LISTS): readonly string[] => {
    const wanted = wordsOf(name);
    if (wanted === null) return defaults[name];
    for (const text of wanted) if (!LISTS[name].includes(text)) refuse(LABELS[name], text);
    return LISTS[name].filter((known) => wanted.includes(known));
  };
  const threads = (wordsOf("threads") ?? []).filter((text) => isCount(text, 1, 64) || refuse("number of threads", text));
  const budget = params.get("budget") ?? String(defaults.budget);
  if (!isCount(budget, 10, 60_000)) refuse("time in milliseconds", budget);
  const settings = {
    suites: list("suites"),
    devices: list("devices"),
    peers: list("peers"),
    threads: threads.map(Number),
    budget: isCount(budget, 10, 60_000) ? Number(budget) : defaults.budget,
  };
  return { settings, problems };
}

/** The settings as the part of a link behind `#`. */
export function formatHash({ suites, devices, peers, threads, budget }: Settings): string {
  return `#suites=${suites}&devices=${devices}&peers=${peers}&threads=${threads}&budget=${budget}`;
}
