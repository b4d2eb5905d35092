import { apply, type Layout, rowMajor, type Shape, VIEWS, type ViewOps } from "@sconce/core";
import { permute, reshape, spread } from "./help.js";
import { of, type Rules } from "./rule.js";

/** A view's layout over a row-major tensor. */
export function layoutIn<K extends "slice" | "select" | "diagonal" | "unfold">(op: K, shape: Shape, attrs: ViewOps[K]): Layout {
  return (VIEWS[op] as (x: Layout, attrs: ViewOps[K]) => Layout)(rowMajor(shape), attrs);
}

/** One more than the farthest place that a layout reaches. */
function extent({ shape, strides, offset }: Layout): number {
  return shape.reduce((n, size, i) => n + Math.max(0, (size - 1) * strides[i]), offset) + 1;
}

/** Where each dimension went, by where it came from. */
function inverse(dims: readonly number[]): number[] {
  const back = new Array<number>(dims.length);
  for (let i = 0; i < dims.length; i++) back[dims[i]] = i;
  return back;
}

/** Views: gradients go back to where the elements came from. */
export const movement: Rules<keyof ViewOps> = {
  reshape: [of((g, { shapes }) => reshape(g, shapes[0]))],
  permute: [of((g, { attrs }) => permute(g, inverse(attrs.dims)))],
  // The walk sums what was stretched.
  expand: [of((g) => g)],
  slice: [of((g, { attrs, shapes: [shape] }) => spread(g, shape, layoutIn("slice", shape, attrs)))],
  select: [of((g, { attrs, shapes: [shape] }) => spread(g, shape, layoutIn("select", shape, attrs)))],
  diagonal: [of((g, { attrs, shapes: [shape] }) => spread(g, shape, layoutIn("diagonal", shape, attrs)))],
  unfold: [of((g, { attrs, shapes: [shape] }) => spread(g, shape, layoutIn("unfold", shape, attrs)))],
  unsqueeze: [of((g, { shapes }) => reshape(g, shapes[0]))],
  squeeze: [of((g, { shapes }) => reshape(g, shapes[0]))],
  // The result may show elements that the input does not, so the gradient goes by way of the memory that both show.
  asStrided: [
    of((g, { attrs, shapes: [shape], strides: [strides], offset }) => {
      const input = { shape, strides, offset };
      const memory = spread(g, [Math.max(extent(attrs), extent(input))], attrs);
      return apply("asStrided", [memory], input);
    }),
  ],
  alias: [of((g) => g)],
  detach: null,
};
