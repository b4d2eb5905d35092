import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "vite";
import { bundlePackages } from "./bundle.mjs";
import { pnpm, workspaces } from "./prepare.mjs";
import { output, root } from "./shell.mjs";

const read = (file) => readFileSync(file, "utf8");

/** The packages that are published, as `packages/core`. */
const published = workspaces.filter((name) => name.startsWith("packages/") && !JSON.parse(read(join(root, name, "package.json"))).private);

/** Packs every public package into `packed/`, so that projects beside this one can install them. */
export async function pack() {
  const folder = join(root, "packed");
  rmSync(folder, { recursive: true, force: true });
  await bundlePackages();
  const command = await pnpm();
  for (const workspace of published) output(command, ["pack", "--pack-destination", folder], join(root, workspace));
  console.log(`In your project: npm install ${join(folder, "*.tgz")}`);
  return 0;
}

/** Packs every public package as it would be published; returns name -> { tarball, manifest, readme, workspace }. */
export async function packAll(folder) {
  const packed = new Map();
  await bundlePackages();
  const command = await pnpm();
  for (const workspace of published) {
    const target = join(folder, workspace);
    mkdirSync(target, { recursive: true });
    output(command, ["pack", "--pack-destination", target], join(root, workspace));
    const tarball = join(target, readdirSync(target)[0]);
    output("tar", ["-xzf", tarball, "-C", target]);
    const manifest = JSON.parse(read(join(target, "package/package.json")));
    packed.set(manifest.name, { tarball, manifest, readme: read(join(target, "package/README.md")), workspace });
  }
  return packed;
}

/** Unpacks the named packages and what they depend on; a peer that is not named is an error. */
export function installInto(app, names, packed) {
  const queue = [...names];
  const done = new Set();
  while (queue.length > 0) {
    const name = queue.pop();
    if (done.has(name)) continue;
    done.add(name);
    const { tarball, manifest } = packed.get(name);
    const target = join(app, "node_modules", name);
    mkdirSync(target, { recursive: true });
    output("tar", ["-xzf", tarball, "-C", target, "--strip-components=1"]);
    queue.push(...Object.keys(manifest.dependencies ?? {}));
  }
  for (const name of done) {
    const { peerDependencies = {}, peerDependenciesMeta = {} } = packed.get(name).manifest;
    for (const peer of Object.keys(peerDependencies))
      if (!done.has(peer) && !peerDependenciesMeta[peer]?.optional)
        throw new Error(`${name} needs its peer ${peer}, which the install line does not name`);
  }
}

/**
 * Leaves of every package only what Node is meant to load, and the types: a program that runs all the same has no module from the other layout, so
 * no second copy of one.
 */
function keepBundles(app, names) {
  for (const name of names) {
    const folder = join(app, "node_modules", name);
    if (!existsSync(join(folder, "dist/bundle"))) continue;
    for (const file of readdirSync(join(folder, "dist"), { recursive: true }))
      if (file.endsWith(".js") && !file.startsWith("bundle")) rmSync(join(folder, "dist", file));
  }
}

/** Type-checks the program against the packed declarations, and compiles it. */
function compile(app, source) {
  writeFileSync(join(app, "package.json"), '{ "type": "module" }\n');
  writeFileSync(join(app, "main.ts"), source);
  const options = { target: "es2022", module: "nodenext", lib: ["es2022", "dom", "dom.iterable"], strict: true };
  const compilerOptions = { ...options, types: ["node"], typeRoots: [join(root, "node_modules/@types")], skipLibCheck: false };
  writeFileSync(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
  output(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", app]);
}

/** Bundles the program; what its packages register on import must survive. Returns the bundle's path. */
async function bundle(app) {
  await build({
    root: app,
    configFile: false,
    logLevel: "error",
    ssr: { noExternal: true },
    build: { ssr: "main.ts", outDir: "bundle", target: "es2022", minify: false },
  });
  return join(
    "bundle",
    readdirSync(join(app, "bundle")).find((name) => name.startsWith("main")),
  );
}

/** An error text of gpu.js: where it is, gpu.js is. */
const GPU_JS = "Error compiling fragment shader";

/** gpu.js must be a chunk of its own in programs with the WebGL backend, and in no other. */
function checkChunks(app, main, wanted) {
  const files = readdirSync(join(app, "bundle"), { recursive: true }).filter((file) => /\.m?js$/.test(file));
  const found = files.filter((file) => read(join(app, "bundle", file)).includes(GPU_JS));
  if (found.length !== (wanted ? 1 : 0) || join("bundle", found[0] ?? "") === main)
    throw new Error(`gpu.js is in ${found.join(", ") || "no file"} of the bundle ${files.join(", ")}`);
}

/** The program of a README, and what it prints: the comments behind its `console.log(...)` calls. */
export function programOf(readme) {
  const [, source] = /```ts\n([\s\S]*?)```/.exec(readme);
  return { source, expected: [...source.matchAll(/console\.log\(.*\); \/\/ (.*)/g)].map((match) => match[1]).join("\n") };
}

/** Runs the program and compares what it prints. */
function runProgram(app, file, expected) {
  const printed = output(process.execPath, [file], app).trim();
  if (expected !== printed) throw new Error(`${file} printed\n${printed}\nand its comments say\n${expected}`);
}

async function checkOne({ manifest, readme }, app, packed) {
  if (JSON.stringify(manifest).includes("workspace:")) throw new Error("the packed manifest still has a workspace: range");
  const names = /npm install (.*)/.exec(readme)[1].trim().split(" ");
  const { source, expected } = programOf(readme);
  mkdirSync(app, { recursive: true });
  installInto(app, names, packed);
  compile(app, source);
  keepBundles(app, packed.keys());
  runProgram(app, "main.js", expected);
  const bundled = await bundle(app);
  checkChunks(app, bundled, names.includes("@sconce/backend-webgl"));
  runProgram(app, bundled, expected);
  return names;
}

/**
 * Packs every package and runs its README's program with only the packages of its install line beside it, as it is and bundled; the
 * repository's README too. Resolves to the number of READMEs that fail.
 */
export async function checkPacked() {
  const folder = mkdtempSync(join(tmpdir(), "sconce-packed-"));
  let failed = 0;
  try {
    const packed = await packAll(folder);
    const own = { manifest: { name: "README.md" }, readme: read(join(root, "README.md")) };
    for (const [name, entry] of [...packed, ["README.md", own]]) {
      try {
        const names = await checkOne(entry, join(folder, "apps", name.replace(/\W+/g, "-")), packed);
        console.log(`${name}: packed, installed as ${names.join(" + ")}, type-checked, run, bundled`);
      } catch (error) {
        failed++;
        console.error(`${name}: ${error.message}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return failed;
}
