import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { pack } from "./packed.mjs";
import { output, root } from "./shell.mjs";

/** The changesets that no version holds yet, by name. */
const waiting = () =>
  readdirSync(join(root, ".changeset"))
    .filter((file) => file.endsWith(".md") && file !== "README.md")
    .map((file) => file.slice(0, -".md".length));

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

/** What a tarball in `packed/` holds, in words. */
function describe(file) {
  const tarball = join(root, "packed", file);
  const files = output("tar", ["-tzf", tarball]).trim().split("\n").length;
  const { name, version, publishConfig } = JSON.parse(output("tar", ["-xzOf", tarball, "package/package.json"]));
  const how = `${publishConfig.access}${publishConfig.provenance ? ", with provenance" : ""}`;
  return `  ${name}@${version}: ${kilobytes(statSync(tarball).size)}, ${files} files, ${how}`;
}

/** Packs everything into `packed/` and says what a release would publish. */
export async function rehearse() {
  await pack();
  console.log(`\nA release would publish to npm:\n${readdirSync(join(root, "packed")).sort().map(describe).join("\n")}`);
  const names = waiting();
  if (names.length > 0) console.log(`First run \`npx changeset version\` and commit; these changesets wait: ${names.join(", ")}`);
  return 0;
}

/** Whether the tree is what a release may be made of: changes versioned and committed. */
export function ready() {
  const problems = [];
  if (waiting().length > 0) problems.push(`changesets wait (${waiting().join(", ")}): run \`npx changeset version\` and commit`);
  if (output("git", ["status", "--porcelain"], root).trim() !== "") problems.push("the tree has changes that are not committed");
  const versions = new Set(
    readdirSync(join(root, "packages"))
      .map((name) => JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")))
      .filter((manifest) => !manifest.private)
      .map((manifest) => manifest.version),
  );
  if (versions.size !== 1) problems.push(`packages have different versions: ${[...versions].join(", ")}`);
  for (const problem of problems) console.error(`release: ${problem}`);
  return problems.length;
}
