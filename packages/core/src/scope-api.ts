import { currentScope, ending, expose, hiddenScope, runSync, Scope } from "./scope.js";
import { TensorBase } from "./tensor/base.js";

/**
 * Calls `visit` for every tensor in arrays, plain objects, maps and sets, and in fields of what ops return together; `other` for objects
 * that may hold some out of reach.
 */
function eachTensor(value: unknown, visit: (tensor: TensorBase) => void, other?: () => void, seen?: Set<unknown>): void {
  if (value instanceof TensorBase) visit(value);
  else if (Object(value) === value && !seen?.has(value)) {
    const known = (seen ?? new Set()).add(value);
    const inside = (item: unknown): void => eachTensor(item, visit, other, known);
    if (Array.isArray(value) || value instanceof Set || value instanceof Map) value.forEach(inside);
    else {
      const plain = isPlain(value as object);
      if (typeof value === "object" && !ArrayBuffer.isView(value)) {
        for (const item of Object.values(value as object)) if (plain || item instanceof TensorBase) inside(item);
      }
      if (!plain) other?.();
    }
  }
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Frees, at the end of a region, the tensors made in it. What the function returns outlives it (tensors in arrays, plain objects
 * and fields of others too), and so does what {@link keep} marks.
 * @throws SconceError if the function returns a promise: put the scope inside the loop, or write `using _ = scope()`.
 * @example
 * const loss = scope(() => criterion(model(x), y));
 * {
 *   using _ = scope();
 *   model(x).sum();
 * }
 */
export function scope(): Scope;
export function scope<T>(fn: () => T): T;
export function scope<T>(fn?: () => T): Scope | T {
  const region = new Scope();
  if (fn === undefined) return region;
  return ending(region, () => runSync("scope", fn), giveFound);
}

/** Lets the tensors in a result outlive a scope. */
function giveFound(result: unknown, region: Scope): void {
  eachTensor(
    result,
    (t) => region.give(t),
    () => region.exposeAll(),
  );
}

/**
 * Lets tensors (in arrays, plain objects and fields of others too) outlive every open scope; the garbage collector frees them. Returns its argument.
 * @example
 * const best = scope(() => keep(tensor([1, 2, 3])));
 */
export function keep<T>(value: T): T {
  eachTensor(value, (t) => void t.storage.owner?.remove(t.storage));
  return value;
}

/**
 * Runs a function of the library, and frees at its end the tensors that were made and are not in its result. For layers and functions of
 * several ops, in which no code of the user runs but through {@link exposed}.
 */
export function hidden<T>(fn: () => T): T {
  return ending(hiddenScope(), fn, giveFound);
}

/** Runs a function of the user inside of {@link hidden}: the tensors that it is given, and those that it makes, are not freed for it. */
export function exposed<T>(given: unknown, fn: () => T): T {
  const region = currentScope();
  if (region?.hidden !== true) return fn();
  eachTensor(given, expose, () => region.exposeAll());
  return region.outside(fn);
}
