import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "vite";
import { root } from "./shell.mjs";

const home = join(root, "packages/backend-webgl");
const source = join(home, "src/gpu-js.ts");
const target = join(home, "dist/gpu-js.js");

/** The folder of a package as another one finds it. */
function folderOf(name, from) {
  const require = createRequire(join(from, "package.json"));
  let folder = dirname(realpathSync(require.resolve(name)));
  while (!existsSync(join(folder, "package.json")) || JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).name !== name)
    folder = dirname(folder);
  return folder;
}

function isBundled(banner) {
  if (!existsSync(target) || statSync(target).mtimeMs < statSync(source).mtimeMs) return false;
  return readFileSync(target, "utf8").startsWith(banner);
}

/**
 * Puts gpu.js into the WebGL backend's build, as the chunk that the backend imports when it starts, with the licences of all that is in
 * it: users install neither gpu.js nor what it depends on. Does nothing where that is done, or where the
 * backend is not built.
 */
export async function bundleGpu() {
  if (!existsSync(join(home, "dist/index.js"))) return;
  const gpu = folderOf("gpu.js", home);
  const { version } = JSON.parse(readFileSync(join(gpu, "package.json"), "utf8"));
  const banner = `/*! gpu.js ${version}, MIT; see gpu-js.LICENSE.txt */\n`;
  if (isBundled(banner)) return;
  const folder = mkdtempSync(join(tmpdir(), "sconce-gpu-"));
  await build({
    root: home,
    configFile: false,
    logLevel: "error",
    build: { lib: { entry: source, formats: ["es"], fileName: () => "gpu-js.js" }, outDir: folder, target: "es2022", minify: true },
  });
  writeFileSync(target, banner + readFileSync(join(folder, "gpu-js.js"), "utf8"));
  rmSync(`${target}.map`, { force: true });
  const licences = [gpu, folderOf("acorn", gpu), folderOf("gpu-mock.js", gpu)].map((part) => {
    const { name, version } = JSON.parse(readFileSync(join(part, "package.json"), "utf8"));
    return `${name} ${version}\n\n${readFileSync(join(part, "LICENSE"), "utf8").trim()}\n`;
  });
  writeFileSync(join(home, "dist/gpu-js.LICENSE.txt"), licences.join(`\n${"-".repeat(80)}\n\n`));
  rmSync(folder, { recursive: true });
}

if (pathToFileURL(process.argv[1]).href === import.meta.url) await bundleGpu();
