import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { workspaces } from "./prepare.mjs";
import { root } from "./shell.mjs";

const LIMIT = 600;

function* sources(folder) {
  if (!existsSync(join(root, folder))) return;
  for (const entry of readdirSync(join(root, folder), { recursive: true })) {
    const file = `${folder}/${entry}`;
    if (/\.(tsx?|mjs)$/.test(file) && !/\/(node_modules|dist)\//.test(file)) yield file;
  }
}

/** Prints the lines per workspace package and every file over the limit; resolves to 1 if there is one. */
export function checkLines() {
  let code = 0;
  const totals = [];
  for (const folder of [...workspaces, "scripts"]) {
    let lines = 0;
    for (const file of sources(folder)) {
      const count = readFileSync(join(root, file), "utf8").split("\n").length - 1;
      lines += count;
      if (count <= LIMIT) continue;
      code = 1;
      console.log(`${file}: ${count} lines; the limit is ${LIMIT}: split it by family`);
    }
    totals.push(`${folder} ${lines}`);
  }
  console.log(totals.join(" · "));
  return code;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = checkLines();
