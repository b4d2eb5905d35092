import { Tensor } from "@sconce/core";

/** True for what holds tensors by name or place: arrays, plain objects, and results such as `values` and `indices`. */
function isContainer(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.values(value).some((item) => item instanceof Tensor);
}

/** The leaves of arguments or results, in order: tensors, and whatever else is not an array or an object of such. */
export function leavesOf(tree: unknown, found: unknown[] = []): unknown[] {
  if (tree instanceof Tensor || !isContainer(tree)) found.push(tree);
  else for (const item of Object.values(tree)) leavesOf(item, found);
  return found;
}

/** A tree of the same form with other leaves. */
export function mapLeaves(tree: unknown, fn: (leaf: unknown) => unknown): unknown {
  if (tree instanceof Tensor || !isContainer(tree)) return fn(tree);
  if (Array.isArray(tree)) return tree.map((item) => mapLeaves(item, fn));
  const copy = Object.create(Object.getPrototypeOf(tree)) as { [name: string]: unknown };
  for (const [name, item] of Object.entries(tree)) copy[name] = mapLeaves(item, fn);
  return copy;
}

/** The form of a tree: two trees with equal forms have their leaves in the same places. */
export function formOf(tree: unknown): string {
  if (tree instanceof Tensor || !isContainer(tree)) return "*";
  if (Array.isArray(tree)) return `[${tree.map(formOf).join()}]`;
  return `{${Object.entries(tree)
    .map(([name, item]) => `${JSON.stringify(name)}:${formOf(item)}`)
    .join()}}`;
}
