import { apply, composite } from "../dispatch.js";
import { formatShape, ShapeError } from "../errors.js";
import { resolveIndex, resolveSlice } from "../indexing-spec.js";
import { VIEWS } from "../primitives.js";
import { type Layout, normalizeDim, rowMajor, type Shape, sameShape } from "../shape.js";
import { defineInPlace, ge, iota, le, overwritten, sub, unsqueezeAt, where } from "./compose.js";
import { GatherOps } from "./indexing-gather.js";
import { type DiagonalOptions, requireInteger, stridedLayout } from "./movement.js";
import type { Tensor } from "./tensor.js";

/** `x` with the part that `layout` shows replaced. */
function replaced(x: Tensor, source: Tensor, layout: Layout, op: string, label: string): Tensor {
  if (!sameShape(source.shape, layout.shape)) {
    throw new ShapeError(
      `${op}: expected src to have a size equal to the slice of self ${formatShape(layout.shape)}, got ${formatShape(source.shape)}`,
      {
        shapes: [source.shape, layout.shape],
      },
    );
  }
  return apply("updateSlice", [x, source.cast(x.dtype)], { layout }, label);
}

function diagonalDims(x: Tensor, { offset = 0, dim1 = 0, dim2 = 1 }: DiagonalOptions, op: string): [number, number] {
  requireInteger(offset, op, "offset");
  const a = normalizeDim(dim1, x.ndim, op);
  const b = normalizeDim(dim2, x.ndim, op);
  if (a === b) throw new ShapeError(`${op}: diagonal dimensions cannot be identical ${dim1}, ${dim2}`, { shapes: [x.shape] });
  return [a, b];
}

function triangle(x: Tensor, op: "tril" | "triu", diagonal: number): Tensor {
  if (x.ndim < 2) {
    throw new ShapeError(`${op}: input tensor must have at least 2 dimensions, got ${formatShape(x.shape)}`, { shapes: [x.shape] });
  }
  requireInteger(diagonal, op, "diagonal");
  const rows = unsqueezeAt(iota(x, x.shape[x.ndim - 2]), 1);
  const ahead = sub(iota(x, x.shape[x.ndim - 1]), rows);
  const keep = op === "tril" ? le(ahead, diagonal) : ge(ahead, diagonal);
  return composite(op === "tril" ? "Tril" : "Triu", [x], () => where(keep, x, 0));
}

/** Ops on triangles and diagonals, and copies with a part replaced. */
export interface DiagonalOps {
  /** {@link tril} in place. */
  tril_(diagonal?: number): Tensor;

  /** {@link triu} in place. */
  triu_(diagonal?: number): Tensor;
}

/** Ops on triangles and diagonals, and copies with a part replaced. */
export class DiagonalOps extends GatherOps {
  /** The lower triangle of the last two dimensions, up to `diagonal`; the rest is 0. @throws ShapeError below two dimensions. */
  tril(diagonal = 0): Tensor {
    return triangle(this.self, "tril", diagonal);
  }

  /** The upper triangle of the last two dimensions, from `diagonal`; the rest is 0. @throws ShapeError below two dimensions. */
  triu(diagonal = 0): Tensor {
    return triangle(this.self, "triu", diagonal);
  }

  /** The sum of the diagonal of a matrix. @throws ShapeError for other ranks. */
  trace(): Tensor {
    if (this.ndim !== 2) {
      throw new ShapeError(`trace: expected a matrix, got ${formatShape(this.shape)}`, { shapes: [this.shape] });
    }
    return composite("Trace", [this.self], () => apply("diagonal", [this.self], { offset: 0, dim1: 0, dim2: 1 }).sum());
  }

  /** A copy with entry `index` of `dim` replaced by `source`. @throws ShapeError if the shapes do not fit. */
  selectScatter(source: Tensor, dim: number, index: number): Tensor {
    const d = normalizeDim(dim, this.ndim, "selectScatter");
    const at = resolveIndex(index, d, this.shape[d], "selectScatter");
    const layout = VIEWS.select(rowMajor(this.shape), { dim: d, index: at });
    return replaced(this.self, source, layout, "selectScatter", "SelectScatter");
  }

  /** A copy with entries `start` to `end` by `step` of `dim` replaced by `source`. @throws ShapeError if the shapes do not fit. */
  sliceScatter(source: Tensor, dim = 0, range: { readonly start?: number; readonly end?: number; readonly step?: number } = {}): Tensor {
    const d = normalizeDim(dim, this.ndim, "sliceScatter");
    const { step = 1 } = range;
    for (const value of [range.start ?? 0, range.end ?? 0]) requireInteger(value, "sliceScatter", "start and end");
    if (!Number.isInteger(step) || step <= 0) throw new ShapeError(`sliceScatter: slice step must be positive, got ${step}`);
    const { start, length } = resolveSlice({ start: range.start, stop: range.end, step }, this.shape[d]);
    const layout = VIEWS.slice(rowMajor(this.shape), { dim: d, start, step, length });
    return replaced(this.self, source, layout, "sliceScatter", "SliceScatter");
  }

  /** A copy with a diagonal replaced by `source`. @throws ShapeError if the shapes do not fit. */
  diagonalScatter(source: Tensor, options: DiagonalOptions = {}): Tensor {
    const [dim1, dim2] = diagonalDims(this.self, options, "diagonalScatter");
    const layout = VIEWS.diagonal(rowMajor(this.shape), { offset: options.offset ?? 0, dim1, dim2 });
    return replaced(this.self, source, layout, "diagonalScatter", "DiagonalScatter");
  }

  /** A copy with the elements of a layout over the row-major copy replaced by `source`. @throws ShapeError if the shapes do not fit or the layout reaches outside. */
  asStridedScatter(source: Tensor, shape: Shape, strides: readonly number[], offset = 0): Tensor {
    const layout = stridedLayout(shape, strides, offset, this.numel(), "asStridedScatter");
    return replaced(this.self, source, layout, "asStridedScatter", "AsStridedScatter");
  }
}

defineInPlace(DiagonalOps.prototype, overwritten, "tril triu");
