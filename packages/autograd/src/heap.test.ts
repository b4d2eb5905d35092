import { describe, expect, it } from "vitest";
import { NodeHeap } from "./heap.js";
import type { TapeNode } from "./node.js";

const node = (sequence: number): TapeNode => ({ sequence }) as TapeNode;

describe("NodeHeap", () => {
  it("gives the node made last first, whatever the order of pushes", () => {
    const heap = new NodeHeap();
    const numbers = Array.from({ length: 500 }, (_, i) => (i * 7919) % 500);
    for (const n of numbers) heap.push(node(n));
    const out = Array.from({ length: 500 }, () => heap.pop()?.sequence);
    expect(out).toEqual([...numbers].sort((a, b) => b - a));
    expect(heap.pop()).toBeUndefined();
  });

  it("keeps its order while nodes come and go", () => {
    const heap = new NodeHeap();
    for (const n of [5, 1, 9]) heap.push(node(n));
    expect(heap.pop()?.sequence).toBe(9);
    heap.push(node(3));
    heap.push(node(7));
    expect([heap.pop(), heap.pop(), heap.pop(), heap.pop()].map((n) => n?.sequence)).toEqual([7, 5, 3, 1]);
  });
});
