import { apply, type Layout, SconceError, type Tensor } from "@sconce/core";
import { type History, historyOf, needsGrad } from "./history.js";
import { mode } from "./mode.js";
import { AccumulateGrad, type Gradients, TapeNode, type Walk } from "./node.js";
import { noteMade } from "./region.js";
import { wholly, zeros } from "./rules/help.js";

/** Writes in place, and records it if gradients are asked for. */
export function mutate(target: Tensor, result: Tensor, write: () => void): void {
  if (!mode.enabled || !(needsGrad(target) || needsGrad(result))) {
    write();
    return;
  }
  const history = historyOf(target);
  const { root } = history;
  checkWritable(target, history);
  const source = needsGrad(result) ? historyOf(result) : null;
  const taken = history === root && source !== null && !(source.target instanceof AccumulateGrad);
  const node = taken ? source.node : new WriteNode(root, source, history === root ? null : target);
  write();
  root.version++;
  root.setNode(node, taken ? source.output : 0);
  noteMade(node as TapeNode, target.storage);
  history.refresh();
}

function checkWritable(target: Tensor, history: History): void {
  const { root, refusal } = history;
  if (refusal !== null) throw inplaceError(refusal);
  const isLeafView = history !== root && root.node === null;
  if (isLeafView && (root.tensor.trainable || needsGrad(target))) {
    throw inplaceError("a view of a leaf Variable that requires grad is being used in an in-place operation.");
  }
  if (target.trainable) throw inplaceError("a leaf Variable that requires grad is being used in an in-place operation.");
}

function inplaceError(text: string): SconceError {
  return new SconceError(`in-place write: ${text} Do it inside noGrad(), or out of place`, { op: "in-place write" });
}

/** A write into part of a family's memory, or over all of it. */
class WriteNode extends TapeNode {
  readonly name: string;
  readonly #region: Layout | null;

  /** `region` is null for a write over all of the memory. */
  constructor(root: History, source: History | null, region: Tensor | null) {
    super([root.target, source?.target ?? null], [root.output, source?.output ?? 0]);
    this.name = region !== null ? "CopySlices" : source === null ? "FillBackward0" : "CopyBackwards";
    this.#region = region === null ? null : { shape: region.shape, strides: region.strides, offset: region.offset };
  }

  protected override shows(input: number): boolean {
    return this.#region !== null || this.next[input] !== null;
  }

  run(grad: Gradients, walk: Walk): void {
    const g = grad as Tensor;
    const layout = this.#region;
    const [base, source] = this.next;
    const [baseOutput, sourceOutput] = this.slots as readonly number[];
    if (base !== null && walk.wants(base)) {
      walk.send(base, baseOutput, layout === null ? zeros(g) : apply("updateSlice", [g, zeros(g, layout.shape)], { layout }));
    }
    if (source !== null && walk.wants(source)) {
      walk.send(source, sourceOutput, layout === null ? g : apply("asStrided", [wholly(g)], layout));
    }
  }
}
