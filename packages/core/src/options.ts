import { typeName, ValueError } from "./errors.js";
import { isTensor } from "./promotion.js";

/**
 * The options that a function or class was given.
 * @throws ValueError for anything but an object: a number, `null` or a tensor in its place would say nothing.
 * @example
 * optionsOf({ name: "Linear" }, { bias: false }).bias; // false
 */
export function optionsOf<O extends object>(owner: { readonly name: string }, options: O): O {
  if (typeof options === "object" && options !== null && !Array.isArray(options) && !isTensor(options)) return options;
  throw new ValueError(`${owner.name}: expected an object of options, got ${typeName(options)}; write { name: value } or leave it out`);
}
