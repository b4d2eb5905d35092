import { apply, composite, compositeAll } from "../dispatch.js";
import { formatShape, ShapeError } from "../errors.js";
import { VIEWS } from "../primitives.js";
import { normalizeDim, normalizeDims, rowMajor, sizeOf } from "../shape.js";
import { positions } from "./compose.js";
import { readSync } from "./host.js";
import { type DiagonalOptions, type DimArgument, dimOf, MovementOps, requireInteger, type Sizes, sizesOf } from "./movement.js";
import type { Tensor } from "./tensor.js";

/** Ops that cut a tensor into views or copy its elements to other places. */
export class RearrangeOps extends MovementOps {
  /**
   * Pieces of `size` positions along a dimension, the last one maybe smaller, or pieces of the given sizes.
   * @throws ShapeError if the sizes do not add up to the dimension's.
   * @example
   * const [a, b] = arange(5).split(3); // [0, 1, 2] and [3, 4]
   */
  split(size: number | readonly number[], dim: DimArgument = 0): Tensor[] {
    const at = dimensionOf(this.self, "split", dim);
    const total = this.shape[at];
    if (typeof size !== "number") return pieces(this.self, at, checkSizes(size, total, at), "SplitWithSizes");
    if (!Number.isInteger(size) || size < 0 || (size === 0 && total > 0)) {
      throw new ShapeError(
        `split: split expects split_size be non-negative (and 0 only for a dimension of size 0), but got split_size=${size}`,
        {
          shapes: [this.shape],
        },
      );
    }
    const count = size === 0 ? 1 : Math.max(Math.ceil(total / size), 1);
    const sizes = Array.from({ length: count }, (_, i) => Math.min(size, total - i * size));
    return pieces(this.self, at, sizes, "Split");
  }

  /** At most `chunks` pieces of equal size along a dimension, the last one maybe smaller. */
  chunk(chunks: number, dim: DimArgument = 0): Tensor[] {
    if (!(chunks > 0)) throw new ShapeError(`chunk: chunk expects \`chunks\` to be greater than 0, got: ${chunks}`);
    const total = this.shape[dimensionOf(this.self, "chunk", dim)];
    const size = Math.ceil(total / chunks);
    return size === 0 ? this.split(new Array<number>(chunks).fill(0), dim) : this.split(size, dim);
  }

  /** `sections` pieces whose sizes differ by at most 1, or pieces that end at the given positions. */
  tensorSplit(sections: number | readonly number[], dim: DimArgument = 0): Tensor[] {
    const at = dimensionOf(this.self, "tensorSplit", dim);
    const total = this.shape[at];
    if (typeof sections !== "number") {
      const edges = [0, ...sections, total];
      return edges.slice(1).map((end, i) => this.slice(at, edges[i], end));
    }
    if (!(sections > 0)) {
      throw new ShapeError(`tensorSplit: number of sections must be larger than 0, got ${sections}`);
    }
    const extra = total % sections;
    const sizes = Array.from({ length: sections }, (_, i) => Math.floor(total / sections) + (i < extra ? 1 : 0));
    return pieces(this.self, at, sizes, "Slice");
  }

  /** {@link tensorSplit} into equal pieces along the second dimension (the first of a vector). */
  hsplit(sections: number | readonly number[]): Tensor[] {
    return evenSplit(this.self, "hsplit", sections, 1, this.ndim === 1 ? 0 : 1);
  }

  /** {@link tensorSplit} into equal pieces along the first dimension. */
  vsplit(sections: number | readonly number[]): Tensor[] {
    return evenSplit(this.self, "vsplit", sections, 2, 0);
  }

  /** {@link tensorSplit} into equal pieces along the third dimension. */
  dsplit(sections: number | readonly number[]): Tensor[] {
    return evenSplit(this.self, "dsplit", sections, 3, 2);
  }

  /** All positions of a dimension, without it. */
  unbind(dim: DimArgument = 0): Tensor[] {
    const at = dimensionOf(this.self, "unbind", dim);
    const x = this.self;
    const each = (): Tensor[] => Array.from({ length: x.shape[at] }, (_, index) => apply("select", [x], { dim: at, index }));
    return [...compositeAll("Unbind", [x], each)];
  }

  /** A copy with dimensions reversed. */
  flip(...dims: Sizes): Tensor {
    const list = sizesOf(dims);
    const x = this.self;
    if (list.length === 0) return x.clone();
    const reversed = normalizeDims(list, this.ndim, "flip");
    return composite("Flip", [x], () =>
      reversed
        .reduce((y, dim) => apply("slice", [y], { dim, start: Math.max(y.shape[dim] - 1, 0), step: -1, length: y.shape[dim] }), x)
        .clone(),
    );
  }

  /** A copy with the second dimension reversed. */
  fliplr(): Tensor {
    if (this.ndim < 2) throw new ShapeError(`fliplr: Input must be >= 2-d, got ${formatShape(this.shape)}`);
    return this.flip(1);
  }

  /** A copy with the first dimension reversed. */
  flipud(): Tensor {
    if (this.ndim < 1) throw new ShapeError("flipud: Input must be >= 1-d, got []");
    return this.flip(0);
  }

  /**
   * A copy moved by `shifts` positions along `dims`, what leaves at the end comes in at the start; without `dims` along the flat tensor.
   * @example
   * arange(4).roll(1); // [3, 0, 1, 2]
   */
  roll(shifts: number | readonly number[], dims?: number | readonly number[] | null): Tensor {
    const x = this.self;
    const steps = [shifts].flat();
    if (steps.length === 0) throw new ShapeError("roll: `shifts` required");
    if (dims == null || [dims].flat().length === 0) {
      if (steps.length !== 1) throw new ShapeError(`roll: shifts and dimensions must align, got ${steps.length} shifts and 0 dims`);
      return composite("Roll", [x], () => rolled(x.reshape(-1), steps[0], 0).reshape(x.shape));
    }
    const at = [dims].flat().map((d) => normalizeDim(d, this.ndim, "roll"));
    if (at.length !== steps.length) {
      throw new ShapeError(`roll: shifts and dimensions must align, got ${steps.length} shifts and ${at.length} dims`);
    }
    return composite("Roll", [x], () => steps.reduce((y, step, i) => rolled(y, step, at[i]), x));
  }

  /** A copy turned by `k` quarters from the first to the second of `dims`. */
  rot90(k = 1, dims: readonly [number, number] = [0, 1]): Tensor {
    if (this.ndim < 2) throw new ShapeError(`rot90: expected total dims >= 2, but got total dims = ${this.ndim}`);
    const [a, b] = dims.map((d) => normalizeDim(d, this.ndim, "rot90"));
    if (a === b) {
      throw new ShapeError(`rot90: expected rotation dims to be different, but got dim0 = ${dims[0]} and dim1 = ${dims[1]}`);
    }
    const x = this.self;
    const quarters = ((k % 4) + 4) % 4;
    if (quarters === 0) return x.clone();
    if (quarters === 2) return x.flip(a, b);
    return composite("Rot90", [x], () => x.flip(quarters === 1 ? b : a).transpose(a, b));
  }

  /** Copies side by side, as many per dimension as given; new dimensions come first. */
  repeat(...repeats: Sizes): Tensor {
    const list = sizesOf(repeats);
    const x = this.self;
    const lead = list.length - x.ndim;
    if (lead < 0) {
      throw new ShapeError(
        `repeat: Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor, got ${formatShape(list)} for ` +
          formatShape(x.shape),
        { shapes: [x.shape] },
      );
    }
    if (list.some((n) => !Number.isInteger(n) || n < 0)) {
      throw new ShapeError(`repeat: Trying to create tensor with negative dimension, got ${formatShape(list)}`);
    }
    const shape = [...new Array<number>(lead).fill(1), ...x.shape];
    return composite("Repeat", [x], () => {
      const stretched = x.reshape(shape.flatMap((n) => [1, n])).expand(shape.flatMap((n, i) => [list[i], n]));
      return stretched.clone().view(shape.map((n, i) => n * list[i]));
    });
  }

  /** Copies side by side, as {@link repeat}; missing leading counts are 1. */
  tile(...repeats: Sizes): Tensor {
    const list = sizesOf(repeats);
    return this.repeat([...new Array<number>(Math.max(this.ndim - list.length, 0)).fill(1), ...list]);
  }

  /**
   * Each element (without `dim`, of the flat tensor) or each position of `dim` several times: all as often, or each as a 1-D tensor says.
   * @throws ShapeError if the counts do not fit. @throws NotSupportedError for counts on a device that cannot be read at once.
   * @example
   * tensor([1, 2]).repeatInterleave(2); // [1, 1, 2, 2]
   */
  repeatInterleave(repeats: number | Tensor, dim?: DimArgument | null): Tensor {
    const along = Object(dim) === dim ? (dim as { dim?: number | null }).dim : (dim as number | null | undefined);
    const x = along == null ? this.reshape(-1) : this.self;
    const at = normalizeDim(along ?? 0, x.ndim, "repeatInterleave");
    const size = x.shape[at];
    const counts = typeof repeats === "number" ? [repeats] : Array.from(readSync(repeats, "repeatInterleave"), Number);
    if ((counts.length !== size && counts.length !== 1) || counts.some((n) => !Number.isInteger(n) || n < 0)) {
      throw new ShapeError(
        `repeatInterleave: repeats must have the same size as input along dim and no negative counts, got ${counts.length} for ${size}`,
        { shapes: [x.shape] },
      );
    }
    const index = Array.from({ length: size }, (_, i) => new Array<number>(counts[i % counts.length]).fill(i)).flat();
    return apply("indexSelect", [x, positions(x, index)], { dim: at });
  }

  /** The diagonal of a matrix as a copy, or a matrix with a vector on its diagonal. */
  diag(diagonal = 0): Tensor {
    if (this.ndim === 1) return this.diagEmbed({ offset: diagonal });
    if (this.ndim === 2) return this.diagonal(diagonal).clone();
    throw new ShapeError(`diag: matrix or a vector expected, got ${formatShape(this.shape)}`, { shapes: [this.shape] });
  }

  /** A matrix with all elements on a diagonal. */
  diagflat(offset = 0): Tensor {
    return this.contiguous().view(-1).diagEmbed({ offset });
  }

  /** Zeros with the last dimension on a diagonal of two new dimensions. */
  diagEmbed({ offset = 0, dim1 = -2, dim2 = -1 }: DiagonalOptions = {}): Tensor {
    const x = this.self;
    requireInteger(offset, "diagEmbed", "offset");
    const rank = x.ndim + 1;
    const [a, b] = [normalizeDim(dim1, rank, "diagEmbed"), normalizeDim(dim2, rank, "diagEmbed")];
    if (a === b) throw new ShapeError(`diagEmbed: diagonal dimensions cannot be identical ${dim1}, ${dim2}`);
    const size = x.shape[x.ndim - 1] + Math.abs(offset);
    const rest = [...x.shape.slice(0, -1)];
    const shape: number[] = Array.from({ length: rank }, (_, i) => (i === a || i === b ? size : (rest.shift() as number)));
    const layout = VIEWS.diagonal(rowMajor(shape), { offset, dim1: a, dim2: b });
    return composite("DiagEmbed", [x], () => apply("updateSlice", [x.newFull(shape, 0), x], { layout }));
  }

  /** As the dtype of `other`. */
  typeAs(other: Tensor): Tensor {
    return this.to(other.dtype);
  }
}

function dimensionOf(x: Tensor, op: string, dim: DimArgument): number {
  if (x.ndim === 0) throw new ShapeError(`${op}: expected at least a 1-dimensional tensor, got a 0-dim tensor`);
  return normalizeDim(dimOf(dim), x.ndim, op);
}

function evenSplit(x: Tensor, op: string, sections: number | readonly number[], rank: number, dim: number): Tensor[] {
  if (x.ndim < rank) {
    throw new ShapeError(`${op}: requires a tensor with at least ${rank} dimension, but got a tensor with ${x.ndim} dimensions!`);
  }
  if (typeof sections === "number" && !(sections > 0 && x.shape[dim] % sections === 0)) {
    throw new ShapeError(
      `${op}: attempted to split along dimension ${dim}, but the size of the dimension ${x.shape[dim]} is not divisible by the ` +
        `split_size ${sections}!`,
      { shapes: [x.shape] },
    );
  }
  return x.tensorSplit(sections, dim);
}

function checkSizes(sizes: readonly number[], total: number, dim: number): readonly number[] {
  if (sizes.some((n) => !Number.isInteger(n) || n < 0) || sizes.reduce((a, b) => a + b, 0) !== total) {
    throw new ShapeError(
      `split: split_with_sizes expects split_sizes to have only non-negative entries that sum exactly to ${total} (input tensor's size at ` +
        `dimension ${dim}), but got input tensor's split_sizes=${formatShape(sizes)}`,
    );
  }
  return sizes;
}

function pieces(x: Tensor, dim: number, sizes: readonly number[], label: string): Tensor[] {
  const cut = (): Tensor[] => {
    let start = 0;
    return sizes.map((length) => {
      const piece = apply("slice", [x], { dim, start, step: 1, length });
      start += length;
      return piece;
    });
  };
  return label === "Slice" ? cut() : [...compositeAll(label, [x], cut)];
}

function rolled(x: Tensor, step: number, dim: number): Tensor {
  const n = x.shape[dim] ?? 1;
  const shift = n === 0 ? 0 : ((step % n) + n) % n;
  if (shift === 0 || sizeOf(x.shape) === 0) return x.clone();
  return apply("concat", [x.narrow(dim, n - shift, shift), x.narrow(dim, 0, n - shift)], { dim });
}
