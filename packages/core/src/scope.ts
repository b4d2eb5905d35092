import { SconceError, typeName, ValueError } from "./errors.js";
import { tracer } from "./tracing.js";

/** What a scope frees at its end. */
export interface Disposable_ {
  /** Frees what it holds. */
  dispose(): void;
  owner: Scope | null;
  /** Its place among what the owner frees. */
  place: number;
}

let current: Scope | null = null;

/** A tensor, as far as scopes are concerned. */
interface Owned {
  readonly storage: Disposable_;
  readonly wrapped: unknown;
}

/** A region whose tensors are freed at its end. Made by {@link scope}. */
export class Scope implements Disposable {
  #parent: Scope | null = current;
  #items: Disposable_[] | null = [];
  /** It is around code of the library, for what that leaves behind: users neither open it nor see it. */
  readonly hidden: boolean;
  /** Free for autograd, which is told when the scope has ended. */
  slot: { ended(parent: Scope | null): void } | null = null;

  constructor(hidden = false) {
    this.hidden = hidden;
    current = this;
  }

  /** The innermost scope from here on outwards that a user may know of. */
  get visible(): Scope | null {
    return this.hidden ? (this.#parent?.visible ?? null) : this;
  }

  /** Takes ownership of a storage. */
  add(item: Disposable_): void {
    const items = this.#items as Disposable_[];
    item.owner = this;
    item.place = items.length;
    items.push(item);
  }

  /** Gives a storage to the scope outside, or to the garbage collector. */
  release(item: Disposable_): void {
    if (this.remove(item)) this.#parent?.add(item);
  }

  /** {@link Scope.release} for a result, and {@link Scope.exposeAll} if it stands for other tensors. */
  give({ storage, wrapped }: Owned): void {
    this.release(storage);
    if (wrapped !== null) this.exposeAll();
  }

  /** Takes all that it owns, and what the hidden scopes around it own, out of them. */
  exposeAll(): void {
    if (!this.hidden) return;
    for (const item of [...(this.#items as Disposable_[])]) this.release(item);
    this.#parent?.exposeAll();
  }

  /** Strikes an item off; false if it is not of this scope. */
  remove(item: Disposable_): boolean {
    const items = this.#items;
    if (items === null || item.owner !== this) return false;
    item.owner = null;
    const last = items.pop() as Disposable_;
    if (last !== item) {
      items[item.place] = last;
      last.place = item.place;
    }
    return true;
  }

  /**
   * Runs a function of the user as if this scope, the innermost one and hidden, were not open: what it makes belongs to the user's scope
   * outside. Scopes that it opens or ends stay so: the `using` form may span layers and awaits.
   */
  outside<T>(fn: () => T): T {
    const inner = current;
    let outermost: Scope = this;
    while (outermost.#parent?.hidden === true) outermost = outermost.#parent;
    current = outermost.#parent;
    try {
      return fn();
    } finally {
      outermost.#parent = current;
      current = inner;
    }
  }

  /** Ends the scope and frees what it owns. */
  [Symbol.dispose](): void {
    if (this.#items === null) return;
    if (current !== this) {
      throw new SconceError(
        "scope: expected scopes to end in reverse order of their start; another one is still open (an interleaved async task?): " +
          "open a scope per task around synchronous work only",
      );
    }
    current = this.#parent;
    const items = this.#items;
    this.#items = null;
    for (const item of items) item.dispose();
    this.slot?.ended(this.#parent);
  }
}

/** The innermost open scope. */
export function currentScope(): Scope | null {
  return current;
}

/** Takes a tensor out of the hidden scopes. */
export function expose(x: Owned): void {
  while (x.storage.owner?.hidden === true) x.storage.owner.give(x);
}

/** Runs a function and ends a scope, where there is one. `give` says what outlives it. */
export function ending<T>(region: Scope | null, fn: () => T, give?: (result: T, region: Scope) => void): T {
  try {
    const result = fn();
    if (region !== null) give?.(result, region);
    return result;
  } finally {
    region?.[Symbol.dispose]();
  }
}

/** Lets tensors outlive a scope. */
export function giveAll(tensors: readonly Owned[], region: Scope): void {
  for (const x of tensors) region.give(x);
}

/** A scope around code of the library; null while a function is traced, which keeps what it makes for its replays. */
export function hiddenScope(): Scope | null {
  return tracer === null ? new Scope(true) : null;
}

/** Throws if `value` is a promise: a function form must be synchronous. `advice` says what to do. */
export function refusePromise(value: unknown, name: string, advice?: string): void {
  if (typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function") {
    const what = advice ?? `put the ${name} block inside the loop, or write \`using _ = ${name}()\``;
    throw new SconceError(`${name}: expected a synchronous function, got one that returned a Promise; ${what}`);
  }
}

/** Runs the function of a region, such as that of `scope`. @throws ValueError unless it is a function. @throws SconceError for a promise. */
export function runSync<T>(name: string, fn: () => T): T {
  if (typeof fn !== "function")
    throw new ValueError(`${name}: expected a function, got ${typeName(fn)}; \`using _ = ${name}()\` opens a region without one`);
  const result = fn();
  refusePromise(result, name);
  return result;
}
