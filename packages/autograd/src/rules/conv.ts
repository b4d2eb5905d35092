import { apply, type ConvAttrs, type Shape, sizeOf, type Tensor } from "@sconce/core";
import { expand, reshape, sum, zeros } from "./help.js";
import { A, B, of, type Rules, Z } from "./rule.js";

const conv = (x: Tensor, w: Tensor, attrs: ConvAttrs): Tensor => apply("conv", [x, w], geometry(attrs));
const toInput = (g: Tensor, w: Tensor, attrs: ConvAttrs, inputShape: Shape): Tensor =>
  apply("convInput", [g, w], { ...geometry(attrs), inputShape });
const toWeight = (g: Tensor, x: Tensor, attrs: ConvAttrs, weightShape: Shape): Tensor =>
  apply("convWeight", [g, x], { ...geometry(attrs), weightShape });

function geometry({ stride, padding, dilation, groups }: ConvAttrs): ConvAttrs {
  return { stride, padding, dilation, groups };
}

/** Back from a plane's winners to the plane. */
function toWinners(g: Tensor, index: Tensor, shape: Shape): Tensor {
  const planes = [shape[0], shape[1], sizeOf(shape.slice(2))]; // [N, C, H * W]
  const wins = [shape[0], shape[1], sizeOf(g.shape.slice(2))];
  const plane = apply("scatter", [expand(zeros(g, []), planes), reshape(index, wins), reshape(g, wins)], { dim: 2, mode: "add" });
  return reshape(plane, shape);
}

type ConvOp = "conv" | "convInput" | "convWeight" | "maxPool" | "avgPool" | "avgPoolGrad";

/** Convolution and its two gradients, each a combination of the three; pooling. */
export const convolution: Rules<ConvOp> = {
  conv: [
    of(B, (g, w, { attrs, shapes }) => toInput(g, w, attrs, shapes[0])),
    of(A, (g, x, { attrs, shapes }) => toWeight(g, x, attrs, shapes[1])),
    of((g) => sum(g, otherDims(g, 1), false)),
  ],
  convInput: [of(B, (v, w, { attrs }) => conv(v, w, attrs)), of(A, (v, g, { attrs, shapes }) => toWeight(g, v, attrs, shapes[1]))],
  convWeight: [of(B, (v, x, { attrs }) => conv(x, v, attrs)), of(A, (v, g, { attrs, shapes }) => toInput(g, v, attrs, shapes[1]))],
  maxPool: [of(Z, (g, index, { shapes }) => toWinners(g, index, shapes[0]))],
  avgPool: [of((g, { attrs, shapes }) => apply("avgPoolGrad", [g], { ...attrs, inputShape: shapes[0] }))],
  avgPoolGrad: [of((v, { attrs, shapes }) => apply("avgPool", [v], { ...attrs, outputSize: shapes[0].slice(2) }))],
};

function otherDims(x: Tensor, dim: number): number[] {
  return x.shape.map((_, i) => i).filter((i) => i !== dim);
}
