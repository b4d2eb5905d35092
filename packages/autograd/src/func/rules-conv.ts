import { apply, applyAll, type ConvAttrs, type KernelOps, type Primitives, type Tensor } from "@sconce/core";
import { type Level, type Operand, spreadOut } from "./batched.js";

type Spatial = "conv" | "convInput" | "convWeight" | "maxPool" | "avgPool" | "avgPoolGrad";
type Rule<K extends Spatial> = (inputs: readonly Operand[], attrs: Primitives[K], level: Level) => readonly Tensor[];

/** The examples as more of a batch: `[B, N, ...] -> [B * N, ...]`. */
function folded(x: Tensor): Tensor {
  const [examples, n, ...rest] = x.shape;
  return x.reshape([examples * n, ...rest]);
}

function unfolded(x: Tensor, examples: number): Tensor {
  const [all, ...rest] = x.shape;
  return x.reshape([examples, all / examples, ...rest]);
}

/** The examples as more channels: `[B, N, C, ...] -> [N, B * C, ...]`. */
function asChannels(x: Tensor): Tensor {
  const [examples, n, channels, ...rest] = x.shape;
  return x.transpose(0, 1).reshape([n, examples * channels, ...rest]);
}

function fromChannels(x: Tensor, examples: number): Tensor {
  const [n, all, ...rest] = x.shape;
  return x.reshape([n, examples, all / examples, ...rest]).transpose(0, 1);
}

function grouped<A extends ConvAttrs>(attrs: A, examples: number): A {
  return { ...attrs, groups: attrs.groups * examples };
}

const conv: Rule<"conv"> = (inputs, attrs, { size }) => {
  const [x, w, bias] = inputs;
  if (bias?.batched || (bias !== undefined && w.batched)) {
    const [product] = conv([x, w], attrs, { size } as Level);
    const full = spreadOut(bias, size); // [B, F]
    return [product.add(full.reshape([size, 1, full.shape[1], ...new Array<number>(product.ndim - 3).fill(1)]))];
  }
  if (w.batched) {
    const out = apply("conv", [asChannels(spreadOut(x, size)), folded(w.tensor)], grouped(attrs, size));
    return [fromChannels(out, size)];
  }
  const rest = inputs.slice(1).map(({ tensor }) => tensor);
  return [unfolded(apply("conv", [folded(spreadOut(x, size)), ...rest], attrs), size)];
};

const convInput: Rule<"convInput"> = ([g, w], attrs, { size }) => {
  const [n, channels, ...rest] = attrs.inputShape;
  if (!w.batched) {
    const inputShape = [size * n, channels, ...rest];
    return [unfolded(apply("convInput", [folded(spreadOut(g, size)), w.tensor], { ...attrs, inputShape }), size)];
  }
  const inputShape = [n, size * channels, ...rest];
  const out = apply("convInput", [asChannels(spreadOut(g, size)), folded(w.tensor)], { ...grouped(attrs, size), inputShape });
  return [fromChannels(out, size)];
};

const convWeight: Rule<"convWeight"> = ([g, x], attrs, { size }) => {
  const [filters, ...rest] = attrs.weightShape;
  const weightShape = [size * filters, ...rest];
  const inputs = [asChannels(spreadOut(g, size)), asChannels(spreadOut(x, size))];
  return [unfolded(apply("convWeight", inputs, { ...grouped(attrs, size), weightShape }), size)];
};

function foldedOp<K extends "maxPool" | "avgPool">(op: K): Rule<K> {
  return ([x], attrs, { size }) => applyAll(op, [folded(x.tensor)], attrs).map((out) => unfolded(out, size));
}

/** Convolution and pooling of all examples at once: as a larger batch, or where weights differ as more channels in groups. */
export const convolution: { readonly [K in Extract<keyof KernelOps, Spatial>]: Rule<K> } = {
  conv,
  convInput,
  convWeight,
  maxPool: foldedOp("maxPool"),
  avgPool: foldedOp("avgPool"),
  avgPoolGrad: ([g], attrs, { size }) => {
    const [n, ...rest] = attrs.inputShape;
    return [unfolded(apply("avgPoolGrad", [folded(g.tensor)], { ...attrs, inputShape: [size * n, ...rest] }), size)];
  },
};
