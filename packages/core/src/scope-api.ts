import { currentScope, refusePromise, Scope } from "./scope.js";
import { TensorBase } from "./tensor/base.js";

/** Calls `visit` for every tensor in arrays, plain objects, maps and sets. */
function eachTensor(value: unknown, visit: (tensor: TensorBase) => void, seen: Set<unknown> = new Set()): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof TensorBase) visit(value);
  else if (Array.isArray(value) || value instanceof Set) for (const item of value) eachTensor(item, visit, seen);
  else if (value instanceof Map) for (const item of value.values()) eachTensor(item, visit, seen);
  else if (isPlain(value)) for (const item of Object.values(value)) eachTensor(item, visit, seen);
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/**
 * Frees, at the end of a region, the tensors made in it. What the function returns outlives it (tensors in arrays and plain objects
 * too), and so does what {@link keep} marks.
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
  try {
    const result = fn();
    refusePromise(result, "scope");
    eachTensor(result, (t) => region.release(t.storage));
    return result;
  } finally {
    region[Symbol.dispose]();
  }
}

/**
 * Lets tensors (in arrays and plain objects too) outlive every open scope; the garbage collector frees them. Returns its argument.
 * @example
 * const best = scope(() => keep(tensor([1, 2, 3])));
 */
export function keep<T>(value: T): T {
  eachTensor(value, (t) => (t.storage.owner ?? currentScope())?.escape(t.storage));
  return value;
}
