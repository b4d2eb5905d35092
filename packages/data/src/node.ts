/** What is used of Node's own modules. */
interface NodeModules {
  readonly "node:fs/promises": typeof import("node:fs/promises");
  readonly "node:module": typeof import("node:module");
  readonly "node:url": typeof import("node:url");
  readonly "node:worker_threads": typeof import("node:worker_threads");
}

/** Whether this is Node, or what takes itself for it. */
export function inNode(): boolean {
  return typeof process !== "undefined" && process.versions?.node !== undefined;
}

/** Imports a module of Node by a variable: bundlers for browsers would try to resolve a literal. */
export function nodeModule<N extends keyof NodeModules>(name: N): Promise<NodeModules[N]> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name);
}
