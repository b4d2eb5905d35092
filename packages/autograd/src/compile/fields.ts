import { Tensor } from "@sconce/core";

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
  return (
    Object.keys(now).length === held.length &&
    held.every(([name, item, inside]) => Object.is(now[name], item) && (inside === null || holds(item as object, inside)))
  );
}

/** A check that an object has the fields of now, that `more` gives what it gives now, and that the same tensors among these are trained. */
export function sameFields(object: object, more: () => readonly unknown[]): () => boolean {
  const fields = heldBy(object);
  const others = more();
  const tensors = [...fields.map(([, value]) => value), ...others].filter((value) => value instanceof Tensor);
  const flags = tensors.map(({ trainable }) => trainable);
  return () => {
    const now = more();
    return (
      now.length === others.length &&
      now.every((value, i) => Object.is(value, others[i])) &&
      holds(object, fields) &&
      tensors.every(({ trainable }, i) => trainable === flags[i])
    );
  };
}
