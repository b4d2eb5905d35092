import { apply, applyAll, type Primitives, type Tensor } from "@sconce/core";
import { type Level, type Operand, spreadOut } from "./batched.js";

type Rule<K extends "nll" | "nllGrad"> = (inputs: readonly Operand[], attrs: Primitives[K], level: Level) => readonly Tensor[];

/** All dimensions but that of the examples. */
function inner(x: Tensor): number[] {
  return x.shape.map((_, i) => i).slice(1);
}

function total(x: Tensor): Tensor {
  return apply("reduce", [x], { op: "sum", dims: inner(x), keepdim: false });
}

/** How many targets of each example count. */
function counted(target: Tensor, ignoreIndex: number, like: Tensor): Tensor {
  return total(target.ne(ignoreIndex).cast(like.dtype));
}

/** One number for each example, stretched to the shape of its targets. */
function stretched(x: Tensor, target: Tensor): Tensor {
  return x.reshape([x.shape[0], ...inner(target).map(() => 1)]).expand(target.shape);
}

/** Negative log likelihood: the losses of all examples at once, reduced for each of them. */
export const likelihood: { readonly nll: Rule<"nll">; readonly nllGrad: Rule<"nllGrad"> } = {
  nll: ([x, y], { dim, ignoreIndex, reduction }, { size }) => {
    const [input, target] = [spreadOut(x, size), spreadOut(y, size)];
    const [losses] = applyAll("nll", [input, target], { dim: dim + 1, ignoreIndex, reduction: "none" });
    const count = counted(target, ignoreIndex, input);
    if (reduction === "none") return [losses, count];
    return [reduction === "sum" ? total(losses) : total(losses).div(count), count];
  },
  nllGrad: ([g, y, n], { dim, ignoreIndex, reduction, inputShape }, { size }) => {
    const [grad, target, count] = [spreadOut(g, size), spreadOut(y, size), spreadOut(n, size)];
    const each = reduction === "none" ? grad : stretched(reduction === "mean" ? grad.div(count) : grad, target);
    const attrs = { dim: dim + 1, ignoreIndex, reduction: "none", inputShape: [size, ...inputShape] } as const;
    return [apply("nllGrad", [each, target, count.sum()], attrs)];
  },
};
