import { Tensor, ValueError } from "@sconce/core";
import type { OptimizerStateDict, OptionValue, ParamState } from "./optimizer.js";

/** What an optimizer keeps of a parameter: tensors, and numbers that may have been saved as tensors of one element. */
export interface StateForm {
  readonly tensors: { readonly [name: string]: "needed" | "optional" | "list" };
  readonly scalars: { readonly [name: string]: unknown };
}

function isRecord(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Tensor);
}

/** A value's kind in the words of an error. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return Array.isArray(value) ? "an array" : value instanceof Tensor ? `a tensor [${value.shape}]` : `a ${typeof value}`;
}

/** The state, if it is an object. @throws ValueError for anything else. */
export function dictOf<T extends object>(owner: object, state: T): T {
  if (isRecord(state)) return state;
  throw new ValueError(`${owner.constructor.name}.loadStateDict: expected what stateDict() returned, got ${kindOf(state)}`);
}

function expectThat(ok: boolean, path: string, wanted: string, got: unknown): void {
  if (!ok) throw new ValueError(`loadStateDict: expected ${wanted} at ${path}, got ${kindOf(got)}`, { op: "loadStateDict" });
}

const isNumber = (value: unknown): boolean => typeof value === "number";

/** @throws ValueError that names what in a dict is no state of groups and parameters. */
export function checkDict(dict: unknown): asserts dict is OptimizerStateDict {
  const { state, param_groups: groups } = (dict ?? {}) as Partial<OptimizerStateDict>;
  if (!Array.isArray(groups) || !isRecord(state)) {
    throw new ValueError("loadStateDict: expected what stateDict() gives, with state and param_groups", { op: "loadStateDict" });
  }
  const known = new Set<unknown>();
  groups.forEach((group, i) => {
    expectThat(isRecord(group), `param_groups[${i}]`, "an object", group);
    const { params } = group;
    expectThat(Array.isArray(params), `param_groups[${i}].params`, "a list of numbers", params);
    params.forEach((n, j) => {
      expectThat(Number.isInteger(n) && !known.has(n), `param_groups[${i}].params[${j}]`, "a number of its own", n);
      known.add(n);
    });
  });
}

/** @throws ValueError for an option that is not of the kind of the optimizer's own. */
export function checkOption(path: string, own: unknown, given: OptionValue): void {
  if (Array.isArray(own)) {
    expectThat(Array.isArray(given) && given.length === own.length && given.every(isNumber), path, `${own.length} numbers`, given);
  } else if (typeof own === "number" || typeof own === "boolean") {
    const flag = typeof own === "boolean" && (given === 0 || given === 1);
    expectThat(typeof given === typeof own || flag, path, `a ${typeof own}`, given);
  }
}

/** @throws ValueError for entries of a parameter that are missing or of another kind than the optimizer keeps. */
export function checkEntries(path: string, entries: ParamState, { tensors, scalars }: StateForm): void {
  expectThat(isRecord(entries), path, "an object", entries);
  const names = Object.keys(entries);
  if (names.length === 0) return;
  const needed = Object.keys(tensors).filter((name) => tensors[name] === "needed");
  if (needed.length > 0) needed.push(...Object.keys(scalars));
  for (const name of needed) expectThat(name in entries, `${path}.${name}`, `an entry (there are ${names.join(", ")})`, undefined);
  for (const name of names) {
    const entry = entries[name];
    // What the optimizer says nothing of may be a list, too.
    const isList = Array.isArray(entry) && (tensors[name] === "list" || !(name in tensors || name in scalars));
    const leaves: readonly unknown[] = isList ? (entry as readonly unknown[]) : [entry];
    for (const leaf of leaves) {
      const isOne = isNumber(leaf) || (leaf instanceof Tensor && leaf.numel() === 1);
      const isTensor = leaf instanceof Tensor || (leaf === null && tensors[name] === "optional");
      const [ok, wanted] = name in scalars ? [isOne, "a number"] : [isTensor, "a tensor"];
      if (name in scalars || name in tensors) expectThat(ok, `${path}.${name}`, wanted, leaf);
      else expectThat(isTensor || isNumber(leaf) || leaf === null, `${path}.${name}`, "a tensor, a number or null", leaf);
    }
  }
}
