import { type OptionDefaults, type OptionValues, optionsOf } from "@sconce/core";
import type { Module } from "./module.js";

/**
 * Settings of which the commonest may stand alone: `0.2` for `{ p: 0.2 }`, with the others after it.
 * @throws ValueError unless the others are an object.
 * @example
 * withOption<DropoutOptions>("dropout", "p", 0.2, { training: false }); // { p: 0.2, training: false }
 */
export function withOption<O extends object>(
  owner: string | { readonly name: string },
  key: keyof O & string,
  first: O | O[keyof O] | undefined,
  others: Partial<O> = {},
): O {
  // A module, which is a function, holds its own settings.
  if (Object(first) === first) return first as O;
  return { ...optionsOf(owner, others), [key]: first } as O;
}

/** Makes the options that `defaults` names fields of a layer, and returns them. @throws ValueError as {@link optionsOf}. */
export function settle<O extends object, K extends keyof O>(layer: Module, options: O, defaults: OptionDefaults<O, K>): OptionValues<O, K> {
  const values = optionsOf(layer.constructor, options, defaults);
  Object.assign(layer, values);
  return values;
}
