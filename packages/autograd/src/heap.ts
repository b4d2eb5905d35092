import type { TapeNode } from "./node.js";

/** Nodes that wait for their turn, the one made last first. */
export class NodeHeap {
  readonly #nodes: TapeNode[] = [];

  push(node: TapeNode): void {
    const nodes = this.#nodes;
    const { sequence } = node;
    let at = nodes.length;
    nodes.push(node);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (nodes[up].sequence >= sequence) break;
      nodes[at] = nodes[up];
      at = up;
    }
    nodes[at] = node;
  }

  pop(): TapeNode | undefined {
    const nodes = this.#nodes;
    const top = nodes[0];
    const last = nodes.pop();
    const n = nodes.length;
    if (last === undefined || n === 0) return top;
    const { sequence } = last;
    let at = 0;
    for (let child = 1; child < n; child = 2 * at + 1) {
      if (child + 1 < n && nodes[child + 1].sequence > nodes[child].sequence) child++;
      if (nodes[child].sequence <= sequence) break;
      nodes[at] = nodes[child];
      at = child;
    }
    nodes[at] = last;
    return top;
  }
}
