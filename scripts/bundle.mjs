import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { entriesOf, isJoined, joinImports, stableNames } from "./bundle-names.mjs";
import { workspaces } from "./prepare.mjs";
import { root } from "./shell.mjs";

const SCRIPTS = ["./bundle.mjs", "./bundle-names.mjs"].map((name) => fileURLToPath(new URL(name, import.meta.url)));

const isFresh = (home) => {
  const made = join(home, "dist/bundle/index.js");
  if (!existsSync(made)) return false;
  const { mtimeMs } = statSync(made);
  return [join(home, "dist/.tsbuildinfo"), join(home, "package.json"), ...SCRIPTS].every((file) => statSync(file).mtimeMs < mtimeMs);
};

/** Finds, while the bundler reads them, the modules that importing the package or `sconce` loads, and those that several of the other entries do. */
function collector(entries) {
  const files = Object.values(entries);
  const first = files.filter((file) => file === entries.index || isJoined(file));
  const shared = new Set();
  const common = new Set();
  function loadedBy(context, id, all = new Set()) {
    if (all.has(id)) return all;
    all.add(id);
    for (const next of context.getModuleInfo(id)?.importedIds ?? []) loadedBy(context, next, all);
    return all;
  }
  const plugin = {
    name: "shared-modules",
    buildEnd() {
      for (const file of first) loadedBy(this, file, shared);
      const once = new Set();
      for (const file of files) if (!first.includes(file)) for (const id of loadedBy(this, file)) (once.has(id) ? common : once).add(id);
    },
  };
  const groups = [
    { name: "shared", test: (id) => shared.has(id) },
    { name: "common", test: (id) => common.has(id) && !shared.has(id) },
  ];
  return { plugin, groups };
}

/** A source in ASCII is kept in one byte a character, which engines read faster. */
const ascii = {
  name: "ascii",
  generateBundle(_options, files) {
    for (const file of Object.values(files))
      if (file.type === "chunk")
        file.code = file.code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  },
};

/** Private methods keep their names too, for stack traces: while locals are shortened, the sign before them is a letter that nothing else has. */
const privateNames = {
  name: "private-names",
  renderChunk: (code) => ({ code: code.replaceAll("#", "\u01c2"), map: null }),
  generateBundle(_options, files) {
    for (const file of Object.values(files)) if (file.type === "chunk") file.code = file.code.replaceAll("\u01c2", "#");
  },
};

/** The bundler's helpers stand in the chunks that use them, on the line of their import: a file of their own is one more to load. */
const helpersInline = {
  name: "helpers-inline",
  generateBundle(_options, files) {
    const helpers = Object.values(files).find(({ name }) => name === "rolldown-runtime");
    if (helpers === undefined) return;
    const code = helpers.code.replace(/^(\/\/|export).*$/gm, "").replace(/\s+/g, " ");
    for (const file of Object.values(files))
      if (file.type === "chunk")
        file.code = file.code.replace(/^import (\{.*)?"\.\/rolldown-runtime\.js";/, (_all, names) => (names ? code : ""));
    delete files[helpers.fileName];
  },
};

/**
 * Bundles one package: a file for each entry, what importing the package or `sconce` loads of it in one file that all entries share, and
 * what else several entries load in another. Other packages stay imports, so that a process has one copy of each. Lines and the names of
 * functions and classes stay, because modules print the latter and stack traces both; locals are short, which V8 reads faster. Maps lead to the
 * modules in `dist`.
 */
async function bundle(home, entries) {
  const { plugin, groups } = collector(entries);
  const several = Object.keys(entries).length > 1;
  const bundler = await rolldown({
    input: entries,
    platform: "neutral",
    experimental: { attachDebugInfo: "none" },
    external: (id) => !id.startsWith(".") && !id.startsWith(home),
    plugins: [plugin, privateNames, helpersInline, stableNames(entries), joinImports, ascii],
  });
  const dir = join(home, "dist/bundle");
  rmSync(dir, { recursive: true, force: true });
  await bundler.write({
    dir,
    format: "esm",
    chunkFileNames: "[name].js",
    keepNames: true,
    minify: { compress: false, mangle: { toplevel: false, keepNames: true }, codegen: { removeWhitespace: false } },
    comments: { legal: true, annotation: true, jsdoc: false },
    sourcemap: true,
    sourcemapExcludeSources: true,
    ...(several ? { codeSplitting: { groups } } : {}),
  });
  await bundler.close();
}

/**
 * Bundles what Node loads of the published packages into their `dist/bundle`; does nothing for a package whose bundle is newer than its build.
 * The workspace itself resolves to the modules: only packed manifests name the bundles.
 */
export async function bundlePackages() {
  for (const workspace of workspaces) {
    const home = join(root, workspace);
    const entries = entriesOf(workspace);
    if (entries !== null && !isFresh(home)) await bundle(home, entries);
  }
  return 0;
}
