import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as autograd from "@sconce/autograd";
import * as compiling from "@sconce/autograd/compile";
import * as func from "@sconce/autograd/func";
import * as functional from "@sconce/autograd/functional";
import * as cpu from "@sconce/backend-cpu";
import * as core from "@sconce/core";
import * as data from "@sconce/data";
import * as distributions from "@sconce/distributions";
import * as io from "@sconce/io";
import * as nn from "@sconce/nn";
import * as optim from "@sconce/optim";
import * as viz from "@sconce/viz";
import ts from "typescript";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { examplesUnder } from "../../src/examples.js";

const folder = new URL("../../../", import.meta.url).pathname;
const own: { readonly [pkg: string]: object } = { core, autograd, nn, optim, data, io, distributions, "backend-cpu": cpu, viz };
const all = {
  ...distributions,
  ...cpu,
  ...io,
  ...data,
  ...optim,
  ...nn,
  ...autograd,
  ...core,
  nn,
  optim,
  data,
  io,
  ...compiling,
  func,
  functional,
  F: nn.functional,
};

const temporary = mkdtempSync(join(tmpdir(), "sconce-examples-"));
afterAll(() => rmSync(temporary, { recursive: true }));
afterEach(() => {
  autograd.setDetectAnomaly(false);
  autograd.setGradEnabled(true);
});

/** Files that examples write do not stay. */
const files = {
  save: (...[state, path]: Parameters<typeof io.save>) => io.save(state, join(temporary, String(path))),
  load: (path: string) => io.load(join(temporary, path)),
  writeFile: (path: string, text: string) => writeFile(join(temporary, path), text),
};

/** Exports that are no names of variables. */
const RESERVED: ReadonlySet<string> = new Set(["default", "var"]);

/** What examples may use without making it. */
function fixtures(): { readonly [name: string]: unknown } {
  const net = new nn.Sequential(new nn.Linear(784, 32), new nn.ReLU(), new nn.Linear(32, 10));
  const x = core.randn([64, 784]);
  const y = core.tensor(Int32Array.from({ length: 64 }, (_, i) => i % 10));
  const logits = net(x);
  const criterion = new nn.CrossEntropyLoss();
  const dataset = new data.TensorDataset(x, y);
  const loader = new data.DataLoader(dataset, { batchSize: 32 });
  const optimizer = new optim.Adam(net.parameters());
  return { net, model: net, layer: net.at(0), x, y, target: y, logits, criterion, loss: criterion(logits, y), optimizer, dataset, loader };
}

/** What the import declarations of an example name; the core's device is there anyway. */
async function imported(code: string, file: string): Promise<{ readonly [name: string]: unknown }> {
  const found: { [name: string]: unknown } = {};
  for (const [, names, module] of code.matchAll(/^import \{([^}]*)\} from "([^"]+)";$/gm)) {
    const path = module.startsWith(".") ? new URL(module.replace(/\.js$/, ".ts"), `file://${file}`).pathname : module;
    const exports = (await import(/* @vite-ignore */ path)) as { readonly [name: string]: unknown };
    for (const part of names.split(",")) {
      const [name, alias = name] = part.trim().split(" as ");
      found[alias] = exports[name];
    }
  }
  return found;
}

async function run(pkg: string, name: string, code: string): Promise<void> {
  const file = `${folder}${pkg}/src/${name}`;
  const body = code.replace(/^import .*$|^export /gm, "").replaceAll("import.meta.url", JSON.stringify(`file://${file}`));
  const js = ts.transpileModule(`{\n${body}\n}`, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
  }).outputText;
  const around = (await import(/* @vite-ignore */ file)) as object;
  const scope: { readonly [name: string]: unknown } = {
    ...fixtures(),
    ...all,
    ...own[pkg],
    ...around,
    ...files,
    ...(await imported(code, file)),
  };
  const names = Object.keys(scope).filter((name) => !RESERVED.has(name));
  const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (
    ...parts: string[]
  ) => (...values: unknown[]) => Promise<void>;
  await new AsyncFunction(...names, js)(...names.map((name) => scope[name]));
}

describe.each(Object.keys(own))("examples of @sconce/%s", (pkg) => {
  const examples = examplesUnder(`${folder}${pkg}/src`);
  it.each(examples.map(({ where, code }) => [where, code]))("%s runs", async (where, code) => {
    expect(code).not.toBe("");
    await run(pkg, where.replace(/:\d+$/, ""), code);
  });
});
