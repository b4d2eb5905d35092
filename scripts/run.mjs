import { delimiter, dirname, join } from "node:path";
import { checkLines } from "./lines.mjs";
import { build, clean, install, pnpm } from "./prepare.mjs";
import { node, root, wasInterrupted } from "./shell.mjs";
import { checkSite } from "./site.mjs";
import { test } from "./test.mjs";
import { typecheck } from "./typecheck.mjs";

const biome = (...args) => node("node_modules/@biomejs/biome/bin/biome", args);

/** Runs a tool that calls pnpm itself, with the pinned one first on PATH. */
async function withPnpm(script, ...args) {
  const command = await pnpm();
  const path = command === "pnpm" ? process.env.PATH : `${dirname(command)}${delimiter}${process.env.PATH}`;
  return node(script, args, { env: { PATH: path, TURBO_TELEMETRY_DISABLED: "1" } });
}

/** Runs steps in order until one fails. */
async function all(...steps) {
  for (const step of steps) {
    const code = wasInterrupted() ? 130 : await step();
    if (code !== 0) return code;
  }
  return 0;
}

const app = (name) => (args) =>
  all(
    install,
    () => build(`apps/${name}`),
    () => node(`apps/${name}/dist/main.js`, args),
  );

/** The page of an app: a development server, or with --build a site of static files in its dist/site. */
const page = (name) => (args) =>
  all(
    install,
    () => build(`apps/${name}`),
    () =>
      node("node_modules/vite/bin/vite.js", [
        args.includes("--build") ? "build" : "dev",
        `apps/${name}`,
        ...args.filter((arg) => arg !== "--build"),
      ]),
  );

const commands = {
  test,
  mnist: app("mnist"),
  "mnist:web": page("mnist"),
  bench: app("bench"),
  "bench:web": page("bench"),
  "benchmarks-table": (args) =>
    all(
      install,
      () => build("apps/bench"),
      () => node("apps/bench/dist/benchmarks-table.js", args),
    ),
  build: () => all(install, () => withPnpm("node_modules/turbo/bin/turbo", "run", "build")),
  typecheck: () => all(install, () => build(), typecheck),
  lint: () =>
    all(
      install,
      () => biome("check"),
      checkLines,
      () => node("node_modules/knip/bin/knip.js"),
    ),
  format: () => all(install, () => biome("check", "--write")),
  pack: () =>
    all(
      install,
      () => build(),
      // What it imports is installed only now.
      async () => (await import("./packed.mjs")).pack(),
    ),
  size: () =>
    all(
      install,
      () => build(),
      () => node("node_modules/size-limit/bin.js"),
    ),
  "coverage-table": () =>
    all(install, () =>
      node("node_modules/vitest/vitest.mjs", ["run", "packages/testing/test/coverage.test.ts"], { env: { SCONCE_RECORD: "1" } }),
    ),
  licences: () =>
    all(install, () => node("node_modules/vitest/vitest.mjs", ["run", "docs/licences.test.ts"], { env: { SCONCE_RECORD: "1" } })),
  docs: () =>
    all(
      install,
      () => build(),
      () => node("node_modules/typedoc/bin/typedoc"),
      () => node("node_modules/vite/bin/vite.js", ["build", "docs/site"]),
      () => checkSite(join(root, "docs-out")),
    ),
  runtimes: () =>
    all(
      install,
      () => build(),
      async () => (await import("./runtimes.mjs")).checkRuntimes(),
    ),
  release: (args) =>
    args.includes("--dry-run")
      ? all(
          clean,
          () => test([]),
          // What it imports is installed only now.
          async () => (await import("./release.mjs")).rehearse(),
        )
      : all(
          install,
          async () => (await import("./release.mjs")).ready(),
          clean,
          () => test([]),
          async () => (await import("./bundle.mjs")).bundlePackages(),
          () => withPnpm("node_modules/@changesets/cli/bin.js", "publish"),
        ),
};

const [name, ...args] = process.argv.slice(2);
if (!Object.hasOwn(commands, name ?? "")) {
  console.error(`usage: node scripts/run.mjs ${Object.keys(commands).join("|")} [arguments]`);
  process.exit(2);
}
try {
  process.exitCode = await commands[name](args);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
