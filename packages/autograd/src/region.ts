import { currentScope, type Scope, type Storage } from "@sconce/core";
import type { TapeNode } from "./node.js";

interface Made {
  readonly node: TapeNode;
  /** The memory of its result. */
  readonly storage: Storage;
}

/** What was recorded in a scope. At its end nodes that lead to no tensor outside let go of what they keep: nothing can walk them. */
class Region {
  readonly #made: Made[] = [];

  add(...made: readonly Made[]): void {
    this.#made.push(...made);
  }

  ended(parent: Scope | null): void {
    const needed = this.#needed();
    const rest = this.#made.filter(({ node }) => needed.has(node));
    for (const { node } of this.#made) if (!needed.has(node)) node.release();
    if (parent !== null && rest.length > 0) regionOf(parent).add(...rest);
  }

  /** The nodes of this region that tensors outside were computed by. */
  #needed(): ReadonlySet<TapeNode> {
    const oldest = this.#made[0].node.sequence;
    const needed = new Set<TapeNode>();
    for (const { node, storage } of this.#made) if (!storage.disposed) needed.add(node);
    // A set may grow while it is iterated.
    for (const node of needed) for (const next of node.next) if (next !== null && next.sequence >= oldest) needed.add(next);
    return needed;
  }
}

function regionOf(scope: Scope): Region {
  scope.slot ??= new Region();
  return scope.slot as Region;
}

/** Notes a node and the memory of its result with the scope that a user has opened. */
export function noteMade(node: TapeNode, storage: Storage): void {
  const scope = currentScope()?.visible ?? null;
  if (scope !== null) regionOf(scope).add({ node, storage });
}
