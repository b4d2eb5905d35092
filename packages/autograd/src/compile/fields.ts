import { type Group, Tensor } from "@sconce/core";

/** What an object holds by name, and what the arrays and plain objects in it hold. */
type Held = readonly (readonly [name: string, value: unknown, inside: Held | null])[];

const MAX_DEPTH = 8;

function heldBy(value: object, depth = 0): Held {
  return Object.entries(value).map(([name, item]) => {
    const isPlain = Array.isArray(item) || (item && Object.getPrototypeOf(item) === Object.prototype);
    return [name, item, isPlain && depth < MAX_DEPTH ? heldBy(item, depth + 1) : null];
  });
}

function holds(value: object, held: Held): boolean {
  const now = value as { readonly [name: string]: unknown };
  if ((Array.isArray(value) ? value : Object.keys(value)).length !== held.length) return false;
  for (const [name, item, inside] of held) {
    if (!(name in now) || !Object.is(now[name], item) || (inside !== null && !holds(item as object, inside))) return false;
  }
  return true;
}

/** A check that an object has the fields of now, that the groups have the members of now, and that the same tensors among these are trained. */
export function sameFields(object: object, groups: readonly Group[]): () => boolean {
  const fields = heldBy(object);
  const members = groups.map((group) => [...group.values()]);
  const tensors = [...Object.values(object), ...members.flat()].filter((value) => value instanceof Tensor);
  const flags = tensors.map(({ trainable }) => trainable);
  // Almost all groups are empty.
  const isSame = (group: Group, i: number): boolean =>
    group.size === members[i].length && (group.size === 0 || [...group.values()].every((member, j) => member === members[i][j]));
  return () => groups.every(isSame) && holds(object, fields) && tensors.every(({ trainable }, i) => trainable === flags[i]);
}
