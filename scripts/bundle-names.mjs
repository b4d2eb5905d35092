/**
 * The names by which the bundles for Node import each other. What `sconce` loads of a package is one file, its entry `./bundle`, and all bundles
 * import from there: Node spends a good part of a millisecond on each file and on each import.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { workspaces } from "./prepare.mjs";
import { root } from "./shell.mjs";

const manifestOf = (workspace) => JSON.parse(readFileSync(join(root, workspace, "package.json"), "utf8"));

/** What a published package gives to Node, by entry: `index` -> its compiled module; null for a package that Node reads as it is. */
export function entriesOf(workspace) {
  const { exports, publishConfig } = manifestOf(workspace);
  if (publishConfig?.exports === undefined) return null;
  const modules = Object.values(exports).filter((target) => typeof target !== "string");
  return Object.fromEntries(modules.map(({ default: file }) => [file.slice("./dist/".length, -".js".length), join(root, workspace, file)]));
}

/** The entries that importing `sconce` loads of the packages with an entry `./bundle`: `@sconce/core/nn` -> its module, and what its names begin with there. */
function findJoined() {
  const joined = new Map();
  const umbrella = readFileSync(join(root, "packages/sconce/src/index.ts"), "utf8");
  for (const workspace of workspaces) {
    const { name, publishConfig } = manifestOf(workspace);
    if (publishConfig?.exports?.["./bundle"] === undefined) continue;
    for (const [entry, file] of Object.entries(entriesOf(workspace))) {
      const [specifier, prefix] = entry === "index" ? [name, ""] : [`${name}/${entry}`, `${entry}$`];
      if (umbrella.includes(`"${specifier}"`)) joined.set(specifier, { file, entry, prefix, from: `${name}/bundle` });
    }
  }
  return joined;
}

const joined = findJoined();

/** True for a module whose package gives it to other bundles in its shared file. */
export const isJoined = (file) => [...joined.values()].some((one) => one.file === file);

const STATEMENT = /^(import|export) (\*|\* as (\w+)|\{(.*)\}) from "(@sconce\/[\w/-]+)";$/gm;

/** The names between the braces of an import or export: what they are there -> what they become here. */
const pairs = (names) =>
  names
    .split(",")
    .map((pair) => pair.trim().split(" as "))
    .map(([name, alias = name]) => [name, alias]);
const braces = (list) => `{ ${list.map(([name, alias]) => (name === alias ? name : `${name} as ${alias}`)).join(", ")} }`;

const EXPORTS = /^export \{(.*)\};$/m;
const FROM_SHARED = /^import \{(.*)\} from "\.\/shared\.js";$/m;

/** The shared file exports what its entries do under names that stay from version to version, and the rest for this package alone. */
export const stableNames = (entries) => ({
  name: "stable-names",
  generateBundle(_options, files) {
    const own = [...joined.values()].filter(({ file }) => Object.values(entries).includes(file));
    if (own.length === 0) return;
    const stable = new Map();
    for (const { entry, prefix } of own) {
      const { code } = files[`${entry}.js`];
      const origin = new Map(pairs(FROM_SHARED.exec(code)[1]).map(([name, local]) => [local, name]));
      for (const [local, name] of pairs(EXPORTS.exec(code)[1])) {
        const given = stable.get(origin.get(local)) ?? [];
        stable.set(origin.get(local), [...given, prefix + name]);
      }
    }
    const namesFor = (name) => stable.get(name) ?? [`_${name}`];
    for (const file of Object.values(files)) {
      if (file.type !== "chunk") continue;
      const rename = (_line, list) =>
        `import ${braces(pairs(list).map(([name, local]) => [namesFor(name)[0], local]))} from "./shared.js";`;
      file.code = file.code.replace(FROM_SHARED, rename);
      if (file.name !== "shared") continue;
      const give = (_line, list) =>
        `export ${braces(pairs(list).flatMap(([local, name]) => namesFor(name).map((given) => [local, given])))};`;
      file.code = file.code.replace(EXPORTS, give);
    }
  },
});

/** What a namespace is where its names come from the shared file: an object of them. */
function namespaceOf(local, names, { prefix, from }) {
  const list = names.map((name) => [prefix + name, `${local}$${name}`]);
  const fields = names.map((name) => `${name}: ${local}$${name}`);
  return `import ${braces(list)} from "${from}"; const ${local} = /* @__PURE__ */ Object.freeze({ __proto__: null, ${fields.join(", ")} });`;
}

/** Turns imports of entries into imports of the file that they share. */
export const joinImports = {
  name: "join-imports",
  async generateBundle(_options, files) {
    const names = new Map();
    for (const file of Object.values(files)) {
      if (file.type !== "chunk") continue;
      for (const [, , what, , , specifier] of file.code.matchAll(STATEMENT))
        if (what.startsWith("*") && joined.has(specifier))
          names.set(specifier, Object.keys(await import(pathToFileURL(joined.get(specifier).file))));
      file.code = file.code.replace(STATEMENT, (line, word, what, local, list, specifier) => {
        const entry = joined.get(specifier);
        if (entry === undefined) return line;
        if (local !== undefined) return namespaceOf(local, names.get(specifier), entry);
        const wanted = what === "*" ? names.get(specifier).map((name) => [name, name]) : pairs(list);
        return `${word} ${braces(wanted.map(([name, alias]) => [entry.prefix + name, alias]))} from "${entry.from}";`;
      });
    }
  },
};
