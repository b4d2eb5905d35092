import { typeName, ValueError } from "./errors.js";
import { isTensor } from "./promotion.js";
import type { Tensor } from "./tensor/tensor.js";

/** Options of any kind. */
type Values = { readonly [name: string]: unknown };

/** The class of what an option may be if it is not null; `Object` for anything. */
type Kind = NumberConstructor | BooleanConstructor | ArrayConstructor | FunctionConstructor | ObjectConstructor | typeof Tensor;

/** What options are if they are left out; for one that may be null the class of what it may be, and then it is null. */
export type OptionDefaults<O extends object, K extends keyof O> = {
  readonly [P in K]-?: Exclude<O[P], null | undefined> | (null extends O[P] ? Kind : never);
};

/** Options of which none is left out. */
export type OptionValues<O extends object, K extends keyof O> = { [P in K]-?: Exclude<O[P], undefined> };

/**
 * The options that a function or class was given; those that `defaults` names are checked and complete (`defaults` itself where nothing differs).
 * @throws ValueError for anything but an object (a number, `null` or a tensor in its place would say nothing), or for an option of
 * another kind than its default.
 * @example
 * optionsOf("Linear", { bias: false }).bias; // false
 * optionsOf("dropout", { training: false }, { p: 0.5, training: true }); // { p: 0.5, training: false }
 */
export function optionsOf<O extends object>(owner: string | { readonly name: string }, options: O): O;
export function optionsOf<O extends object, K extends keyof O>(
  owner: string | { readonly name: string },
  options: O,
  defaults: OptionDefaults<O, K>,
): OptionValues<O, K>;
export function optionsOf(owner: string | { readonly name: string }, options: Values, defaults?: Values): Values {
  const op = typeof owner === "string" ? owner : owner.name;
  // A module, which is a function of its own kind, holds its settings.
  if (Object(options) !== options || Array.isArray(options) || options instanceof Function || isTensor(options)) {
    throw new ValueError(`${op}: expected an object of options, got ${typeName(options)}; write { name: value } or leave it out`);
  }
  if (defaults === undefined) return options;
  let values: Record<string, unknown> = defaults;
  for (const name in defaults) {
    const own = defaults[name];
    const nullable = typeof own === "function";
    const value = options[name] === undefined ? (nullable ? null : own) : options[name];
    if (value === own && !nullable) continue;
    if (nullable ? value !== null && !(Object(value) instanceof own) : typeName(value) !== typeName(own)) {
      const kind = nullable ? `${own.name} or null` : typeName(own);
      throw new ValueError(`${op}: expected ${name} to be of kind ${kind}, got ${typeName(value)}`);
    }
    if (values === defaults) values = { ...defaults };
    values[name] = value;
  }
  return values;
}
