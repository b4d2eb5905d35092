import type { Call, Handler, Primitives, Tensor } from "@sconce/core";
import { recordExtension } from "./extension.js";
import { followView, type History, historyOf, needsGrad, resultHistory, startFamily } from "./history.js";
import { mode } from "./mode.js";
import { nameOf } from "./names.js";
import { Group, nodesMade, type TapeNode } from "./node.js";
import { joinPieces } from "./pieces.js";
import { PrimitiveNode, rowsOf } from "./primitive.js";
import { noteMade } from "./region.js";
import { ruleOf } from "./rules/index.js";

/** Runs a primitive, and records it if gradients of an input are asked for. */
export function call(called: Call, next: Handler): readonly Tensor[] {
  const outputs = next(called);
  const { inputs } = called;
  if (mode.enabled) {
    for (let i = 0; i < inputs.length; i++) {
      if (needsGrad(inputs[i])) return record(called, outputs);
    }
  }
  return follow(called, outputs);
}

/** Links a view to its input's family where that has a history. */
function follow({ op, inputs }: Call, outputs: readonly Tensor[]): readonly Tensor[] {
  if (inputs.length !== 1) return outputs;
  const [x] = inputs;
  const [out] = outputs;
  if (out.storage !== x.storage) return outputs;
  if (op === "detach") startFamily(out);
  else if (x.slot !== undefined || x.storage.slot !== undefined) followView(out, x);
  return outputs;
}

function record(called: Call, outputs: readonly Tensor[]): readonly Tensor[] {
  const { op, inputs, attrs } = called;
  const out = outputs[0];
  const rule = ruleOf(op);
  if (rule !== null && "own" in rule) {
    const { op: extension, params } = attrs as Primitives["host"];
    recordExtension(extension, params, inputs, outputs);
    return outputs;
  }
  if (rule === null || !out.isFloatingPoint()) return follow(called, outputs);
  const rows = rowsOf(rule, attrs);
  const n = inputs.length;
  const next = new Array<TapeNode | null>(n);
  let slots: number[] | null = null;
  let any = false;
  for (let i = 0; i < n; i++) {
    next[i] = null;
    const x = inputs[i];
    if ((rows !== null && rows[i] === null) || !needsGrad(x)) continue;
    const history = historyOf(x);
    next[i] = history.target;
    any = true;
    if (history.output !== 0) (slots ??= new Array<number>(n).fill(0))[i] = history.output;
  }
  if (!any) return follow(called, outputs);
  const node = new PrimitiveNode(called, rule, inputs, next, slots);
  node.keep(inputs, outputs);
  if (mode.anomaly) node.stack = new Error(node.name).stack;
  resultHistory(out, inputs[0]).setNode(node, 0);
  noteMade(node, out.storage);
  return outputs;
}

/** Runs a composition, whose results show one node for all of it. */
export function composite(name: string, inputs: readonly Tensor[], next: () => readonly Tensor[]): readonly Tensor[] {
  if (!mode.enabled || !inputs.some(needsGrad)) return next();
  const before = inputs.map((x) => (needsGrad(x) ? historyOf(x) : null));
  const targets = before.map((h) => h?.target ?? null);
  const slots = before.map((h) => h?.output ?? 0);
  const start = nodesMade();
  const outputs = next();
  const histories = outputs.map((x) => x.slot as History | undefined);
  const joined = outputs.length > 1 && joinPieces(name, histories, start);
  let group: Group | null = null;
  for (let i = 0; i < outputs.length; i++) {
    const history = histories[i];
    const node = history?.node;
    if (history === undefined || node === null || node === undefined || node.sequence < start) continue;
    if (!joined) {
      group ??= new Group(nameOf(name), node, targets, slots);
      node.group = group;
      node.groupOutput = i;
    }
    if (outputs.length > 1 && history.root !== history) history.refusal = severalViews(i, nameOf(name));
  }
  return outputs;
}

function severalViews(output: number, name: string): string {
  return (
    `Output ${output} of ${name} is a view and is being modified inplace. This view is the output of a function that returns multiple views; ` +
    "replace the inplace operation by an out-of-place one."
  );
}
