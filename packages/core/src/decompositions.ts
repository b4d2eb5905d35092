import { apply, withoutLayers } from "./dispatch.js";
import type { KernelOps } from "./primitives.js";
import { ending, giveAll, Scope } from "./scope.js";
import type { Tensor } from "./tensor/tensor.js";

type Decomposition<K extends keyof KernelOps> = (inputs: readonly Tensor[], attrs: KernelOps[K]) => readonly Tensor[];

/** Ops that a backend may leave to simpler ones, by naming them in `decomposed`. */
export type Decomposable = "nll" | "nllGrad";

const DECOMPOSITIONS: { readonly [K in Decomposable]: Decomposition<K> } = {
  nll: ([x, target], { dim, ignoreIndex, reduction }) => {
    const counts = target.ne(ignoreIndex);
    const picked = apply("gather", [x, orZero(target, counts).unsqueeze(dim)], { dim }).squeeze(dim);
    const losses = orZero(picked.neg(), counts);
    const total = counts.cast(x.dtype).sum();
    if (reduction === "none") return [losses, total];
    return [reduction === "sum" ? losses.sum() : losses.sum().div(total), total];
  },
  nllGrad: ([g, target, total], { dim, ignoreIndex, reduction, inputShape }) => {
    const counts = target.ne(ignoreIndex);
    const each = (reduction === "mean" ? g.div(total) : g).neg().expand(target.shape);
    const index = orZero(target, counts).unsqueeze(dim);
    return [apply("scatter", [g.newZeros(inputShape), index, orZero(each, counts).unsqueeze(dim)], { dim, mode: "add" })];
  },
};

function orZero(x: Tensor, condition: Tensor): Tensor {
  return apply("where", [condition, x, x.newZeros([])], null);
}

/** Computes an op by simpler ones, of which the layers see nothing. */
export function decompose(op: Decomposable, inputs: readonly Tensor[], attrs: KernelOps[Decomposable]): readonly Tensor[] {
  const run = DECOMPOSITIONS[op] as Decomposition<Decomposable>;
  return ending(new Scope(), () => withoutLayers(() => run(inputs, attrs as KernelOps["nllGrad"])), giveAll);
}
