import { apply, type Extension, type ExtensionCall, type FusedOp, type Shape, sameShape, type Tensor } from "@sconce/core";
import { grad as gradientsOf } from "./backward.js";
import { attach, historyOf, needsGrad, resultHistory } from "./history.js";
import { mode } from "./mode.js";
import { nameOf } from "./names.js";
import { type Gradients, TapeNode, type Walk } from "./node.js";
import { noteMade } from "./region.js";
import { sumToShape } from "./rules/help.js";
import { type Kept, save, secondTime } from "./saved.js";

/** A recorded call of an op that brings its own derivative. */
class ExtensionNode extends TapeNode {
  readonly name: string;
  /** Which inputs PyTorch counts as such: no indices. */
  readonly #floating: readonly boolean[];
  readonly #op: Extension;
  readonly #params: unknown;
  #inputs: readonly Kept[];
  #results: readonly Kept[];

  constructor(op: Extension, params: unknown, inputs: readonly Tensor[], results: readonly Tensor[]) {
    const histories = inputs.map((x) => (needsGrad(x) ? historyOf(x) : null));
    super(
      histories.map((h) => h?.target ?? null),
      histories.map((h) => h?.output ?? 0),
    );
    this.#floating = inputs.map((x) => x.isFloatingPoint());
    this.name = nameOf(op.name);
    this.#op = op;
    this.#params = params;
    this.#inputs = inputs.map(save);
    this.#results = results.map(save);
  }

  protected override shows(input: number): boolean {
    return this.#floating[input];
  }

  override get outputs(): number {
    return this.#results.length;
  }

  run(grad: Gradients, walk: Walk): void {
    if (this.#released) throw secondTime(this.name);
    const call: ExtensionCall = {
      inputs: this.#inputs.map((saved, i) => this.#unpack(saved, this.next[i], this.slots?.[i] ?? 0, walk)),
      outputs: this.#results.map((saved, i) => this.#unpack(saved, this, i, walk)),
      params: this.#params,
      needs: this.next.map((target) => target !== null && walk.wants(target)),
    };
    const arrived = Array.isArray(grad) ? grad : [grad];
    const twice = walk.createGraph && "composed" in this.#op;
    const grads = twice ? this.#differentiable(arrived, call) : (this.#op.vjp as NonNullable<Extension["vjp"]>)(arrived, call);
    for (let i = 0; i < grads.length; i++) {
      const g = grads[i];
      if (g !== null && call.needs[i]) walk.send(this.next[i] as TapeNode, this.slots?.[i] ?? 0, fit(g, call.inputs[i].shape));
    }
  }

  #unpack(saved: Kept, node: TapeNode | null, output: number, walk: Walk): Tensor {
    const x = saved.unpack();
    if (walk.createGraph && node !== null) attach(x, node, output);
    return x;
  }

  /** Gradients of a fused op that can be differentiated again: those of its composition. */
  #differentiable(arrived: readonly (Tensor | null)[], { inputs, needs, params }: ExtensionCall): (Tensor | null)[] {
    // Aliases tell two inputs apart that are the same tensor.
    const own = inputs.map((x, i) => (needs[i] ? apply("alias", [x], null) : x));
    const outputs = (this.#op as FusedOp).composed(own, params as never);
    const reached = outputs.flatMap((y, k) => (arrived[k] === null ? [] : [[y, arrived[k]] as const]));
    const found = gradientsOf(
      reached.map(([y]) => y),
      own.filter((_, i) => needs[i]),
      { gradOutputs: reached.map(([, g]) => g), createGraph: true, allowUnused: true },
    );
    return needs.map((needed) => (needed ? (found.shift() as Tensor | null) : null));
  }

  #released = false;

  override release(): void {
    if (this.#released) return;
    for (const saved of [...this.#inputs, ...this.#results]) saved.release();
    this.#released = true;
  }
}

function fit(g: Tensor, shape: Shape): Tensor {
  return sameShape(g.shape, shape) ? g : sumToShape(g, shape);
}

/** Puts one node on the tape for all differentiable results of an extension. */
export function recordExtension(op: Extension, params: unknown, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
  if (op.vjp === undefined || !inputs.some(needsGrad)) return;
  const node = new ExtensionNode(op, params, inputs, outputs);
  if (mode.anomaly) node.stack = new Error(node.name).stack;
  outputs.forEach((out, i) => {
    if (!out.isFloatingPoint()) return;
    resultHistory(out, undefined).setNode(node, i);
    noteMade(node, out.storage);
  });
}
