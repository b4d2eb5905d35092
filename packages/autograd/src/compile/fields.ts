import { type Group, Tensor } from "@sconce/core";

/** What an object held, by name. */
interface Held {
  readonly object: { readonly [name: string]: unknown };
  readonly names: readonly string[];
  readonly items: readonly unknown[];
}

function isPlain(item: unknown): item is object {
  return Array.isArray(item) || (item != null && Object.getPrototypeOf(item) === Object.prototype);
}

/** What an object holds, and what the arrays and plain objects in it hold. */
function heldBy(object: object): Held[] {
  const objects = new Set([object]);
  // A set may grow while it is iterated.
  for (const one of objects) for (const item of Object.values(one)) if (isPlain(item)) objects.add(item);
  return [...objects].map((one) => {
    // The holes of arrays have names too.
    const all = Array.isArray(one) ? [...one] : one;
    return { object: one as Held["object"], names: Object.keys(all), items: Object.values(all) };
  });
}

function isUnchanged({ object, names, items }: Held): boolean {
  const isArray = Array.isArray(object);
  if ((isArray ? object : Object.keys(object)).length !== names.length) return false;
  for (let i = 0; i < names.length; i++) {
    if (!Object.is(object[names[i]], items[i]) || (items[i] === undefined && !isArray && !(names[i] in object))) return false;
  }
  return true;
}

/** A check that an object has the fields of now, that the groups have the members of now, and that the same tensors among these are trained. */
export function sameFields(object: object, groups: readonly Group[]): () => boolean {
  const held = heldBy(object);
  const members = groups.map((group) => [...group.values()]);
  const tensors = [...held.flatMap(({ items }) => items), ...members.flat()].filter((value) => value instanceof Tensor);
  const flags = tensors.map(({ trainable }) => trainable);
  const isSame = (group: Group, i: number): boolean => {
    if (group.size !== members[i].length) return false;
    let j = 0;
    // Almost all groups are empty.
    if (group.size > 0) for (const member of group.values()) if (member !== members[i][j++]) return false;
    return true;
  };
  const isTrainedAlike = ({ trainable }: Tensor, i: number): boolean => trainable === flags[i];
  return () => groups.every(isSame) && held.every(isUnchanged) && tensors.every(isTrainedAlike);
}
