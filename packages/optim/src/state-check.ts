import { Tensor, ValueError } from "@sconce/core";
import type { ParamState } from "./optimizer.js";

/** Names of tensors that an optimizer keeps of a parameter. */
export type StateTensors = { readonly [name: string]: "needed" | "optional" | "list" };

/** A value's kind in the words of an error. */
export function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

/** @throws ValueError for an argument of another kind. */
export function expectKind(owner: object, name: string, kind: string, value: unknown): void {
  if (kindOf(value) !== kind)
    throw new ValueError(`${owner.constructor.name}: expected ${name} to be of kind ${kind}, got ${kindOf(value)}`);
}

/** True for an object that holds values by name. */
export function isRecord(value: unknown): value is object {
  return kindOf(value) === "object";
}

/** The state, if it is an object. @throws ValueError for anything else. */
export function dictOf<T extends object>(owner: object, state: T): T {
  if (isRecord(state)) return state;
  throw new ValueError(`${owner.constructor.name}.loadStateDict: expected what stateDict() returned, got ${kindOf(state)}`);
}

/** @throws ValueError that names the place, unless `ok`. */
export function expectAt(path: string, ok: boolean, wanted: string, got: unknown): void {
  if (!ok) throw new ValueError(`loadStateDict: expected ${wanted} at ${path}, got ${kindOf(got)}`);
}

/** @throws ValueError for an option that is not of the kind of the optimizer's own. */
export function checkOption(path: string, own: unknown, given: unknown): void {
  const kind = kindOf(own);
  const isSame = kindOf(given) === kind && (!Array.isArray(own) || own.length === (given as unknown[]).length);
  expectAt(path, isSame || !/num|bool|arr/.test(kind), `${kind} such as ${own}`, given);
}

/** @throws ValueError for entries of a parameter that are missing or of another kind than the optimizer keeps. */
export function checkEntries(path: string, entries: ParamState, tensors: StateTensors, scalars: object): void {
  expectAt(path, isRecord(entries), "an object", entries);
  const names = Object.keys(entries);
  if (names.length === 0) return;
  const needed = Object.keys(tensors).filter((name) => tensors[name] === "needed");
  if (needed.length > 0) names.push(...needed, ...Object.keys(scalars));
  for (const name of names) {
    const entry = entries[name];
    const kind = tensors[name];
    const isScalar = name in scalars;
    const fits = (x: unknown): boolean =>
      isScalar
        ? typeof x === "number" || (x instanceof Tensor && x.numel() === 1)
        : x instanceof Tensor || (x === null && kind !== "needed") || (typeof x === "number" && kind === undefined);
    const isList = Array.isArray(entry) && (kind === "list" || !(kind || isScalar));
    expectAt(`${path}.${name}`, isList ? entry.every(fits) : fits(entry), isScalar ? "a number" : "a tensor", entry);
  }
}
