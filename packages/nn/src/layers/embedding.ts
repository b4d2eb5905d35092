import { ShapeError, type Tensor, write } from "@sconce/core";
import { type EmbeddingFunctionOptions, embedding } from "../functional/linear.js";
import { normal_ } from "../init.js";
import { Module } from "../module.js";
import { settle } from "../options.js";
import { Parameter } from "../parameter.js";
import { pyNumber, pyOption } from "../repr.js";
import { checkSizes, type FactoryOptions, filledParameter } from "./factory.js";

/** Settings of {@link Embedding}. */
export interface EmbeddingOptions extends EmbeddingFunctionOptions, FactoryOptions {}

/**
 * A table of vectors: indices `[...]` to `[..., embeddingDim]`. State: `weight` `[numEmbeddings, embeddingDim]`. The row `paddingIdx`
 * starts as zeros and gets no gradient.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html
 * @throws ShapeError if `paddingIdx` is no row.
 * @example
 * new nn.Embedding(10, 3)(tensor([1, 2], { dtype: "int32" })); // [2, 3]
 */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  declare readonly paddingIdx: number | null;
  declare readonly maxNorm: number | null;
  declare readonly normType: number;
  declare readonly scaleGradByFreq: boolean;
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    super();
    const { paddingIdx } = settle(this, options, { paddingIdx: Number, maxNorm: Number, normType: 2, scaleGradByFreq: false });
    checkSizes("Embedding", { numEmbeddings, embeddingDim }, 0);
    if (paddingIdx !== null && !(paddingIdx < numEmbeddings && paddingIdx >= -numEmbeddings)) {
      throw new ShapeError(`Embedding: Padding_idx must be within num_embeddings, got ${paddingIdx} for ${numEmbeddings} rows`);
    }
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    if (paddingIdx !== null && paddingIdx < 0) this.paddingIdx = paddingIdx + numEmbeddings;
    this.weight = filledParameter([numEmbeddings, embeddingDim], 0, options);
    this.resetParameters();
  }

  /** A layer with the rows of `table` `[rows, size]`, which do not train if `freeze`. */
  static fromPretrained(
    table: Tensor,
    { freeze = true, ...options }: { readonly freeze?: boolean } & EmbeddingFunctionOptions = {},
  ): Embedding {
    if (table.ndim !== 2) {
      throw new ShapeError("fromPretrained: Embeddings parameter is expected to be 2-dimensional", {
        shapes: [table.shape],
      });
    }
    const layer = new Embedding(0, table.shape[1], { dtype: table.dtype, device: table.device });
    const sizes = { numEmbeddings: table.shape[0], weight: new Parameter(table, { requiresGrad: !freeze }) };
    return Object.assign(layer, options, sizes);
  }

  /** Draws new rows, as the constructor does. */
  resetParameters(): void {
    normal_(this.weight);
    if (this.paddingIdx === null) return;
    const row = this.weight.detach().select(0, this.paddingIdx);
    write(row, row.newFull(row.shape, 0));
  }

  override forward(input: Tensor): Tensor {
    return embedding(input, this.weight, this);
  }

  override extraRepr(): string {
    let text = `${this.numEmbeddings}, ${this.embeddingDim}`;
    if (this.paddingIdx !== null) text += `, padding_idx=${this.paddingIdx}`;
    if (this.maxNorm !== null) text += `, max_norm=${pyNumber(this.maxNorm)}`;
    if (this.normType !== 2) text += `, norm_type=${pyOption(this.normType, 2)}`;
    if (this.scaleGradByFreq) text += ", scale_grad_by_freq=True";
    return text;
  }
}
