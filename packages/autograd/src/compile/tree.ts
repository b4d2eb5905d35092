import { NotSupportedError, Tensor } from "@sconce/core";

/** How a container's items are named, taken out, and put into another one of its kind. */
interface Kind {
  readonly names: (tree: object) => string;
  readonly items: (tree: object) => readonly unknown[];
  readonly rebuild: (tree: object, items: readonly unknown[]) => object;
}

const ARRAY: Kind = {
  names: (tree) => `[${(tree as unknown[]).length}]`,
  items: (tree) => tree as unknown[],
  rebuild: (_, items) => [...items],
};

/** Keys and values in turn. */
const MAP: Kind = {
  names: (tree) => `Map(${(tree as Map<unknown, unknown>).size})`,
  items: (tree) => [...(tree as Map<unknown, unknown>)].flat(),
  rebuild: (_, items) => new Map(items.flatMap((key, i) => (i % 2 === 0 ? [[key, items[i + 1]] as const] : []))),
};

const SET: Kind = {
  names: (tree) => `Set(${(tree as Set<unknown>).size})`,
  items: (tree) => [...(tree as Set<unknown>)],
  rebuild: (_, items) => new Set(items),
};

const FIELDS: Kind = {
  names: (tree) => `${tree.constructor?.name ?? ""}{${Object.keys(tree).map((name) => JSON.stringify(name))}}`,
  items: (tree) => Object.values(tree),
  rebuild: (tree, items) => {
    const copy = Object.create(Object.getPrototypeOf(tree)) as { [name: string]: unknown };
    Object.keys(tree).forEach((name, i) => {
      copy[name] = items[i];
    });
    return copy;
  },
};

/** True for objects whose code runs again at each replay, such as optimizers and schedulers, or that are read as they are then. */
function isLive(value: object): boolean {
  const { stateDict, getState } = value as { stateDict?: unknown; getState?: unknown };
  return typeof stateDict === "function" || typeof getState === "function";
}

/** What holds tensors and other values that can be seen: by name, by place or by key; undefined for what is one value. */
function kindOf(value: unknown): Kind | undefined {
  if (typeof value !== "object" || value === null || value instanceof Tensor) return undefined;
  if (Array.isArray(value)) return ARRAY;
  if (value instanceof Map) return MAP;
  if (value instanceof Set) return SET;
  if (ArrayBuffer.isView(value) || isLive(value)) return undefined;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.keys(value).length > 0 ? FIELDS : undefined;
}

/** True for an object of which nothing can be seen, such as a Date. */
export function isOpaque(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof Tensor) && kindOf(value) === undefined && !isLive(value);
}

const MAX_DEPTH = 64;

/** @throws NotSupportedError for a tree that holds itself. */
function deeper(depth: number): number {
  if (depth < MAX_DEPTH) return depth + 1;
  throw new NotSupportedError(`compile: expected arguments and results of at most ${MAX_DEPTH} levels; does one hold itself?`);
}

/** The leaves of results, in order: tensors, and whatever else holds no such. */
export function leavesOf(tree: unknown, found: unknown[] = [], depth = 0): readonly unknown[] {
  const kind = kindOf(tree);
  if (kind === undefined) found.push(tree);
  else for (const item of kind.items(tree as object)) leavesOf(item, found, deeper(depth));
  return found;
}

/** The leaves of arguments: these themselves where none holds others. */
export function leavesAmong(args: readonly unknown[]): readonly unknown[] {
  return args.some(kindOf) ? leavesOf(args) : args;
}

/** A tree of the same form with other leaves. */
export function mapLeaves(tree: unknown, fn: (leaf: unknown) => unknown): unknown {
  const kind = kindOf(tree);
  if (kind === undefined) return fn(tree);
  const items = kind.items(tree as object).map((item) => mapLeaves(item, fn));
  return kind.rebuild(tree as object, items);
}

function formOfTree(tree: unknown): string {
  const kind = kindOf(tree);
  return kind === undefined
    ? "*"
    : `${kind.names(tree as object)}(${kind
        .items(tree as object)
        .map(formOfTree)
        .join()})`;
}

/** The form of arguments with these leaves: those with equal forms, and as many leaves, have them in the same places. */
export function formOf(args: readonly unknown[], leaves: readonly unknown[]): string {
  return leaves === args ? "" : formOfTree(args);
}
