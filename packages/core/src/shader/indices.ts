import type { KernelName, Kernels } from "../backend.js";
import type { TypedArray } from "../dtype.js";
import { ShapeError } from "../errors.js";
import { type Layout, type Shape, sizeOf } from "../shape.js";
import { collapse, coordinates, dot } from "./layout.js";
import type { Text } from "./text.js";
import type { Words } from "./words.js";

/** A view of a buffer that may know which indices the host uploaded to it. */
export interface IndexView extends Layout {
  readonly block: { readonly indices: TypedArray | null };
}

type Indexing = "gather" | "scatter" | "indexSelect" | "indexUpdate" | "nll";
const INDEXING: ReadonlySet<string> = new Set<Indexing>(["gather", "scatter", "indexSelect", "indexUpdate", "nll"]);

/** True if a kernel reads or writes at positions that an input gives. */
export function takesIndices(kernel: KernelName): boolean {
  return INDEXING.has(kernel);
}

/**
 * Checks indices that the host uploaded. Those that a kernel computed are not known here: the device clamps them when it reads by them
 * and leaves them out when it writes.
 * @throws ShapeError if one is out of range.
 */
export function checkIndices<K extends KernelName>(kernel: K, inputs: readonly IndexView[], attrs: Kernels[K]): void {
  if (!takesIndices(kernel)) return;
  const { dim } = attrs as Kernels[Indexing];
  const [x, index] = inputs;
  const data = index.block.indices;
  if (data === null) return;
  const size = x.shape.length === 0 ? 1 : x.shape[dim];
  const { ignoreIndex } = attrs as Partial<Kernels["nll"]>;
  const outside = (value: number | bigint): boolean => (value < 0 || value >= size) && value !== ignoreIndex;
  if (!(data as Int32Array).some(outside)) return;
  const found = elementsOf(index, data as Int32Array).find(outside);
  if (found !== undefined) throw new ShapeError(`index ${found} is out of bounds for dimension ${dim} with size ${size}`, { op: kernel });
}

/** The elements that a view reads. */
function elementsOf({ shape, strides, offset }: IndexView, data: Int32Array): number[] {
  return Array.from({ length: sizeOf(shape) }, (_, i) => {
    let at = offset;
    for (let d = shape.length - 1, rest = i; d >= 0; d--) {
      at += (rest % shape[d]) * strides[d];
      rest = Math.floor(rest / shape[d]);
    }
    return data[at];
  });
}

/** One dimension of a layout; a tensor without dimensions counts as one element. */
export function along(x: Layout, dim: number): { readonly size: number; readonly step: number } {
  return x.shape.length === 0 ? { size: 1, step: 0 } : { size: x.shape[dim], step: x.strides[dim] };
}

/** Strides that leave a dimension out. */
export const without = (strides: readonly number[], dim: number): number[] => strides.map((s, d) => (d === dim ? 0 : s));

/** The address in a tensor of element `index` of what an index picks from it; `read` gives the text of an index. */
export function pickText(text: Text, rank: number, read: (at: string) => string): string {
  text.add(...coordinates(text, rank, "index"));
  text.add(`int at = ${read(`${text.int()} + ${dot(text, rank)}`)};`);
  const [size, step] = text.ints(2);
  text.add(`int start = clamp(at, 0, ${size} - 1) * ${step};`);
  return `${text.int()} + start + ${dot(text, rank)}`;
}

/** What picks from a tensor along one dimension. */
export interface Picked {
  /** Dimensions of {@link pickText}. */
  readonly rank: number;
  /** Writes its numbers, in its order. */
  write(words: Words): void;
}

/** `steps` are the strides of the index over the result's shape. */
export function pickedFrom(x: Layout, index: Layout, steps: readonly number[], output: Shape, dim: number): Picked {
  const { shape, strides } = collapse(output, [steps, without(x.strides, dim)]);
  const { size, step } = along(x, dim);
  return {
    rank: shape.length,
    write(words) {
      words.ints(shape.slice(1)).int(index.offset).ints(strides[0]).int(size).int(step).int(x.offset).ints(strides[1]);
    },
  };
}
