import type { Node } from "@sconce/autograd";
import { Tensor, ValueError } from "@sconce/core";
import { attributeList, Dot, type DotAttributes } from "./dot.js";

/** What names the leaves: a module, or tensors by name. */
export type NamedTensors =
  | { namedParameters(): Iterable<readonly [string, Tensor]> }
  | Iterable<readonly [string, Tensor]>
  | { readonly [name: string]: Tensor };

/** Options of {@link makeDot}. */
export interface MakeDotOptions {
  /** Shows what `node.metadata` of the nodes holds. */
  readonly showMetadata?: boolean;
}

const LEAF = "lightblue";
const RESULT = "darkolivegreen1";

const NODE: DotAttributes = {
  align: "left",
  fontname: "monospace",
  fontsize: "10",
  height: "0.2",
  ranksep: "0.1",
  shape: "box",
  style: "filled",
};

/** Inches of the smallest picture, and per line of text. */
const SMALLEST = 12;
const PER_LINE = 0.15;

/**
 * Draws how a tensor was computed: green what was asked for, blue the leaves with their shapes and, with `params`, their names, grey the nodes
 * through which `backward()` goes.
 *
 * Source: https://github.com/szagoruyko/pytorchviz
 * @throws ValueError for tensors that nothing was recorded for.
 * @example
 * import { randn } from "@sconce/core";
 * import { Linear } from "@sconce/nn";
 * import { makeDot } from "@sconce/viz";
 *
 * const model = new Linear(3, 1);
 * makeDot(model(randn(2, 3)).mean(), model).source; // "digraph {..."
 */
export function makeDot(output: Tensor | readonly Tensor[], params: NamedTensors = {}, options: MakeDotOptions = {}): Dot {
  const outputs = output instanceof Tensor ? [output] : [...output];
  if (outputs.length === 0 || outputs.every((t) => t.gradFn === null && !t.requiresGrad))
    throw new ValueError("makeDot: expected a tensor that was computed from one that requires grad");
  const drawing = new Drawing(namesOf(params), options);
  for (const tensor of outputs) drawing.addResult(tensor);
  const size = Math.max(SMALLEST, PER_LINE * drawing.lines.length);
  return new Dot(drawing.lines, { size: `${size},${size}` }, NODE);
}

function namesOf(params: NamedTensors): Map<Tensor, string> {
  const named = params as Partial<{ namedParameters(): Iterable<readonly [string, Tensor]> }> &
    Partial<Iterable<readonly [string, Tensor]>>;
  const entries =
    typeof named.namedParameters === "function"
      ? named.namedParameters()
      : typeof named[Symbol.iterator] === "function"
        ? (params as Iterable<readonly [string, Tensor]>)
        : Object.entries(params as { readonly [name: string]: Tensor });
  return new Map([...entries].map(([name, tensor]) => [tensor, name]));
}

class Drawing {
  readonly lines: string[] = [];
  readonly #names: ReadonlyMap<Tensor, string>;
  readonly #options: MakeDotOptions;
  readonly #ids = new Map<Node | Tensor, string>();

  constructor(names: ReadonlyMap<Tensor, string>, options: MakeDotOptions) {
    this.#names = names;
    this.#options = options;
  }

  addResult(tensor: Tensor): void {
    const id = this.#addTensor(tensor, RESULT);
    if (tensor.gradFn !== null) this.#edge(this.#addNodes(tensor.gradFn), id);
  }

  #addTensor(tensor: Tensor, fillcolor: string): string {
    const known = this.#ids.get(tensor);
    if (known !== undefined) return known;
    const shape = `(${tensor.shape.join(", ")})`;
    const name = this.#names.get(tensor) ?? "";
    return this.#add(tensor, `${name}\n ${shape}`, { fillcolor });
  }

  /** Adds a node and all that it leads to, without recursion: graphs may be deep. */
  #addNodes(root: Node): string {
    const waiting = [root];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      if (this.#drawn.has(node)) continue;
      this.#drawn.add(node);
      const id = this.#idOfNode(node);
      if (node.variable !== undefined) this.#edge(this.#addTensor(node.variable, LEAF), id);
      const next = node.nextFunctions.flatMap(([to]) => (to === null ? [] : [to]));
      for (const to of next) this.#edge(this.#idOfNode(to), id);
      waiting.push(...next.reverse());
    }
    return this.#idOfNode(root);
  }

  readonly #drawn = new Set<Node>();

  #idOfNode(node: Node): string {
    return this.#ids.get(node) ?? this.#add(node, this.#label(node), {});
  }

  #label(node: Node): string {
    const notes = this.#options.showMetadata === true ? Object.entries(node.metadata) : [];
    if (notes.length === 0) return node.name;
    return [node.name, "-".repeat(node.name.length), ...notes.map(([key, value]) => `${key}: ${String(value)}`)].join("\n");
  }

  #add(item: Node | Tensor, label: string, attributes: DotAttributes): string {
    const id = String(this.#ids.size);
    this.#ids.set(item, id);
    this.lines.push(`${id} ${attributeList({ label, ...attributes })}`);
    return id;
  }

  #edge(from: string, to: string): void {
    this.lines.push(`${from} -> ${to}`);
  }
}
