import { NotSupportedError, ValueError } from "@sconce/core";
import { Module } from "../module.js";
import type { Parameter } from "../parameter.js";
import { checkKey } from "../state.js";

/** What a container holds. */
export type Item = Module | Parameter;

/** Named items: a record, a map, or pairs of name and item. */
export type NamedItems<T> = Readonly<Record<string, T>> | ReadonlyMap<string, T> | readonly (readonly [string, T])[];

/** The pairs of any form of named items. */
export function entriesOf<T>(items: NamedItems<T>): (readonly [string, T])[] {
  return Symbol.iterator in items ? [...(items as Iterable<readonly [string, T]>)] : Object.entries(items);
}

/** Items are kept outside of the fields; `clone` makes containers without their constructors, so there are no private members here. */
function itemsOf<T extends Item>(container: Module): Map<string, T> {
  return Module.itemsOf(container) as Map<string, T>;
}

/** A module whose children or parameters are items in an order, not fields. Items are also properties, by position or name. */
export abstract class Container<T extends Item> extends Module {
  /** The item as it is kept. Throws if it is none. */
  protected abstract checkItem(item: T): T;

  /** Puts another item in place of the one of this name. */
  protected replaceItem(name: string, item: T): void {
    itemsOf<T>(this).set(name, this.checkItem(item));
  }

  /** Replaces all items. */
  protected setItems(entries: Iterable<readonly [string, T]>): void {
    const items = itemsOf<T>(this);
    const next = new Map<string, T>();
    for (const [name, item] of entries) {
      checkKey("module", name, this.constructor.name);
      next.set(name, this.checkItem(item));
    }
    const old = [...items.keys()];
    items.clear();
    for (const [name, item] of next) items.set(name, item);
    this.showItems(old);
  }

  /** Makes every item a property that is not enumerable, so that state keys come from the items alone. */
  protected showItems(old: readonly string[]): void {
    const listed = this instanceof ListContainer;
    old.forEach((name, i) => {
      for (const property of [name, String(i)]) if (isAlias(this, property)) Reflect.deleteProperty(this, property);
    });
    const names = [...itemsOf<T>(this).keys()];
    names.forEach((name, i) => {
      if (listed) this.alias(String(i), name);
      if (!(listed && isPosition(name)) && !(name in this)) this.alias(name, name);
    });
  }

  /** The name of the field that holds an item. */
  protected alias(property: string, name: string): void {
    Object.defineProperty(this, property, {
      get: () => itemsOf<T>(this).get(name),
      set: (item: T) => this.replaceItem(name, item),
      enumerable: false,
      configurable: true,
    });
  }

  protected override copyFrom(source: Module, copy: (value: unknown) => unknown): void {
    super.copyFrom(source, copy);
    this.showItems([]);
  }
}

function isPosition(name: string): boolean {
  return /^\d+$/.test(name);
}

function isAlias(container: Module, property: string): boolean {
  const descriptor = Object.getOwnPropertyDescriptor(container, property);
  return descriptor !== undefined && !descriptor.enumerable && descriptor.get !== undefined;
}

/** A {@link Container} that counts its items. */
export abstract class ListContainer<T extends Item> extends Container<T> {
  /** The item at a position. */
  [index: number]: T;

  /** Number of items. */
  override get length(): number {
    return itemsOf(this).size;
  }

  /** Goes through the items in order. */
  [Symbol.iterator](): IterableIterator<T> {
    return itemsOf<T>(this).values();
  }

  /**
   * The item at a position; negative positions count from the end.
   * @throws ValueError if there is none.
   * @example
   * net.at(-1);
   */
  at(index: number): T {
    const found = Number.isInteger(index) ? [...this].at(index) : undefined;
    if (found === undefined) {
      throw new ValueError(`at: index ${index} is out of range of ${this.length} items`);
    }
    return found;
  }

  /** Adds an item at the end. Returns this. */
  append(item: T): this {
    return this.extend([item]);
  }

  /** Adds items at the end. Returns this. */
  extend(items: Iterable<T>): this {
    const entries = new Map(itemsOf<T>(this));
    for (const item of items) {
      let position = entries.size;
      // A slice keeps its names, so that a position may be taken.
      while (entries.has(String(position))) position++;
      entries.set(String(position), item);
    }
    this.setItems(entries);
    return this;
  }

  /** Adds an item before the one at `index`. Positions become the names of all items. Returns this. */
  insert(index: number, item: T): this {
    const list = [...this];
    list.splice(index, 0, item);
    this.setItems(list.map((kept, i) => [String(i), kept] as const));
    return this;
  }

  /**
   * Takes out the item at a position, by default the last, and returns it. Positions become the names of the others.
   * @throws ValueError if there is none.
   */
  pop(index = -1): T {
    const item = this.at(index);
    const list = [...this];
    list.splice(index, 1);
    this.setItems(list.map((kept, i) => [String(i), kept] as const));
    return item;
  }
}

/** A {@link Container} of named items, with the methods of a Map. */
export abstract class DictContainer<T extends Item> extends Container<T> {
  /** Number of items. */
  get size(): number {
    return itemsOf(this).size;
  }

  /**
   * The item of a name.
   * @throws ValueError if there is none.
   */
  get(name: string): T {
    const found = itemsOf<T>(this).get(name);
    if (found === undefined) throw new ValueError(`get: no item "${name}"; there are: ${[...this.keys()].join(", ")}`);
    return found;
  }

  /** Adds or replaces an item. Returns this. */
  set(name: string, item: T): this {
    return this.update([[name, item]]);
  }

  /** Adds or replaces items. Returns this. */
  update(items: NamedItems<T>): this {
    this.setItems([...itemsOf<T>(this), ...entriesOf(items)]);
    return this;
  }

  /** True if there is an item of this name. */
  has(name: string): boolean {
    return itemsOf(this).has(name);
  }

  /** Takes out an item; true if there was one. */
  delete(name: string): boolean {
    const found = this.has(name);
    this.setItems([...itemsOf<T>(this)].filter(([key]) => key !== name));
    return found;
  }

  /**
   * Takes out an item and returns it.
   * @throws ValueError if there is none.
   */
  pop(name: string): T {
    const found = this.get(name);
    this.delete(name);
    return found;
  }

  /** Takes out all items. */
  clear(): void {
    this.setItems([]);
  }

  /** Names in order. */
  keys(): IterableIterator<string> {
    return itemsOf<T>(this).keys();
  }

  /** Items in order. */
  values(): IterableIterator<T> {
    return itemsOf<T>(this).values();
  }

  /** Names and items in order. */
  entries(): IterableIterator<[string, T]> {
    return itemsOf<T>(this).entries();
  }

  /** Goes through the items in order. */
  [Symbol.iterator](): IterableIterator<[string, T]> {
    return this.entries();
  }
}

/** What calling a list or a dictionary throws. */
export function notCallable(container: Module): never {
  throw new NotSupportedError(`Module [${container.constructor.name}] is missing the required "forward" function`, { op: "forward" });
}
