import type { Module } from "./module.js";

type ModuleClass = typeof Module;

/** A field that is computed whenever it is read, and the fields that it is computed from. */
export interface DerivedField {
  /** Name of the class in printed texts. */
  readonly className: string;
  readonly field: string;
  readonly get: (module: Module) => unknown;
  readonly set?: (module: Module, value: unknown) => void;
  /** State keys of fields that the class does not have by itself. */
  readonly stateKeys?: Readonly<Record<string, string>>;
}

/** The fields of classes made here, by their prototypes. Copies of a module share them. */
const FIELDS = new WeakMap<object, DerivedField>();

/**
 * Gives a module a class of its own in which a field is computed. The class, not the instance, holds it, so that copies have it too and
 * walks over the module do not meet it.
 */
export function deriveField(module: Module, derived: DerivedField): void {
  const { className, field, get, set, stateKeys = {} } = derived;
  const base = module.constructor as ModuleClass;
  Reflect.deleteProperty(module, field);
  abstract class Derived extends base {
    protected static override stateKey(name: string): string {
      // biome-ignore lint/complexity/noThisInStatic: the class below has keys of its own
      return Object.hasOwn(stateKeys, name) ? stateKeys[name] : super.stateKey(name);
    }
  }
  Object.defineProperty(Derived, "name", { value: className });
  Object.defineProperty(Derived.prototype, field, {
    configurable: true,
    get(this: Module) {
      return get(this);
    },
    set(this: Module, value: unknown) {
      if (set === undefined) throw new TypeError(`${className}: ${field} is computed and cannot be set`);
      set(this, value);
    },
  });
  FIELDS.set(Derived.prototype, derived);
  Object.setPrototypeOf(module, Derived.prototype);
}

/** Undoes {@link deriveField}: the field becomes an ordinary one that holds `value`. */
export function restoreField(module: Module, field: string, value: unknown): void {
  const others: DerivedField[] = [];
  let prototype = Object.getPrototypeOf(module) as object;
  for (let found = FIELDS.get(prototype); found !== undefined; found = FIELDS.get(prototype)) {
    if (found.field !== field) others.unshift(found);
    prototype = Object.getPrototypeOf(prototype) as object;
  }
  Object.setPrototypeOf(module, prototype);
  (module as unknown as Record<string, unknown>)[field] = value;
  for (const other of others) deriveField(module, other);
}
