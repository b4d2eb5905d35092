import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { node, root } from "./shell.mjs";

const programs = "packages/testing/types";

/**
 * Type-checks the tests, and each program under packages/testing/types by itself: a declaration merge holds for a whole program, so
 * what must not compile without a package needs a program without it.
 */
export async function typecheck() {
  const folders = existsSync(join(root, programs)) ? readdirSync(join(root, programs)) : [];
  for (const project of ["tsconfig.test.json", ...folders.map((name) => `${programs}/${name}/tsconfig.json`)])
    if ((await node("node_modules/typescript/bin/tsc", ["-p", project])) !== 0) return 1;
  return 0;
}
