import { Tensor } from "@sconce/core";

/** The tensors of nested arrays and plain objects, and how to put others in their place. */
export interface Tree<T> {
  readonly leaves: readonly Tensor[];
  /** The value with something else in place of each tensor. */
  rebuild(leaves: readonly unknown[]): T;
}

/** Takes a value apart; what is no array, plain object or tensor stays as it is. */
export function flatten<T>(value: T): Tree<T> {
  const leaves: Tensor[] = [];
  const rebuild = build(value, leaves);
  return { leaves, rebuild: (others) => rebuild(others) as T };
}

type Rebuild = (leaves: readonly unknown[]) => unknown;

function build(value: unknown, leaves: Tensor[]): Rebuild {
  if (value instanceof Tensor) {
    const at = leaves.push(value) - 1;
    return (others) => others[at];
  }
  if (Array.isArray(value)) {
    const parts = value.map((item) => build(item, leaves));
    return (others) => parts.map((part) => part(others));
  }
  if (isPlain(value)) {
    const parts = Object.entries(value).map(([key, item]) => [key, build(item, leaves)] as const);
    return (others) => Object.fromEntries(parts.map(([key, part]) => [key, part(others)]));
  }
  return () => value;
}

/** True for an object literal. */
export function isPlain(value: unknown): value is { readonly [key: string]: unknown } {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** For each tensor of a value what a tree of the same or a lesser depth says of it. */
export function spreadTree<S>(spec: S | readonly unknown[] | object, value: unknown, isSpec: (x: unknown) => x is S): S[] {
  if (isSpec(spec)) return flatten(value).leaves.map(() => spec);
  const keys = Array.isArray(value) ? value.map((_, i) => i) : isPlain(value) ? Object.keys(value) : [];
  return keys.flatMap((key) => {
    const inner = (spec as { readonly [key: string | number]: unknown })[key];
    return spreadTree(inner as S, (value as { readonly [key: string | number]: unknown })[key], isSpec);
  });
}
