import { SconceError } from "./errors.js";

/** What a scope frees at its end. */
export interface Disposable_ {
  /** Frees what it holds. */
  dispose(): void;
  /** A scope will free it. */
  entered(): void;
  /** No scope will free it any more: the garbage collector has to. */
  escaped(): void;
  owner: Scope | null;
  /** Its place among what the owner frees. */
  place: number;
}

let current: Scope | null = null;

/** A region whose tensors are freed at its end. Made by {@link scope}. */
export class Scope implements Disposable {
  readonly #parent: Scope | null = current;
  #items: Disposable_[] | null = [];
  /** Free for autograd, which is told when the scope has ended. */
  slot: { ended(parent: Scope | null): void } | null = null;

  constructor() {
    current = this;
  }

  /** Takes ownership of a storage. */
  add(item: Disposable_): void {
    this.put(item);
    item.entered();
  }

  /** Gives a storage to the scope outside, or to the garbage collector. */
  release(item: Disposable_): void {
    if (!this.remove(item)) return;
    if (this.#parent === null) item.escaped();
    else this.#parent.put(item);
  }

  /** {@link Scope.release} for all that it owns. */
  releaseAll(): void {
    for (const item of this.#items?.slice() ?? []) this.release(item);
  }

  /** Hands a storage over to the garbage collector for good. */
  escape(item: Disposable_): void {
    if (this.remove(item)) item.escaped();
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

  private put(item: Disposable_): void {
    const items = this.#items as Disposable_[];
    item.owner = this;
    item.place = items.length;
    items.push(item);
  }

  /** Runs a function as if this scope, the innermost one, were not open: what it makes belongs to the scope outside. */
  outside<T>(fn: () => T): T {
    const inner = current;
    current = this.#parent;
    try {
      return fn();
    } finally {
      current = inner;
    }
  }

  /** Ends the scope and frees what it owns. */
  [Symbol.dispose](): void {
    if (this.#items === null) return;
    if (current !== this) {
      throw new SconceError(
        "scope: expected scopes to end in reverse order of their start; another scope is still open (an interleaved async task?): " +
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

const inside = (name: string): string => `put the ${name} block inside the loop, or write \`using _ = ${name}()\``;

/** Throws if `value` is a promise: a function form must be synchronous. `advice` says what to do. */
export function refusePromise(value: unknown, name: string, advice: string = inside(name)): void {
  if (typeof (value as PromiseLike<unknown> | null | undefined)?.then === "function") {
    throw new SconceError(`${name}: expected a synchronous function, got one that returned a Promise; ${advice}`);
  }
}
