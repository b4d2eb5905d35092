import {
  cat,
  expectTensor,
  formatShape,
  hidden,
  type OptionValues,
  optionsOf,
  type Shape,
  ShapeError,
  sameShape,
  Tensor,
  ValueError,
} from "@sconce/core";
import { additiveMask, attend, attendOnly } from "../functional/attention.js";
import { linear } from "../functional/linear.js";
import { constant_, xavierNormal_, xavierUniform_ } from "../init.js";
import { Module } from "../module.js";
import { settle } from "../options.js";
import type { Parameter } from "../parameter.js";
import { type BiasOptions, checkSizes, filledParameter } from "./factory.js";
import { Linear } from "./linear.js";

/** A {@link Linear} under the name that PyTorch prints for the last one of an attention layer. */
export class NonDynamicallyQuantizableLinear extends Linear {
  static override readonly transient: boolean = true;
}

/** Settings of {@link MultiheadAttention}. */
export interface MultiheadAttentionOptions extends BiasOptions {
  /** Probability of dropout of the weights in training. */
  readonly dropout?: number;
  /** Adds a trained key and value to those given. */
  readonly addBiasKv?: boolean;
  /** Adds a key and value of zeros to those given. */
  readonly addZeroAttn?: boolean;
  /** Size of the keys; embedDim unless given. */
  readonly kdim?: number | null;
  /** Size of the values; embedDim unless given. */
  readonly vdim?: number | null;
  /** Takes and returns sequences as `[N, L, E]` where it would be `[L, N, E]`. */
  readonly batchFirst?: boolean;
}

/** What a call of {@link MultiheadAttention} may say. */
export interface AttentionCallOptions {
  /** `[N, S]` (`[S]` without batch): true for keys to leave out, or numbers to add to the scores. */
  readonly keyPaddingMask?: Tensor | null;
  /** Whether the weights are returned; true unless given. */
  readonly needWeights?: boolean;
  /** `[L, S]` or `[N * heads, L, S]`: true for keys to leave out, or numbers to add to the scores. */
  readonly attnMask?: Tensor | null;
  /** Whether the weights are averaged over the heads; true unless given. */
  readonly averageAttnWeights?: boolean;
}

type AttentionSettings = OptionValues<AttentionCallOptions, keyof AttentionCallOptions>;

/**
 * Attention of several heads: queries `[L, N, embedDim]`, keys `[S, N, kdim]` and values `[S, N, vdim]` (all without N, or with N
 * first by `batchFirst`) to outputs `[L, N, embedDim]` and weights `[N, L, S]`, or `[N, heads, L, S]` unless averaged. State:
 * `in_proj_weight` `[3 * embedDim, embedDim]` (or `q_proj_weight`, `k_proj_weight`, `v_proj_weight` where sizes differ), `in_proj_bias`,
 * `bias_k`, `bias_v`, `out_proj.weight`, `out_proj.bias`.
 *
 * Source: https://arxiv.org/abs/1706.03762
 * @throws ValueError unless the heads divide the size. @throws ShapeError if the sizes of a call do not fit.
 * @example
 * const attention = new nn.MultiheadAttention(16, 4, { batchFirst: true });
 * const x = randn([8, 10, 16]);
 * const [output, weights] = attention(x, x, x); // [8, 10, 16] and [8, 10, 10]
 */
export class MultiheadAttention extends Module {
  static override readonly transient: boolean = true;
  static override readonly stateKeys: Readonly<Record<string, string>> = {
    qProjWeight: "q_proj_weight",
    kProjWeight: "k_proj_weight",
    vProjWeight: "v_proj_weight",
    inProjWeight: "in_proj_weight",
    inProjBias: "in_proj_bias",
    biasK: "bias_k",
    biasV: "bias_v",
    outProj: "out_proj",
  };

  readonly embedDim: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly numHeads: number;
  readonly headDim: number;
  declare readonly dropout: number;
  declare readonly batchFirst: boolean;
  declare readonly addZeroAttn: boolean;
  qProjWeight: Parameter | null = null;
  kProjWeight: Parameter | null = null;
  vProjWeight: Parameter | null = null;
  inProjWeight: Parameter | null = null;
  inProjBias: Parameter | null;
  biasK: Parameter | null;
  biasV: Parameter | null;
  outProj: NonDynamicallyQuantizableLinear;

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    checkSizes("MultiheadAttention", { embedDim, numHeads });
    if (embedDim % numHeads !== 0) {
      throw new ValueError(`MultiheadAttention: embed_dim must be divisible by num_heads, got ${embedDim} and ${numHeads}`);
    }
    const { kdim, vdim } = settle(this, options, { dropout: 0, addZeroAttn: false, batchFirst: false, kdim: Number, vdim: Number });
    this.kdim = kdim ?? embedDim;
    this.vdim = vdim ?? embedDim;
    const { bias, addBiasKv } = optionsOf(new.target, options, { bias: true, addBiasKv: false });
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.headDim = embedDim / numHeads;
    const weight = (...shape: number[]): Parameter => filledParameter(shape, 0, options);
    if (this.kdim === embedDim && this.vdim === embedDim) this.inProjWeight = weight(3 * embedDim, embedDim);
    else {
      this.qProjWeight = weight(embedDim, embedDim);
      this.kProjWeight = weight(embedDim, this.kdim);
      this.vProjWeight = weight(embedDim, this.vdim);
    }
    this.inProjBias = bias ? weight(3 * embedDim) : null;
    this.biasK = addBiasKv ? weight(1, 1, embedDim) : null;
    this.biasV = addBiasKv ? weight(1, 1, embedDim) : null;
    this.outProj = new NonDynamicallyQuantizableLinear(embedDim, embedDim, options);
    this.resetParameters();
  }

  /** Draws new weights of the inputs, as the constructor does. */
  resetParameters(): void {
    for (const weight of [this.inProjWeight, this.qProjWeight, this.kProjWeight, this.vProjWeight]) {
      if (weight !== null) xavierUniform_(weight);
    }
    if (this.inProjBias !== null) constant_(this.inProjBias, 0);
    if (this.outProj.bias !== null) constant_(this.outProj.bias, 0);
    if (this.biasK !== null) xavierNormal_(this.biasK);
    if (this.biasV !== null) xavierNormal_(this.biasV);
  }

  override forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    options: AttentionCallOptions = {},
  ): [output: Tensor, weights: Tensor | null] {
    this.checkInputs(query, key, value);
    const settings = optionsOf("MultiheadAttention", options, {
      keyPaddingMask: Tensor,
      needWeights: true,
      attnMask: Tensor,
      averageAttnWeights: true,
    });
    return hidden(() => this.attention(query, key, value, settings));
  }

  private attention(query: Tensor, key: Tensor, value: Tensor, options: AttentionSettings): [output: Tensor, weights: Tensor | null] {
    const { needWeights, averageAttnWeights } = options;
    const batched = query.ndim === 3;
    const [q, k, v] = this.project(query, key, value).flatMap((x) => this.heads(batched ? x : x.unsqueeze(this.batchFirst ? 0 : 1)));
    const masks = this.masks(q, k, options, batched);
    const scale = 1 / Math.sqrt(this.headDim);
    const [keys, values] = [this.extended(k, this.biasK), this.extended(v, this.biasV)];
    const dropout = this.training ? this.dropout : 0;
    const alone = !needWeights && dropout === 0;
    const mask = masks.length === 0 ? null : masks.reduce((a, b) => a.add(b));
    const { output, weights } = alone
      ? { output: attendOnly(q, keys, values, scale, mask, false), weights: null }
      : attend(q, keys, values, scale, masks, dropout);
    // [N, H, L, D] -> [N, L, E] or [L, N, E]
    const [n, , length] = output.shape;
    const joined = this.batchFirst
      ? output.transpose(1, 2).reshape([n, length, this.embedDim])
      : output.permute([2, 0, 1, 3]).reshape([length, n, this.embedDim]);
    const result = this.outProj(batched ? joined : joined.squeeze(this.batchFirst ? 0 : 1));
    if (!needWeights || weights === null) return [result, null];
    const shown = averageAttnWeights ? weights.mean(1) : weights;
    return [result, batched ? shown : shown.squeeze(0)];
  }

  private checkInputs(query: Tensor, key: Tensor, value: Tensor): void {
    for (const x of [query, key, value]) expectTensor("MultiheadAttention", x);
    const { embedDim, kdim, vdim } = this;
    const rank = query.ndim;
    const lead = (x: Tensor): string => formatShape(x.shape.slice(0, -1));
    const problem =
      rank !== 2 && rank !== 3
        ? `query should be unbatched 2D or batched 3D tensor but received ${rank}-D query tensor`
        : key.ndim !== rank || value.ndim !== rank
          ? `For ${rank === 3 ? "batched (3-D)" : "unbatched (2-D)"} \`query\`, expected \`key\` and \`value\` to be ${rank}-D`
          : query.shape[rank - 1] !== embedDim
            ? `was expecting embedding dimension of ${embedDim}, but got ${query.shape[rank - 1]}`
            : key.shape[rank - 1] !== kdim || value.shape[rank - 1] !== vdim
              ? `expected keys of size ${kdim} and values of size ${vdim}`
              : lead(key) !== lead(value)
                ? "key's sequence and batch dims do not match value's"
                : null;
    if (problem === null) return;
    const shapes = [query.shape, key.shape, value.shape];
    throw new ShapeError(`MultiheadAttention: ${problem}, got ${shapes.map(formatShape).join(", ")}`, { shapes });
  }

  /** Queries, keys and values of size E: by one matrix product, side by side, where they are the same tensor. */
  private project(query: Tensor, key: Tensor, value: Tensor): Tensor[] {
    const { inProjWeight, inProjBias, qProjWeight, kProjWeight, vProjWeight } = this;
    const inputs = [query, key, value];
    if (inProjWeight !== null && query === key && key === value) return [linear(query, inProjWeight, inProjBias)];
    const weights = inProjWeight?.chunk(3) ?? ([qProjWeight, kProjWeight, vProjWeight] as Tensor[]);
    const biases = inProjBias?.chunk(3);
    return inputs.map((x, i) => linear(x, weights[i], biases?.[i]));
  }

  /** `[L, N, E]` or `[N, L, E]`, or several times E side by side, to `[N, H, L, D]` each. */
  private heads(x: Tensor): Tensor[] {
    const [a, b, size] = x.shape;
    const order = this.batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3];
    const split = [this.numHeads, this.headDim];
    // Apart before they are split, so that their gradients are put together without copies of their own.
    const parts = size === this.embedDim ? [x.reshape([a, b, ...split])] : x.reshape([a, b, size / this.embedDim, ...split]).unbind(2);
    return parts.map((part) => part.permute(order));
  }

  /** Keys or values `[N, H, S, D]` with the trained one and zeros behind them. */
  private extended(x: Tensor, bias: Tensor | null): Tensor {
    if (bias === null && !this.addZeroAttn) return x;
    const [n, heads, , size] = x.shape;
    const parts = [x];
    if (bias !== null) parts.push(bias.reshape([1, heads, 1, size]).expand([n, heads, 1, size]));
    if (this.addZeroAttn) parts.push(x.newFull([n, heads, 1, size], 0));
    return cat(parts, 2);
  }

  /** The masks of a call as numbers to add to scores `[N, H, L, S]`. */
  private masks(q: Tensor, k: Tensor, { attnMask, keyPaddingMask }: AttentionSettings, batched: boolean): Tensor[] {
    const [n, heads, length] = q.shape;
    const keys = k.shape[2];
    const masks: Tensor[] = [];
    if (attnMask !== null) {
      const all = attnMask.ndim === 3;
      checkMask("attn_mask", attnMask, all ? [n * heads, length, keys] : [length, keys]);
      masks.push(all ? attnMask.reshape([n, heads, length, keys]) : attnMask);
    }
    if (keyPaddingMask !== null) {
      checkMask("key_padding_mask", keyPaddingMask, batched ? [n, keys] : [keys]);
      masks.push(keyPaddingMask.reshape([n, 1, 1, keys]));
    }
    const added = (this.biasK === null ? 0 : 1) + (this.addZeroAttn ? 1 : 0);
    return masks.map((mask) => {
      const numbers = additiveMask(mask, q, true);
      return added === 0 ? numbers : cat([numbers, numbers.newFull([...numbers.shape.slice(0, -1), added], 0)], -1);
    });
  }
}

function checkMask(name: string, mask: Tensor, shape: Shape): void {
  const op = "MultiheadAttention";
  if (mask.dtype !== "bool" && !mask.isFloatingPoint()) {
    throw new ValueError(`${op}: only bool and floating types of ${name} are supported, got ${mask.dtype}`);
  }
  if (sameShape(mask.shape, shape)) return;
  throw new ShapeError(
    `${op}: The shape of the ${shape.length}D ${name} is ${formatShape(mask.shape)}, but should be ${formatShape(shape)}`,
    {
      shapes: [mask.shape, shape],
    },
  );
}
