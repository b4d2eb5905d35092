import type { Shape } from "./shape.js";
import type { DiagonalOptions, DimArgument, FlattenOptions, Sizes } from "./tensor/movement.js";
import type { Tensor } from "./tensor/tensor.js";

/** A copy with memory of its own. */
export function clone(x: Tensor): Tensor {
  return x.clone();
}

/** The tensor without its history, over the same memory. */
export function detach(x: Tensor): Tensor {
  return x.detach();
}

/** The elements in another shape (one size may be -1): a view where strides allow, else of a copy. */
export function reshape(x: Tensor, ...shape: Sizes): Tensor {
  return x.reshape(...shape);
}

/** Dimensions `startDim` to `endDim` as one. */
export function flatten(x: Tensor, range?: number | FlattenOptions, last?: number): Tensor {
  return x.flatten(range, last);
}

/** All elements in one dimension, row-major. */
export function ravel(x: Tensor): Tensor {
  return x.ravel();
}

/** One dimension as several; one size may be -1. */
export function unflatten(x: Tensor, dim: number, sizes: Shape): Tensor {
  return x.unflatten(dim, sizes);
}

/** Dimensions in another order. @throws ShapeError unless `dims` names each once. */
export function permute(x: Tensor, ...dims: Sizes): Tensor {
  return x.permute(...dims);
}

/** Two dimensions swapped. */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  return x.transpose(dim0, dim1);
}

/** Two dimensions swapped, as {@link transpose}. */
export function swapaxes(x: Tensor, dim0: number, dim1: number): Tensor {
  return x.swapaxes(dim0, dim1);
}

/** Two dimensions swapped, as {@link transpose}. */
export function swapdims(x: Tensor, dim0: number, dim1: number): Tensor {
  return x.swapdims(dim0, dim1);
}

/** The transpose of a matrix; a tensor of less than 2 dimensions as it is. @throws ShapeError for more dimensions. */
export function t(x: Tensor): Tensor {
  return x.t();
}

/** Dimensions moved to other positions, the rest in order. */
export function movedim(x: Tensor, source: number | readonly number[], destination: number | readonly number[]): Tensor {
  return x.movedim(source, destination);
}

/** Dimensions moved, as {@link movedim}. */
export function moveaxis(x: Tensor, source: number | readonly number[], destination: number | readonly number[]): Tensor {
  return x.moveaxis(source, destination);
}

/** Without dimensions of size 1: all of them, or those of `dim` that have it. */
export function squeeze(x: Tensor, dim?: number | readonly number[]): Tensor {
  return x.squeeze(dim);
}

/** A dimension of size 1 inserted before dimension `dim`. */
export function unsqueeze(x: Tensor, dim: number): Tensor {
  return x.unsqueeze(dim);
}

/** Stretched to a shape, as {@link Tensor.expand}. */
export function broadcastTo(x: Tensor, ...shape: Sizes): Tensor {
  return x.broadcastTo(...shape);
}

/** `length` positions of a dimension from `start`. @throws ShapeError if they are not there. */
export function narrow(x: Tensor, dim: number, start: number, length: number): Tensor {
  return x.narrow(dim, start, length);
}

/** Position `index` of a dimension, without that dimension. @throws ShapeError if it is not there. */
export function select(x: Tensor, dim: number, index: number): Tensor {
  return x.select(dim, index);
}

/** A diagonal of two dimensions, as the last dimension. */
export function diagonal(x: Tensor, options?: number | DiagonalOptions): Tensor {
  return x.diagonal(options);
}

/** The storage in a layout of one's own. @throws ShapeError if it reaches outside the storage. */
export function asStrided(x: Tensor, shape: Shape, strides: readonly number[], offset?: number): Tensor {
  return x.asStrided(shape, strides, offset);
}

/**
 * Pieces of `size` positions along a dimension, the last one maybe smaller, or pieces of the given sizes.
 * @throws ShapeError if the sizes do not add up to the dimension's.
 */
export function split(x: Tensor, size: number | readonly number[], dim?: DimArgument): Tensor[] {
  return x.split(size, dim);
}

/** At most `chunks` pieces of equal size along a dimension, the last one maybe smaller. */
export function chunk(x: Tensor, chunks: number, dim?: DimArgument): Tensor[] {
  return x.chunk(chunks, dim);
}

/** `sections` pieces whose sizes differ by at most 1, or pieces that end at the given positions. */
export function tensorSplit(x: Tensor, sections: number | readonly number[], dim?: DimArgument): Tensor[] {
  return x.tensorSplit(sections, dim);
}

/** {@link tensorSplit} into equal pieces along the second dimension (the first of a vector). */
export function hsplit(x: Tensor, sections: number | readonly number[]): Tensor[] {
  return x.hsplit(sections);
}

/** {@link tensorSplit} into equal pieces along the first dimension. */
export function vsplit(x: Tensor, sections: number | readonly number[]): Tensor[] {
  return x.vsplit(sections);
}

/** {@link tensorSplit} into equal pieces along the third dimension. */
export function dsplit(x: Tensor, sections: number | readonly number[]): Tensor[] {
  return x.dsplit(sections);
}

/** All positions of a dimension, without it. */
export function unbind(x: Tensor, dim?: DimArgument): Tensor[] {
  return x.unbind(dim);
}

/** A copy with dimensions reversed. */
export function flip(x: Tensor, ...dims: Sizes): Tensor {
  return x.flip(...dims);
}

/** A copy with the second dimension reversed. */
export function fliplr(x: Tensor): Tensor {
  return x.fliplr();
}

/** A copy with the first dimension reversed. */
export function flipud(x: Tensor): Tensor {
  return x.flipud();
}

/** A copy moved by `shifts` positions along `dims`, what leaves at the end comes in at the start; without `dims` along the flat tensor. */
export function roll(x: Tensor, shifts: number | readonly number[], dims?: number | readonly number[] | null): Tensor {
  return x.roll(shifts, dims);
}

/** A copy turned by `k` quarters from the first to the second of `dims`. */
export function rot90(x: Tensor, k?: number, dims?: readonly [number, number]): Tensor {
  return x.rot90(k, dims);
}

/** Copies side by side, as {@link Tensor.repeat}; missing leading counts are 1. */
export function tile(x: Tensor, ...repeats: Sizes): Tensor {
  return x.tile(...repeats);
}

/**
 * Each element (without `dim`, of the flat tensor) or each position of `dim` several times: all as often, or each as a 1-D tensor says.
 * @throws ShapeError if the counts do not fit. @throws NotSupportedError for counts on a device that cannot be read at once.
 */
export function repeatInterleave(x: Tensor, repeats: number | Tensor, dim?: number | null): Tensor {
  return x.repeatInterleave(repeats, dim);
}

/** The diagonal of a matrix as a copy, or a matrix with a vector on its diagonal. */
export function diag(x: Tensor, diagonal?: number): Tensor {
  return x.diag(diagonal);
}

/** A matrix with all elements on a diagonal. */
export function diagflat(x: Tensor, offset?: number): Tensor {
  return x.diagflat(offset);
}

/** Zeros with the last dimension on a diagonal of two new dimensions. */
export function diagEmbed(x: Tensor, options?: DiagonalOptions): Tensor {
  return x.diagEmbed(options);
}
