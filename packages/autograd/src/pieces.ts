import { apply, type Primitives, type Shape, sizeOf, type Tensor } from "@sconce/core";
import type { History } from "./history.js";
import { nameOf } from "./names.js";
import { type Gradients, TapeNode, type Walk } from "./node.js";
import { PrimitiveNode } from "./primitive.js";
import { reshape, spread, zeros } from "./rules/help.js";
import { layoutIn } from "./rules/movement.js";

/** A region of a tensor along one dimension. */
interface Piece {
  readonly node: PrimitiveNode;
  readonly dim: number;
  readonly start: number;
  readonly length: number;
}

function pieceOf(node: TapeNode | null | undefined): Piece | null {
  if (!(node instanceof PrimitiveNode)) return null;
  if (node.op === "select") {
    const { dim, index } = node.attrs as Primitives["select"];
    return { node, dim, start: index, length: 1 };
  }
  if (node.op !== "slice") return null;
  const { dim, start, step, length } = node.attrs as Primitives["slice"];
  return step === 1 ? { node, dim, start, length } : null;
}

/** All of a tensor, cut along one dimension: the gradient is that of the pieces put together, where each alone would fill all of it. */
class PiecesNode extends TapeNode {
  readonly name: string;
  readonly #shape: Shape;
  readonly #pieces: readonly Piece[];

  constructor(name: string, { next, slots, shapes }: PrimitiveNode, pieces: readonly Piece[]) {
    super(next, slots);
    this.name = name;
    this.#shape = shapes[0];
    this.#pieces = pieces;
  }

  override get outputs(): number {
    return this.#pieces.length;
  }

  run(grads: Gradients, walk: Walk): void {
    const target = this.next[0] as TapeNode;
    if (walk.wants(target)) walk.send(target, this.slots === null ? 0 : this.slots[0], this.#joined(grads as (Tensor | null)[]));
  }

  #joined(grads: readonly (Tensor | null)[]): Tensor {
    const present = grads.filter((g) => g !== null);
    if (present.length === 1) {
      const { node } = this.#pieces[grads.indexOf(present[0])];
      return spread(present[0], this.#shape, layoutIn(node.op as "slice", this.#shape, node.attrs as Primitives["slice"]));
    }
    const { dim } = this.#pieces[0];
    const parts = grads.map((g, i) => {
      const shape = this.#shape.map((n, d) => (d === dim ? this.#pieces[i].length : n));
      return g === null ? zeros(present[0], shape) : reshape(g, shape);
    });
    return apply(
      "concat",
      parts.filter(({ shape }) => sizeOf(shape) > 0),
      { dim },
    );
  }
}

/** Gives the results of a composition one node, if they are all of a tensor in pieces, in order. True if so. */
export function joinPieces(name: string, histories: readonly (History | undefined)[], made: number): boolean {
  const pieces: Piece[] = [];
  let end = 0;
  for (const history of histories) {
    const piece = pieceOf(history?.node);
    const first = pieces[0] ?? piece;
    if (piece === null || piece.node.sequence < made || piece.dim !== first.dim || piece.start !== end) return false;
    if (piece.node.next[0] !== first.node.next[0]) return false;
    pieces.push(piece);
    end += piece.length;
  }
  const [{ node, dim }] = pieces;
  if (end !== node.shapes[0][dim] || sizeOf(node.shapes[0]) === 0) return false;
  const joined = new PiecesNode(nameOf(name), node, pieces);
  histories.forEach((history, i) => (history as History).setNode(joined, i));
  return true;
}
