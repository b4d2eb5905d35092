import type { Tensor } from "./tensor.js";

/**
 * Values and the positions where they were found.
 * @example
 * const { values, indices } = tensor([[1, 3], [4, 2]]).max(1);
 * const [largest, where] = tensor([[1, 3], [4, 2]]).max(1);
 */
export class ValuesIndices implements Iterable<Tensor> {
  readonly values: Tensor;
  /** int32 positions along the dimension. */
  readonly indices: Tensor;

  constructor(values: Tensor, indices: Tensor) {
    this.values = values;
    this.indices = indices;
  }

  /** Goes through the items in order. */
  *[Symbol.iterator](): Iterator<Tensor> {
    yield this.values;
    yield this.indices;
  }
}
