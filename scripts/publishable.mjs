import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { packAll } from "./packed.mjs";

/** attw's profile `esm-only`: how CommonJS and Node 10 would resolve is no matter. */
const ignored = ["node10", "node16-cjs"];

async function lint({ manifest, tarball }) {
  const { messages } = await publint({ pack: { tarball: new Uint8Array(readFileSync(tarball)).buffer }, strict: true });
  return messages.map((message) => formatMessage(message, manifest, { color: false }));
}

async function resolveTypes({ tarball }) {
  const { types, problems } = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
  if (!types) return ["no types in the package"];
  return problems.filter(({ resolutionKind }) => !ignored.includes(resolutionKind)).map((problem) => JSON.stringify(problem));
}

/**
 * Packs every public package and lints what would be published: `publint --strict` for the manifests, `attw --profile esm-only` for the
 * types. Resolves to the number of packages with findings.
 */
export async function checkPublishable() {
  const folder = mkdtempSync(join(tmpdir(), "sconce-publishable-"));
  let failed = 0;
  try {
    for (const [name, entry] of await packAll(folder)) {
      const findings = [...(await lint(entry)), ...(await resolveTypes(entry))];
      if (findings.length > 0) failed++;
      console.log(findings.length === 0 ? `${name}: publint and attw find nothing` : `${name}:\n  ${findings.join("\n  ")}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return failed;
}
