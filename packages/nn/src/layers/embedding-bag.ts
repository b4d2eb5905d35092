import { formatShape, ShapeError, sameShape, Tensor, write } from "@sconce/core";
import { type BagMode, type EmbeddingBagFunctionOptions, embeddingBag } from "../functional/embedding-bag.js";
import { normal_ } from "../init.js";
import { Module } from "../module.js";
import { settle } from "../options.js";
import { Parameter } from "../parameter.js";
import { pyNumber, pyOption } from "../repr.js";
import { checkSizes, type FactoryOptions, filledParameter } from "./factory.js";

/** Settings of {@link EmbeddingBag}. */
export interface EmbeddingBagOptions extends Omit<EmbeddingBagFunctionOptions, "offsets" | "perSampleWeights">, FactoryOptions {
  /** The table `[numEmbeddings, embeddingDim]`, where it is not to be drawn. */
  readonly weight?: Tensor | null;
}

/** What a call of {@link EmbeddingBag} may say. */
export interface BagCallOptions {
  /** Where each bag starts in indices of one dimension. */
  readonly offsets?: Tensor | null;
  /** A factor for each index; with the mode sum alone. */
  readonly perSampleWeights?: Tensor | null;
}

/**
 * Sums, means or maxima of bags of vectors of a table: indices `[B, L]`, or `[M]` with the offsets of the bags, to `[B, embeddingDim]`.
 * State: `weight` `[numEmbeddings, embeddingDim]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.EmbeddingBag.html
 * @throws ShapeError if `paddingIdx` is no row, or a given table has another shape.
 * @example
 * const bags = new nn.EmbeddingBag(10, 3, { mode: "sum" });
 * bags(tensor([1, 2, 4, 5, 4]).int(), { offsets: tensor([0, 2]).int() }); // [2, 3]
 */
export class EmbeddingBag extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  declare readonly maxNorm: number | null;
  declare readonly normType: number;
  declare readonly scaleGradByFreq: boolean;
  declare readonly mode: BagMode;
  declare readonly includeLastOffset: boolean;
  declare readonly paddingIdx: number | null;
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingBagOptions = {}) {
    super();
    const { paddingIdx, weight: table } = settle(this, options, {
      maxNorm: Number,
      normType: 2,
      scaleGradByFreq: false,
      mode: "mean",
      includeLastOffset: false,
      paddingIdx: Number,
      weight: Tensor,
    });
    checkSizes("EmbeddingBag", { numEmbeddings, embeddingDim }, 0);
    if (paddingIdx !== null && (paddingIdx >= numEmbeddings || paddingIdx < -numEmbeddings)) {
      throw new ShapeError(`EmbeddingBag: padding_idx must be within num_embeddings, got ${paddingIdx} for ${numEmbeddings} rows`);
    }
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    if (paddingIdx !== null && paddingIdx < 0) this.paddingIdx = paddingIdx + numEmbeddings;
    if (table !== null && !sameShape(table.shape, [numEmbeddings, embeddingDim])) {
      throw new ShapeError(
        `EmbeddingBag: Shape of weight does not match num_embeddings and embedding_dim, got ${formatShape(table.shape)}`,
        { shapes: [table.shape] },
      );
    }
    this.weight = table === null ? filledParameter([numEmbeddings, embeddingDim], 0, options) : new Parameter(table);
    if (table === null) this.resetParameters();
  }

  /** A layer with the rows of `table` `[rows, size]`, which do not train if `freeze`. */
  static fromPretrained(
    table: Tensor,
    { freeze = true, ...options }: { readonly freeze?: boolean } & EmbeddingBagOptions = {},
  ): EmbeddingBag {
    if (table.ndim !== 2) {
      throw new ShapeError("fromPretrained: Embeddings parameter is expected to be 2-dimensional", {
        shapes: [table.shape],
      });
    }
    const layer = new EmbeddingBag(table.shape[0], table.shape[1], { ...options, weight: table });
    layer.weight.markTrainable(!freeze);
    return layer;
  }

  /** Draws new rows, as the constructor does. */
  resetParameters(): void {
    normal_(this.weight);
    if (this.paddingIdx === null) return;
    const row = this.weight.detach().select(0, this.paddingIdx);
    write(row, row.newFull(row.shape, 0));
  }

  override forward(input: Tensor, { offsets = null, perSampleWeights = null }: BagCallOptions = {}): Tensor {
    const { maxNorm, normType, scaleGradByFreq, mode, includeLastOffset, paddingIdx } = this;
    const settings = { maxNorm, normType, scaleGradByFreq, mode, includeLastOffset, paddingIdx };
    return embeddingBag(input, this.weight, { ...settings, offsets, perSampleWeights });
  }

  override extraRepr(): string {
    let text = `${this.numEmbeddings}, ${this.embeddingDim}`;
    if (this.maxNorm !== null) text += `, max_norm=${pyNumber(this.maxNorm)}`;
    if (this.normType !== 2) text += `, norm_type=${pyOption(this.normType, 2)}`;
    if (this.scaleGradByFreq) text += ", scale_grad_by_freq=True";
    text += `, mode=${this.mode}`;
    if (this.paddingIdx !== null) text += `, padding_idx=${this.paddingIdx}`;
    return text;
  }
}
