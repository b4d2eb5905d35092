import type { KernelName, Kernels } from "../backend.js";
import type { TypedArray } from "../dtype.js";
import { ShapeError } from "../errors.js";
import { type Layout, sizeOf } from "../shape.js";

/** A view of a buffer that may know which indices the host uploaded to it. */
export interface IndexView extends Layout {
  readonly block: { readonly indices: TypedArray | null };
}

type Indexing = "gather" | "scatter" | "indexSelect" | "indexUpdate" | "nll";
const INDEXING: ReadonlySet<string> = new Set<Indexing>(["gather", "scatter", "indexSelect", "indexUpdate", "nll"]);

/**
 * Checks indices that the host uploaded. Those that a kernel computed are not known here: the device clamps them when it reads by them
 * and leaves them out when it writes.
 * @throws ShapeError if one is out of range.
 */
export function checkIndices<K extends KernelName>(kernel: K, inputs: readonly IndexView[], attrs: Kernels[K]): void {
  if (!INDEXING.has(kernel)) return;
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
