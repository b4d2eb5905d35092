import "@sconce/backend-cpu";
import * as autograd from "@sconce/autograd";
import * as func from "@sconce/autograd/func";
import * as functional from "@sconce/autograd/functional";
import * as cpu from "@sconce/backend-cpu";
import * as core from "@sconce/core";
import * as complex from "@sconce/core/complex";
import * as fft from "@sconce/core/fft";
import * as linalg from "@sconce/core/linalg";
import * as masked from "@sconce/core/masked";
import * as math from "@sconce/core/math";
import * as layers from "@sconce/core/nn";
import * as special from "@sconce/core/special";
import * as testing from "@sconce/core/testing";
import * as data from "@sconce/data";
import * as distributions from "@sconce/distributions";
import * as io from "@sconce/io";
import * as nn from "@sconce/nn";
import * as optim from "@sconce/optim";
import * as viz from "@sconce/viz";
import { DIFFERENT, LEFT_OUT } from "./coverage-notes.js";
import { type OpInfo, readDocument, readGroup } from "./golden.js";
import { keyOf } from "./ops-runner.js";
import { camelCase } from "./signatures.js";

type Space = { readonly [name: string]: unknown };

/** PyTorch's names by group, each with its tier. */
type Surface = { readonly [group: string]: readonly (readonly [name: string, tier: number])[] };

/** What became of a PyTorch name. */
export interface Covered {
  readonly name: string;
  readonly tier: number;
  readonly status: "supported" | "differs" | "not yet";
  /** Why it differs, or is not there. */
  readonly note: string;
}

/** Where the names of a Python module are, the likeliest first. */
const SPACES: readonly (readonly [prefix: string, ...spaces: Space[]])[] = [
  ["torch.nn.functional", nn.functional],
  ["torch.utils.data", data],
  ["torch.utils.checkpoint", autograd],
  ["torch.utils.tensorboard", viz],
  ["torch.distributions.constraints", distributions.constraints as Space],
  ["torch.distributions.transforms", distributions.transforms],
  ["torch.distributions", distributions],
  ["torch.linalg", linalg],
  ["torch.fft", fft],
  ["torch.special", special, core],
  ["torch.autograd.functional", functional],
  ["torch.autograd.graph", autograd.graph],
  ["torch.autograd.function", autograd],
  ["torch.autograd.grad_mode", autograd],
  ["torch.autograd", autograd],
  ["torch.func", func, nn],
  ["torch.random", core],
  ["torch.testing", testing],
  ["torch.amp", core, autograd, nn, optim],
  ["torch.masked", masked],
  ["torch", core, layers, autograd, math, special, linalg, complex, fft, io, cpu, nn.functional],
  ["nn.utils.stateless", nn],
  ["nn.utils.rnn", nn.utils.rnn],
  ["nn.utils", nn.utils, optim],
  ["nn.init", nn.init],
  ["nn", nn, optim],
  ["F", nn.functional, core, layers],
  ["optim.lr_scheduler", optim.lrScheduler],
  ["optim.swa_utils", optim.swaUtils],
  ["optim", optim],
  ["constraints", distributions.constraints as Space],
  ["transforms", distributions.transforms],
  ["torchviz", viz],
];

/** Classes by the name that stands before a member. */
function instances(): { readonly [name: string]: object } {
  const tensor = core.zeros(1);
  const leaf = core.zeros(1).requiresGrad_();
  const product = leaf.mul(2);
  const weight = new nn.Parameter(core.zeros(1));
  const optimizer = new optim.SGD([weight], { lr: 0.1 });
  return {
    Tensor: tensor,
    Node: product.gradFn as object,
    AccumulateGrad: product.gradFn?.nextFunctions[0][0] as object,
    ctx: new autograd.FunctionContext([]),
    Function: autograd.Function,
    Generator: new core.Generator(),
    Module: new nn.Linear(1, 1),
    Sequential: new nn.Sequential(),
    ModuleList: new nn.ModuleList(),
    ModuleDict: new nn.ModuleDict(),
    ParameterList: new nn.ParameterList(),
    ParameterDict: new nn.ParameterDict(),
    Optimizer: optimizer,
    LRScheduler: new optim.lrScheduler.StepLR(optimizer, 1),
    GradScaler: new optim.GradScaler(),
    Distribution: new distributions.Normal(core.zeros(1), core.ones(1)),
    DistributedSampler: data.DistributedSampler.prototype,
  };
}

/** A name as it is written here: camelCase; classes and constants as they are. */
function here(name: string): string {
  if (/^[A-Z]/.test(name)) return name;
  const leading = /^_*/.exec(name)?.[0] ?? "";
  return leading + camelCase(name.slice(leading.length));
}

function has(space: Space | object, path: readonly string[]): boolean {
  const [part, ...rest] = path;
  if ((typeof space !== "object" && typeof space !== "function") || space === null || !(part in space)) return false;
  return rest.length === 0 || has((space as Space)[part] as Space, rest);
}

/** True if the packages offer a PyTorch name. */
function isOffered(name: string, objects: { readonly [name: string]: object }): boolean {
  const [first, ...members] = name.replace(/\(.*$/, "").split(".");
  if (Object.hasOwn(objects, first)) return members.length === 1 && has(objects[first], [here(members[0])]);
  for (const [prefix, ...spaces] of SPACES) {
    if (!name.startsWith(`${prefix}.`)) continue;
    const path = name
      .slice(prefix.length + 1)
      .split(".")
      .map(here);
    if (spaces.some((space) => has(space, path))) return true;
  }
  return false;
}

/** The golden keys with cases that are not about complex numbers. */
async function keysWithCases(): Promise<ReadonlySet<string>> {
  return new Set((await readGroup("ops")).filter(({ dtype }) => dtype !== "complex64").map(keyOf));
}

/** For each public call the golden keys that are not all right. */
async function wrongKeys(info: { readonly [op: string]: OpInfo }, passing: ReadonlySet<string>): Promise<Map<string, string[]>> {
  const present = await keysWithCases();
  const wrong = new Map<string, string[]>();
  for (const [key, { call }] of Object.entries(info)) {
    const name = call.replace("torch.nn.functional.", "F.").replace("torch.Tensor.", "Tensor.").replace(/ .*$/, "");
    if (present.has(key) && !passing.has(`ops/${key}`)) wrong.set(name, [...(wrong.get(name) ?? []), key]);
  }
  return wrong;
}

/** Says of every name of the surface file whether it is there. `passing` are the golden keys on record as right. */
export async function coverage(passing: readonly string[]): Promise<Map<string, Covered[]>> {
  const surface = await readDocument<Surface>("surface/names.json.gz");
  const wrong = await wrongKeys(await readDocument("ops/ops.json"), new Set(passing));
  const objects = instances();
  const cover = ([name, tier]: readonly [string, number]): Covered => {
    const different = DIFFERENT[name];
    if (different !== undefined) return { name, tier, status: "differs", note: different };
    if (isOffered(name, objects)) {
      const keys = wrong.get(name);
      if (keys === undefined) return { name, tier, status: "supported", note: "" };
      return { name, tier, status: "differs", note: `golden cases not all right: ${keys.join(", ")}` };
    }
    const reason = LEFT_OUT.find(([pattern]) => pattern.test(name))?.[1] ?? "";
    return { name, tier, status: "not yet", note: reason };
  };
  return new Map(Object.entries(surface).map(([group, names]) => [group, names.map(cover)]));
}

const TIERS = [1, 2, 3];

/** The page that shows all of it. */
export function formatCoverage(groups: ReadonlyMap<string, readonly Covered[]>): string {
  const lines = [
    "# Coverage of PyTorch's names",
    "",
    "Made by `npm run coverage-table` from what the packages export and from the golden cases on record; a test says so when it is out of date.",
    "Names are written here in camelCase, with options in one object: see [Differences from PyTorch](differences.md). Tiers say how widely a",
    "name is used: 1 everyday, 2 wider, 3 rare. A name is supported if it is exported and no golden case of it is wrong.",
    "",
    "| group | tier 1 | tier 2 | tier 3 |",
    "|---|---|---|---|",
  ];
  for (const [group, names] of groups) lines.push(`| [${group}](#${group}) | ${TIERS.map((tier) => share(names, tier)).join(" | ")} |`);
  for (const [group, names] of groups) lines.push("", `## ${group}`, ...sectionOf(names));
  return `${lines.join("\n")}\n`;
}

/** How many are supported, as they are or in another way. */
function share(names: readonly Covered[], tier: number): string {
  const all = names.filter((covered) => covered.tier === tier);
  if (all.length === 0) return "-";
  const of = (status: Covered["status"]): number => all.filter((covered) => covered.status === status).length;
  const others = of("differs") > 0 ? ` and ${of("differs")} in another way` : "";
  return `${of("supported")} of ${all.length}${others}`;
}

function sectionOf(names: readonly Covered[]): string[] {
  const lines: string[] = [];
  for (const tier of TIERS) {
    const there = names.filter((covered) => covered.tier === tier && covered.status === "supported");
    if (there.length > 0) lines.push("", `Supported, tier ${tier}: ${there.map(({ name }) => `\`${name}\``).join(", ")}.`);
  }
  const differing = names.filter(({ status }) => status === "differs");
  if (differing.length > 0) {
    lines.push("", "| differs | tier | how |", "|---|---|---|");
    for (const { name, tier, note } of differing) lines.push(`| \`${name}\` | ${tier} | ${note} |`);
  }
  const absent = names.filter(({ status }) => status === "not yet");
  const reasons = new Map<string, Covered[]>();
  for (const covered of absent) reasons.set(covered.note, [...(reasons.get(covered.note) ?? []), covered]);
  for (const [reason, list] of [...reasons].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = list.map(({ name, tier }) => `\`${name}\` (${tier})`).join(", ");
    lines.push("", `Not yet${reason === "" ? "" : ` (${reason})`}: ${text}.`);
  }
  return lines;
}
