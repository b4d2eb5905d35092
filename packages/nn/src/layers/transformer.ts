import { exposed, full, hidden, optionsOf, type Tensor, ValueError } from "@sconce/core";
import { clone } from "../clone.js";
import { gelu, relu } from "../functional/activation.js";
import { xavierUniform_ } from "../init.js";
import { Module } from "../module.js";
import { settle } from "../options.js";
import { MultiheadAttention } from "./attention.js";
import { Dropout } from "./dropout.js";
import type { BiasOptions, FactoryOptions } from "./factory.js";
import { Linear } from "./linear.js";
import { LayerNorm } from "./normalization.js";
import { ModuleList } from "./sequential.js";

/** What acts between the two linear layers: a name, a function or a module. */
export type TransformerActivation = "relu" | "gelu" | ((x: Tensor) => Tensor);

/** Settings of {@link TransformerEncoderLayer} and {@link TransformerDecoderLayer}. */
export interface TransformerLayerOptions extends BiasOptions {
  /** Size between the two linear layers; 2048 unless given. */
  readonly dimFeedforward?: number;
  /** Probability of dropout; 0.1 unless given. */
  readonly dropout?: number;
  /** ReLU unless given. */
  readonly activation?: TransformerActivation;
  readonly layerNormEps?: number;
  /** Takes and returns sequences as `[N, L, E]` where it would be `[L, N, E]`. */
  readonly batchFirst?: boolean;
  /** Normalises before attention and linear layers, where it would be after them. */
  readonly normFirst?: boolean;
}

const LAYER = { dimFeedforward: 2048, dropout: 0.1, layerNormEps: 1e-5, normFirst: false };

/** Two linear layers, and between them what may be a function of the user's. */
function network({ linear1, activation, dropout, linear2 }: TransformerLayer, input: Tensor): Tensor {
  const x = linear1(input);
  return linear2(dropout(activation === relu || activation === gelu ? activation(x) : exposed([x], () => activation(x))));
}

function activationOf(activation: TransformerActivation): (x: Tensor) => Tensor {
  if (activation === "relu") return relu;
  if (activation === "gelu") return gelu;
  if (typeof activation === "function") return activation;
  throw new ValueError(`activation should be relu/gelu, not ${activation}`, { op: "Transformer" });
}

/** Attentions, two linear layers, and for each attention and for these a norm and a dropout, in PyTorch's order. */
abstract class TransformerLayer extends Module {
  static override readonly stateKeys: Readonly<Record<string, string>> = { selfAttn: "self_attn", multiheadAttn: "multihead_attn" };

  declare selfAttn: MultiheadAttention;
  declare linear1: Linear;
  declare dropout: Dropout;
  declare linear2: Linear;
  declare readonly normFirst: boolean;
  declare norm1: LayerNorm;
  declare norm2: LayerNorm;
  declare dropout1: Dropout;
  declare dropout2: Dropout;
  /** What stands between the two linear layers. */
  declare activation: (x: Tensor) => Tensor;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions, attentions: readonly string[]) {
    super();
    const { dimFeedforward, dropout, layerNormEps, normFirst } = optionsOf(new.target, options, LAYER);
    const { activation = "relu", bias, dtype, device, batchFirst } = options;
    const common = { bias, dtype, device };
    const parts: { [name: string]: Module } = this as never;
    for (const name of attentions) parts[name] = new MultiheadAttention(dModel, nhead, { ...common, dropout, batchFirst });
    this.linear1 = new Linear(dModel, dimFeedforward, common);
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, common);
    this.normFirst = normFirst;
    for (let i = 1; i <= attentions.length + 1; i++) parts[`norm${i}`] = new LayerNorm(dModel, { ...common, eps: layerNormEps });
    for (let i = 1; i <= attentions.length + 1; i++) parts[`dropout${i}`] = new Dropout(dropout);
    this.activation = activationOf(activation);
  }
}

/** The masks of a {@link TransformerEncoderLayer}. */
export interface EncoderLayerMasks {
  /** `[L, L]` or `[N * heads, L, L]`: true for positions to leave out, or numbers to add to the scores. */
  readonly srcMask?: Tensor | null;
  /** `[N, L]`: true for positions to leave out. */
  readonly srcKeyPaddingMask?: Tensor | null;
}

/**
 * A layer of attention to itself and a network of two linear layers: `[L, N, dModel]` to the same shape. State: `self_attn`,
 * `linear1`, `linear2`, `norm1`, `norm2`.
 *
 * Source: https://arxiv.org/abs/1706.03762
 * @throws ValueError unless the heads divide the size, or for an unknown activation.
 * @example
 * const layer = new nn.TransformerEncoderLayer(16, 4, { dimFeedforward: 32, batchFirst: true });
 * layer(randn([8, 10, 16])); // [8, 10, 16]
 */
export class TransformerEncoderLayer extends TransformerLayer {
  static override readonly transient: boolean = true;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options, ["selfAttn"]);
  }

  override forward(src: Tensor, masks: EncoderLayerMasks = {}): Tensor {
    const { srcMask, srcKeyPaddingMask } = optionsOf(this.constructor, masks);
    const own = { attnMask: srcMask, keyPaddingMask: srcKeyPaddingMask, needWeights: false };
    const attention = (x: Tensor): Tensor => this.dropout1(this.selfAttn(x, x, x, own)[0]);
    return hidden(() => {
      if (this.normFirst) {
        const x = src.add(attention(this.norm1(src)));
        return x.add(this.dropout2(network(this, this.norm2(x))));
      }
      const x = this.norm1(src.add(attention(src)));
      return this.norm2(x.add(this.dropout2(network(this, x))));
    });
  }
}

/** The masks of a {@link TransformerDecoderLayer} and a {@link TransformerDecoder}. */
export interface DecoderMasks {
  /** `[L, L]` or `[N * heads, L, L]`: true for positions to leave out, or numbers to add to the scores. */
  readonly tgtMask?: Tensor | null;
  /** `[L, S]` or `[N * heads, L, S]`. */
  readonly memoryMask?: Tensor | null;
  /** `[N, L]`: true for positions to leave out. */
  readonly tgtKeyPaddingMask?: Tensor | null;
  /** `[N, S]`. */
  readonly memoryKeyPaddingMask?: Tensor | null;
}

/**
 * A layer of attention to itself, attention to a memory, and a network of two linear layers: `[L, N, dModel]` and memory
 * `[S, N, dModel]` to the shape of the first. State: `self_attn`, `multihead_attn`, `linear1`, `linear2`, `norm1` to `norm3`.
 *
 * Source: https://arxiv.org/abs/1706.03762
 * @throws ValueError unless the heads divide the size, or for an unknown activation.
 */
export class TransformerDecoderLayer extends TransformerLayer {
  static override readonly transient: boolean = true;

  declare multiheadAttn: MultiheadAttention;
  declare norm3: LayerNorm;
  declare dropout3: Dropout;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super(dModel, nhead, options, ["selfAttn", "multiheadAttn"]);
  }

  override forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    const { tgtMask, memoryMask, tgtKeyPaddingMask, memoryKeyPaddingMask } = optionsOf(this.constructor, masks);
    const own = { attnMask: tgtMask, keyPaddingMask: tgtKeyPaddingMask, needWeights: false };
    const other = { attnMask: memoryMask, keyPaddingMask: memoryKeyPaddingMask, needWeights: false };
    const attention = (x: Tensor): Tensor => this.dropout1(this.selfAttn(x, x, x, own)[0]);
    const recall = (x: Tensor): Tensor => this.dropout2(this.multiheadAttn(x, memory, memory, other)[0]);
    return hidden(() => {
      let x = tgt;
      if (this.normFirst) {
        x = x.add(attention(this.norm1(x)));
        x = x.add(recall(this.norm2(x)));
        return x.add(this.dropout3(network(this, this.norm3(x))));
      }
      x = this.norm1(x.add(attention(x)));
      x = this.norm2(x.add(recall(x)));
      return this.norm3(x.add(this.dropout3(network(this, x))));
    });
  }
}

/** Settings of stacks of layers. */
export interface TransformerStackOptions {
  /** Normalises the result of the last layer. */
  readonly norm?: Module | null;
}

/** `count` copies of a layer, all with its weights at first. */
function copies<M extends Module>(layer: M, count: number): ModuleList<M> {
  return new ModuleList(Array.from({ length: count }, () => clone(layer)));
}

/** The masks of a {@link TransformerEncoder}. */
export interface EncoderMasks {
  readonly mask?: Tensor | null;
  readonly srcKeyPaddingMask?: Tensor | null;
}

/**
 * Copies of an encoder layer, one after the other. State: `layers.0` and so on, `norm` if given.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoder.html
 * @example
 * const encoder = new nn.TransformerEncoder(new nn.TransformerEncoderLayer(16, 4), 2);
 * encoder(randn([10, 8, 16])); // [10, 8, 16]
 */
export class TransformerEncoder extends Module {
  static override readonly transient: boolean = true;

  layers: ModuleList<TransformerEncoderLayer>;
  readonly numLayers: number;
  norm: Module | null;

  constructor(encoderLayer: TransformerEncoderLayer, numLayers: number, options: TransformerStackOptions = {}) {
    const { norm = null } = optionsOf(new.target, options);
    super();
    this.layers = copies(encoderLayer, numLayers);
    this.numLayers = numLayers;
    this.norm = norm;
  }

  override forward(src: Tensor, masks: EncoderMasks = {}): Tensor {
    const { mask, srcKeyPaddingMask } = optionsOf(this.constructor, masks);
    return hidden(() => {
      let x = src;
      for (const layer of this.layers) x = layer(x, { srcMask: mask, srcKeyPaddingMask });
      return this.norm === null ? x : this.norm(x);
    });
  }
}

/**
 * Copies of a decoder layer, one after the other. State: `layers.0` and so on, `norm` if given.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoder.html
 */
export class TransformerDecoder extends Module {
  static override readonly transient: boolean = true;

  layers: ModuleList<TransformerDecoderLayer>;
  readonly numLayers: number;
  norm: Module | null;

  constructor(decoderLayer: TransformerDecoderLayer, numLayers: number, options: TransformerStackOptions = {}) {
    const { norm = null } = optionsOf(new.target, options);
    super();
    this.layers = copies(decoderLayer, numLayers);
    this.numLayers = numLayers;
    this.norm = norm;
  }

  override forward(tgt: Tensor, memory: Tensor, masks: DecoderMasks = {}): Tensor {
    return hidden(() => {
      let x = tgt;
      for (const layer of this.layers) x = layer(x, memory, masks);
      return this.norm === null ? x : this.norm(x);
    });
  }
}

/** Settings of {@link Transformer}. */
export interface TransformerOptions extends TransformerLayerOptions {
  /** 512 unless given. */
  readonly dModel?: number;
  /** 8 unless given. */
  readonly nhead?: number;
  /** 6 unless given. */
  readonly numEncoderLayers?: number;
  /** 6 unless given. */
  readonly numDecoderLayers?: number;
  readonly customEncoder?: Module | null;
  readonly customDecoder?: Module | null;
}

/** The masks of a {@link Transformer}. */
export interface TransformerMasks extends DecoderMasks, EncoderLayerMasks {}

/**
 * An encoder and a decoder that looks at what the encoder returns: source `[S, N, dModel]` and target `[L, N, dModel]` to the shape of
 * the target. State: `encoder`, `decoder`.
 *
 * Source: https://arxiv.org/abs/1706.03762
 * @throws ValueError unless the heads divide the size, or if source and target differ in batch or size.
 * @example
 * const model = new nn.Transformer({ dModel: 16, nhead: 4, numEncoderLayers: 2, numDecoderLayers: 2, dimFeedforward: 32 });
 * const tgtMask = nn.Transformer.generateSquareSubsequentMask(5);
 * model(randn([7, 3, 16]), randn([5, 3, 16]), { tgtMask }); // [5, 3, 16]
 */
export class Transformer extends Module {
  static override readonly transient: boolean = true;

  encoder: Module;
  decoder: Module;
  declare readonly dModel: number;
  declare readonly nhead: number;
  declare readonly batchFirst: boolean;

  constructor(options: TransformerOptions = {}) {
    super();
    const { dModel, nhead } = settle(this, options, { dModel: 512, nhead: 8, batchFirst: false });
    const { numEncoderLayers, numDecoderLayers } = optionsOf(new.target, options, { numEncoderLayers: 6, numDecoderLayers: 6 });
    const { customEncoder, customDecoder, ...rest } = options;
    const { layerNormEps = 1e-5, bias, dtype, device } = rest;
    const norm = (): LayerNorm => new LayerNorm(dModel, { eps: layerNormEps, bias, dtype, device });
    this.encoder =
      customEncoder ?? new TransformerEncoder(new TransformerEncoderLayer(dModel, nhead, rest), numEncoderLayers, { norm: norm() });
    this.decoder =
      customDecoder ?? new TransformerDecoder(new TransformerDecoderLayer(dModel, nhead, rest), numDecoderLayers, { norm: norm() });
    for (const parameter of this.parameters()) if (parameter.ndim > 1) xavierUniform_(parameter);
  }

  override forward(src: Tensor, tgt: Tensor, masks: TransformerMasks = {}): Tensor {
    const batch = this.batchFirst ? 0 : 1;
    if (src.ndim === 3 && src.shape[batch] !== tgt.shape[batch]) {
      throw new ValueError(`Transformer: the batch number of src and tgt must be equal, got ${src.shape[batch]} and ${tgt.shape[batch]}`);
    }
    if (src.shape.at(-1) !== this.dModel || tgt.shape.at(-1) !== this.dModel) {
      throw new ValueError(
        `Transformer: the feature number of src and tgt must be equal to d_model, got ${src.shape.at(-1)} and ${tgt.shape.at(-1)}`,
      );
    }
    const { srcMask: mask, srcKeyPaddingMask, ...rest } = optionsOf(this.constructor, masks);
    return hidden(() => this.decoder(tgt, this.encoder(src, { mask, srcKeyPaddingMask }), rest));
  }

  /** A mask `[size, size]` that lets each position look at itself and those before it: 0 there, minus infinity elsewhere. */
  static generateSquareSubsequentMask(size: number, options: FactoryOptions = {}): Tensor {
    return full([size, size], Number.NEGATIVE_INFINITY, options).triu(1);
  }
}
