import { isContiguous, type Layout, NotSupportedError, Storage, Tensor, tensorOver } from "@sconce/core";
import { knownHistory } from "../history.js";
import { AccumulateGrad, type TapeNode } from "../node.js";
import type { Program } from "./program.js";
import type { Cell, Content, Recorder } from "./recorder.js";
import { leavesOf, mapLeaves } from "./tree.js";

/** How a result is made at each replay. */
type Output =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "argument"; readonly index: number }
  | { readonly kind: "cell"; readonly cell: Cell; readonly layout: Layout }
  | { readonly kind: "view"; readonly index: number; readonly layout: Layout }
  /** Results with one memory have one number. */
  | { readonly kind: "new"; readonly memory: number; readonly layout: Layout; readonly trainable: boolean; readonly live: number | null };

/** The view of an argument that a function took of its elements in order. @throws NotSupportedError for an argument with gaps. */
export function viewOf(x: Tensor, { shape, strides, offset }: Layout): Tensor {
  if (isContiguous(x.shape, x.strides)) return tensorOver(x.storage, { shape, strides, offset: x.offset + offset });
  throw new NotSupportedError(
    "compile: the function returns a view of an argument that is itself a view with gaps; return a clone() of it, or pass contiguous()",
  );
}

/** What a function returns: a tree of tensors and other values. */
export class Results {
  /** The memories of new tensors. */
  readonly contents: Content[] = [];
  readonly #tree: unknown;
  readonly #outputs: readonly Output[];
  /** Results whose gradients may be asked for outside: they have a graph that backward has not walked. */
  live: readonly Tensor[];

  /** Called at the end of a trace. `args` are the tensors among the arguments. */
  constructor(recorder: Recorder, tree: unknown, args: readonly Tensor[]) {
    const memories = new Map<Storage, number>();
    const leaves = leavesOf(tree);
    this.#tree = mapLeaves(tree, () => null);
    const live: Tensor[] = [];
    this.live = live;
    this.#outputs = leaves.map((leaf): Output => {
      if (!(leaf instanceof Tensor)) return { kind: "value", value: leaf };
      const { storage, shape, strides, offset, trainable } = leaf;
      const layout = { shape, strides, offset };
      const index = args.indexOf(leaf);
      if (index >= 0) return { kind: "argument", index };
      const isLive = hasGraph(recorder, leaf);
      if (!recorder.owns(storage)) {
        if (isLive) recorder.refuse("compile", "the function returns a view of a tensor that requires gradients; return a clone() of it");
        const base = args.findIndex((x) => x.storage === storage);
        if (base >= 0) return { kind: "view", index: base, layout };
        const cell = recorder.cellOf(storage);
        return cell.moves ? { kind: "cell", cell, layout } : { kind: "value", value: leaf };
      }
      let memory = memories.get(storage);
      if (memory === undefined) {
        memory = this.contents.push(recorder.content(storage)) - 1;
        memories.set(storage, memory);
      }
      return { kind: "new", memory, layout, trainable, live: isLive ? live.push(leaf) - 1 : null };
    });
  }

  /** Lets go of the tensors of the trace. */
  forget(): void {
    this.live = [];
  }

  /** The results of a replay. Tensors with a graph are put into `live`, too. */
  build(program: Program, args: readonly Tensor[], live: Tensor[]): unknown {
    const storages = this.contents.map((content) => new Storage(program.value(content)));
    let i = 0;
    return mapLeaves(this.#tree, () => {
      const output = this.#outputs[i++];
      if (output.kind === "value") return output.value;
      if (output.kind === "argument") return args[output.index];
      if (output.kind === "view") return viewOf(args[output.index], output.layout);
      // A gradient's memory goes with the next one: the result has an own claim on it.
      if (output.kind === "cell") return tensorOver(new Storage((output.cell.find() as Storage).value), output.layout);
      const tensor = tensorOver(storages[output.memory], output.layout);
      if (output.live !== null) live[output.live] = tensor;
      return output.trainable ? tensor.markTrainable() : tensor;
    });
  }
}

function hasGraph(recorder: Recorder, x: Tensor): boolean {
  const node = knownHistory(x)?.node;
  return node !== null && node !== undefined && leadsToLeaf(node, recorder);
}

/** True if backward could go from a node to a leaf: through none that it has run already. */
function leadsToLeaf(start: TapeNode, recorder: Recorder): boolean {
  const seen = new Set<TapeNode>([start]);
  // A set may grow while it is iterated.
  for (const node of seen) {
    if (recorder.walkedNodes.has(node)) continue;
    if (node instanceof AccumulateGrad || recorder.isOlder(node)) return true;
    for (const next of node.next) if (next !== null) seen.add(next);
  }
  return false;
}
