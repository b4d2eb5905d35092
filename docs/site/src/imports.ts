/** The modules that a program may import. */
export const MODULES = ["sconce", "sconce/nn", "sconce/optim", "sconce/data", "sconce/io", "sconce/func", "sconce/autograd"] as const;

const IMPORT = /^[ \t]*import\s+(?:(\*\s+as\s+\w+)|(\{[^}]*\}))\s+from\s+["']([^"']+)["'];?/gm;

/**
 * Turns import declarations into reads of `modules`, so that the program can be the body of a function. The number of lines stays.
 * @throws Error for a module that there is not.
 */
export function withoutImports(code: string): string {
  return code.replace(IMPORT, (text: string, whole: string | undefined, names: string | undefined, module: string) => {
    if (!(MODULES as readonly string[]).includes(module)) throw new Error(`import: expected one of ${MODULES.join(", ")}, got "${module}"`);
    const target = whole === undefined ? (names as string).replace(/\b(\w+)\s+as\s+(\w+)/g, "$1: $2") : whole.replace(/\*\s+as\s+/, "");
    const lines = "\n".repeat(text.split("\n").length - target.split("\n").length);
    return `const ${target} = modules["${module}"];${lines}`;
  });
}
