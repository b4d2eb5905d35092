import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { packAll } from "./packed.mjs";
import { output, root } from "./shell.mjs";

/** attw's profile `esm-only`: how CommonJS and Node 10 would resolve is no matter. */
const ignored = ["node10", "node16-cjs"];

/** The entry for the bundles of other packages: for Node, without types. */
const BUNDLE = "./bundle";

async function lint({ manifest, tarball }) {
  const { messages } = await publint({ pack: { tarball: new Uint8Array(readFileSync(tarball)).buffer }, strict: true });
  return messages.map((message) => formatMessage(message, manifest, { color: false }));
}

async function resolveTypes({ tarball }) {
  const { types, problems } = await checkPackage(createPackageFromTarballData(readFileSync(tarball)), { excludeEntrypoints: [BUNDLE] });
  if (!types) return ["no types in the package"];
  return problems.filter(({ resolutionKind }) => !ignored.includes(resolutionKind)).map((problem) => JSON.stringify(problem));
}

/** What resolves in the workspace resolves alike when published; Node alone gets bundles. */
function sameEntries({ exports: { [BUNDLE]: _own, ...exports } }, workspace) {
  const own = JSON.parse(readFileSync(join(root, workspace, "package.json"), "utf8")).exports;
  const others = Object.entries(exports).map(([name, target]) => [
    name,
    typeof target === "string" ? target : { ...target, node: undefined },
  ]);
  const bundled = Object.values(exports).filter((target) => target.node !== undefined);
  return (
    JSON.stringify(Object.fromEntries(others)) === JSON.stringify(own) &&
    bundled.every(({ node, default: file }) => node === file.replace("./dist/", "./dist/bundle/")) &&
    [0, Object.values(own).filter((target) => typeof target !== "string").length].includes(bundled.length)
  );
}

/** What npm's provenance and users need of a manifest, and files that must come with it. */
function lintManifest({ manifest, tarball, workspace }) {
  const files = output("tar", ["-tzf", tarball]).trim().split("\n");
  const { license, repository, publishConfig, sideEffects, files: listed, engines, description, keywords } = manifest;
  const rules = {
    "license: MIT": license === "MIT",
    "repository: this one, with the package's folder": repository?.url.endsWith("/sconce.git") && repository.directory === workspace,
    "publishConfig: public, with provenance": publishConfig?.access === "public" && publishConfig.provenance === true,
    "sideEffects: stated": sideEffects !== undefined,
    "files: dist without build state": listed?.includes("dist") && !files.some((file) => file.endsWith(".tsbuildinfo")),
    "engines: Node 20": engines?.node === ">=20",
    "description and keywords": description !== undefined && keywords?.length > 0,
    "LICENSE and README.md in the tarball": ["package/LICENSE", "package/README.md"].every((file) => files.includes(file)),
    "exports: as in the workspace, and a bundle for Node of all entries or of none": sameEntries(manifest, workspace),
    "no tests in the tarball": !files.some((file) => /\.test\.|\.test-d\./.test(file)),
  };
  return Object.keys(rules).filter((rule) => !rules[rule]);
}

/**
 * Packs every public package and lints what would be published: metadata and `publint --strict` for the manifests, `attw --profile esm-only` for the
 * types. Resolves to the number of packages with findings.
 */
export async function checkPublishable() {
  const folder = mkdtempSync(join(tmpdir(), "sconce-publishable-"));
  let failed = 0;
  try {
    for (const [name, entry] of await packAll(folder)) {
      const findings = [...lintManifest(entry), ...(await lint(entry)), ...(await resolveTypes(entry))];
      if (findings.length > 0) failed++;
      console.log(findings.length === 0 ? `${name}: publint and attw find nothing` : `${name}:\n  ${findings.join("\n  ")}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return failed;
}
