import { type Group, Tensor } from "@sconce/core";

/** What an object holds by name, and what the arrays and plain objects in it hold. */
type Held = readonly { readonly name: string | number; readonly item: unknown; readonly inside: Held | null }[];

const MAX_DEPTH = 8;

function heldBy(value: object, depth = 0): Held {
  return (Array.isArray(value) ? [...value.entries()] : Object.entries(value)).map(([name, item]) => {
    const isPlain = Array.isArray(item) || (item && Object.getPrototypeOf(item) === Object.prototype);
    return { name, item, inside: isPlain && depth < MAX_DEPTH ? heldBy(item, depth + 1) : null };
  });
}

function holds(value: object, held: Held): boolean {
  const now = value as { readonly [name: string | number]: unknown };
  if ((Array.isArray(value) ? value : Object.keys(value)).length !== held.length) return false;
  for (let i = 0; i < held.length; i++) {
    const { name, item, inside } = held[i];
    if (!Object.is(now[name], item) || (inside !== null && !holds(item as object, inside))) return false;
  }
  return true;
}

/** A check that an object has the fields of now, that the groups have the members of now, and that the same tensors among these are trained. */
export function sameFields(object: object, groups: readonly Group[]): () => boolean {
  const fields = heldBy(object);
  const members = groups.map((group) => [...group.values()]);
  const tensors = [...fields.map(({ item }) => item), ...members.flat()].filter((value) => value instanceof Tensor);
  const flags = tensors.map(({ trainable }) => trainable);
  const isSame = (group: Group, i: number): boolean => {
    const before = members[i];
    if (group.size !== before.length) return false;
    // Almost all groups are empty, and each look at one makes an iterator.
    if (group.size === 0) return true;
    let at = 0;
    for (const member of group.values()) if (!Object.is(member, before[at++])) return false;
    return true;
  };
  return () => groups.every(isSame) && holds(object, fields) && tensors.every(({ trainable }, i) => trainable === flags[i]);
}
