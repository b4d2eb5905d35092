import { grad } from "@sconce/autograd";
import type { Tensor } from "@sconce/core";

type Tensors = ReadonlyMap<string, Tensor>;

/** Runs backward from the outputs, each with its cotangent. */
export function gradientsOf(outputs: Tensors, cotangents: Tensors): void {
  if (outputs.size === 1) {
    const [[path, output]] = outputs;
    output.backward(cotangents.get(path)!);
    return;
  }
  weighted(outputs, cotangents).backward();
}

/** The sum over paths of `sum(a * b)`. */
function weighted(a: Tensors, b: Tensors): Tensor {
  return [...a].map(([path, t]) => t.mul(b.get(path)!).sum()).reduce((x, y) => x.add(y));
}

/** Gradients of the weighted sum of the first gradients, for the leaves and for the cotangents. */
export function secondOrder(
  outputs: Tensors,
  cotangents: Tensors,
  leaves: Tensors,
  weights: Tensors,
): { leaves: Map<string, Tensor | null>; cotangents: Map<string, Tensor | null> } {
  const names = [...leaves.keys()];
  const first = grad([...outputs.values()], [...leaves.values()], {
    gradOutputs: [...outputs.keys()].map((path) => cotangents.get(path)!),
    createGraph: true,
    allowUnused: true,
  });
  const terms = names.flatMap((path, i) => {
    const g = first[i];
    return g === null || !weights.has(path) || !g.requiresGrad ? [] : [g.mul(weights.get(path)!).sum()];
  });
  const inputs = [...leaves.values(), ...cotangents.values()];
  const second: readonly (Tensor | null)[] =
    terms.length === 0 ? inputs.map(() => null) : grad([terms.reduce((x, y) => x.add(y))], inputs, { allowUnused: true });
  const found = new Map(names.map((path, i) => [path, second[i]]));
  const rest = new Map([...cotangents.keys()].map((path, i) => [path, second[names.length + i]]));
  return { leaves: found, cotangents: rest };
}
