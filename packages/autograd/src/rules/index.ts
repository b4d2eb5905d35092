import type { PrimitiveName } from "@sconce/core";
import { convolution } from "./conv.js";
import { indexing } from "./indexing.js";
import { linalg } from "./linalg.js";
import { movement } from "./movement.js";
import { pointwise } from "./pointwise.js";
import { reduction } from "./reduction.js";
import { of, type Rule, type Rules } from "./rule.js";

/** The gradients of every primitive; null where there are none. */
export const RULES: Rules<PrimitiveName> = {
  ...pointwise,
  ...movement,
  ...reduction,
  ...indexing,
  ...linalg,
  ...convolution,
  formula: { own: true },
  host: { own: true },
  fused: { own: true },
  random: null,
  transfer: [of((g, { device }) => g.to({ device }))],
};

/** The rule of a primitive whose name is known only at run time. */
export function ruleOf(op: PrimitiveName): Rule | null {
  return RULES[op] as Rule | null;
}
