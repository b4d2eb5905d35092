import "@sconce/backend-cpu";
import "@sconce/autograd";
import { eye, ones, rand, SconceError, tensor, zeros } from "@sconce/core";
import * as fft from "@sconce/core/fft";
import * as linalg from "@sconce/core/linalg";
import * as masked from "@sconce/core/masked";
import * as nn from "@sconce/nn";
import * as optim from "@sconce/optim";
import { describe, expect, it } from "vitest";

/** What an option may be; `?` for null too. `sizes` and `any` are checked where they are used, `null` too, and runs. */
type Kind = "number" | "number?" | "boolean" | "boolean?" | "word" | "tensor?" | "function?" | "sizes" | "any" | "null";
type Options = { readonly [name: string]: Kind };

/** Arguments that are needed, options, what the layer is called with, and options that must be there. */
type Row = readonly [args: readonly unknown[], options: Options, inputs?: readonly unknown[], needed?: object];
type Table = { readonly [name: string]: Row };

const image = ones(2, 4, 6, 6);
const [row, volume, signal] = [ones(2, 4), ones(2, 4, 4, 4, 4), ones(2, 4, 6)];
const labels = tensor([0, 1]).int();
const signs = tensor([1, -1]);
const inplace: Options = { inplace: "boolean" };
const reduction: Options = { reduction: "word" };
const margin: Options = { ...reduction, margin: "number" };
const weighted: Options = { ...reduction, weight: "tensor?" };
const classes: Options = { ...weighted, ignoreIndex: "number" };
const conv: Options = { stride: "sizes", padding: "sizes", dilation: "sizes", groups: "number" };
const transposed: Options = { ...conv, outputPadding: "sizes" };
const pool: Options = { stride: "any", padding: "sizes", ceilMode: "boolean" };
const max: Options = { ...pool, dilation: "sizes", returnIndices: "boolean" };
const average: Options = { ...pool, countIncludePad: "boolean", divisorOverride: "number?" };
const affine: Options = { weight: "tensor?", bias: "tensor?", eps: "number" };
const norm: Options = { eps: "number", momentum: "number?", affine: "boolean", trackRunningStats: "boolean" };
const rows: Options = { paddingIdx: "number?", maxNorm: "number?", normType: "number", scaleGradByFreq: "boolean" };
const blocks: Options = { dilation: "sizes", padding: "sizes", stride: "sizes" };
const recurrent: Options = { numLayers: "number", bias: "boolean", batchFirst: "boolean", dropout: "number", bidirectional: "boolean" };
const transformer: Options = {
  dimFeedforward: "number",
  dropout: "number",
  layerNormEps: "number",
  normFirst: "boolean",
  batchFirst: "boolean",
};
const triplet: Options = { ...margin, p: "number", eps: "number", swap: "boolean" };
const three = [row, row.mul(2), row.mul(3)];
const logits = { ...weighted, posWeight: "tensor?" } as const;
const dims: Options = { dim: "number" };
const anyDim: Options = { dim: "number?" };
const poisson: Options = { ...reduction, logInput: "boolean", full: "boolean", eps: "number" };
const gaussian: Options = { ...reduction, full: "boolean", eps: "number" };
const ctc: Options = { ...reduction, blank: "number", zeroInfinity: "boolean" };
const speech = [rand(5, 2, 4).logSoftmax(2), ones(2, 2).int(), [5, 5], [2, 2]];
const bag: Options = { ...rows, mode: "word", includeLastOffset: "boolean" };
const lrn: Options = { alpha: "number", beta: "number", k: "number" };

const layers: Table = {
  AdaptiveLogSoftmaxWithLoss: [[4, 8, [2, 4]], { divValue: "number", headBias: "any" }, [row, labels]],
  AdaptiveMaxPool1d: [[2], { returnIndices: "boolean" }, [signal]],
  AdaptiveMaxPool2d: [[2], { returnIndices: "boolean" }, [image]],
  AdaptiveMaxPool3d: [[2], { returnIndices: "boolean" }, [volume]],
  AvgPool1d: [[2], average, [signal]],
  AvgPool2d: [[2], average, [image]],
  AvgPool3d: [[2], average, [volume]],
  BCELoss: [[], weighted, [row, row]],
  BCEWithLogitsLoss: [[], logits, [row, row]],
  BatchNorm1d: [[4], norm, [signal]],
  BatchNorm2d: [[4], norm, [image]],
  BatchNorm3d: [[4], norm, [volume]],
  Bilinear: [[4, 4, 2], { bias: "boolean" }, [row, row]],
  CELU: [[], { alpha: "number", ...inplace }, [row]],
  CTCLoss: [[], ctc, speech],
  Conv1d: [[4, 4, 1], { ...conv, bias: "boolean", paddingMode: "any" }, [signal]],
  Conv2d: [[4, 4, 1], { ...conv, bias: "boolean", paddingMode: "any" }, [image]],
  Conv3d: [[4, 4, 1], { ...conv, bias: "boolean", paddingMode: "any" }, [volume]],
  ConvTranspose1d: [[4, 4, 1], { ...transposed, bias: "boolean" }, [signal]],
  ConvTranspose2d: [[4, 4, 1], { ...transposed, bias: "boolean" }, [image]],
  ConvTranspose3d: [[4, 4, 1], { ...transposed, bias: "boolean" }, [volume]],
  CosineEmbeddingLoss: [[], margin, [row, row, signs]],
  CosineSimilarity: [[], { ...dims, eps: "number" }, [row, row]],
  CrossEntropyLoss: [[], { ...classes, labelSmoothing: "number" }, [row, labels]],
  CrossMapLRN2d: [[3], lrn, [image]],
  ELU: [[], { alpha: "number", ...inplace }, [row]],
  Embedding: [[5, 3], rows, [labels]],
  EmbeddingBag: [[5, 3], { ...bag, weight: "tensor?" }, [labels.unsqueeze(0)]],
  Fold: [[4, 2], blocks, [ones(1, 8, 9)]],
  FractionalMaxPool2d: [[2], { outputRatio: "null", returnIndices: "any", randomSamples: "null" }, [image], { outputSize: 2 }],
  FractionalMaxPool3d: [[2], { outputRatio: "null", returnIndices: "any", randomSamples: "null" }, [volume], { outputSize: 2 }],
  GELU: [[], { approximate: "word" }, [row]],
  GLU: [[], dims, [row]],
  GRU: [[4, 3], recurrent, [signal.transpose(1, 2)]],
  GRUCell: [[4, 3], { bias: "boolean" }, [row]],
  GaussianNLLLoss: [[], gaussian, [row, row, row]],
  GroupNorm: [[2, 4], { eps: "number", affine: "boolean" }, [image]],
  Hardshrink: [[], { lambda: "number" }, [row]],
  Hardtanh: [[], { minVal: "number", maxVal: "number", ...inplace }, [row]],
  HingeEmbeddingLoss: [[], margin, [row, row]],
  HuberLoss: [[], { ...reduction, delta: "number" }, [row, row]],
  InstanceNorm1d: [[4], norm, [signal]],
  InstanceNorm2d: [[4], norm, [image]],
  InstanceNorm3d: [[4], norm, [volume]],
  KLDivLoss: [[], { ...reduction, logTarget: "boolean" }, [row, row]],
  LPPool1d: [[2, 2], { stride: "any", ceilMode: "boolean" }, [signal]],
  LPPool2d: [[2, 2], { stride: "any", ceilMode: "boolean" }, [image]],
  LPPool3d: [[2, 2], { stride: "any", ceilMode: "boolean" }, [volume]],
  LSTM: [[4, 3], { ...recurrent, projSize: "number" }, [signal.transpose(1, 2)]],
  LSTMCell: [[4, 3], { bias: "boolean" }, [row]],
  LayerNorm: [[4], { eps: "number", elementwiseAffine: "boolean", bias: "boolean" }, [row]],
  LazyBatchNorm1d: [[], norm, [signal]],
  LazyBatchNorm2d: [[], norm, [image]],
  LazyBatchNorm3d: [[], norm, [volume]],
  LazyConv1d: [[4, 1], conv, [signal]],
  LazyConv2d: [[4, 1], conv, [image]],
  LazyConv3d: [[4, 1], conv, [volume]],
  LazyConvTranspose1d: [[4, 1], transposed, [signal]],
  LazyConvTranspose2d: [[4, 1], transposed, [image]],
  LazyConvTranspose3d: [[4, 1], transposed, [volume]],
  LazyInstanceNorm1d: [[], norm, [signal]],
  LazyInstanceNorm2d: [[], norm, [image]],
  LazyInstanceNorm3d: [[], norm, [volume]],
  LazyLinear: [[3], { bias: "boolean" }, [row]],
  LeakyReLU: [[], { negativeSlope: "number", ...inplace }, [row]],
  Linear: [[4, 3], { bias: "boolean" }, [row]],
  LocalResponseNorm: [[3], lrn, [image]],
  LogSoftmax: [[], anyDim, [row]],
  MarginRankingLoss: [[], margin, [row, row, row]],
  MaxPool1d: [[2], max, [signal]],
  MaxPool2d: [[2], max, [image]],
  MaxPool3d: [[2], max, [volume]],
  MaxUnpool1d: [[2], { stride: "any", padding: "sizes" }, [ones(1, 1, 2), tensor([[[0, 2]]]).int()]],
  MaxUnpool2d: [[2], { stride: "any", padding: "sizes" }, [ones(1, 1, 1, 1), zeros(1, 1, 1, 1).int()]],
  MaxUnpool3d: [[2], { stride: "any", padding: "sizes" }, [ones(1, 1, 1, 1, 1), zeros(1, 1, 1, 1, 1).int()]],
  MultiLabelSoftMarginLoss: [[], weighted, [row, row]],
  MultiMarginLoss: [[], { ...margin, p: "number", weight: "tensor?" }, [row, labels]],
  MultiheadAttention: [
    [4, 2],
    {
      dropout: "number",
      bias: "boolean",
      addBiasKv: "boolean",
      addZeroAttn: "boolean",
      batchFirst: "boolean",
      kdim: "number?",
      vdim: "number?",
    },
    [row, row, row],
  ],
  NLLLoss: [[], classes, [row, labels]],
  NonDynamicallyQuantizableLinear: [[4, 3], { bias: "boolean" }, [row]],
  PReLU: [[], { numParameters: "number", init: "number" }, [row]],
  PairwiseDistance: [[], { p: "number", eps: "number", keepdim: "boolean" }, [row, row]],
  PoissonNLLLoss: [[], poisson, [row, row]],
  RMSNorm: [[4], { eps: "number?", elementwiseAffine: "boolean" }, [row]],
  RNN: [[4, 3], { ...recurrent, nonlinearity: "word" }, [signal.transpose(1, 2)]],
  RNNCell: [[4, 3], { bias: "boolean", nonlinearity: "word" }, [row]],
  RReLU: [[], { lower: "number", upper: "number", ...inplace }, [row]],
  SmoothL1Loss: [[], { ...reduction, beta: "number" }, [row, row]],
  Softmax: [[], anyDim, [row]],
  Softmin: [[], anyDim, [row]],
  Softplus: [[], { beta: "number", threshold: "number" }, [row]],
  Softshrink: [[], { lambda: "number" }, [row]],
  Threshold: [[1, 2], inplace, [row]],
  Transformer: [
    [],
    { ...transformer, numEncoderLayers: "number", numDecoderLayers: "number", dModel: "number", nhead: "number" },
    [ones(2, 1, 4), ones(2, 1, 4)],
    { dModel: 4, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 4 },
  ],
  TransformerDecoderLayer: [[4, 2], transformer, [ones(2, 1, 4), ones(2, 1, 4)], { dimFeedforward: 4 }],
  TransformerEncoderLayer: [[4, 2], transformer, [ones(2, 1, 4)], { dimFeedforward: 4 }],
  TripletMarginLoss: [[], triplet, three],
  TripletMarginWithDistanceLoss: [[], { ...margin, swap: "boolean", distanceFunction: "function?" }, three],
  Unfold: [[2], blocks, [image]],
  Upsample: [[], { mode: "word", alignCorners: "boolean?", recomputeScaleFactor: "boolean?", size: "null" }, [image], { scaleFactor: 2 }],
  UpsamplingBilinear2d: [[], { scaleFactor: "null" }, [image], { size: 4 }],
  UpsamplingNearest2d: [[], { scaleFactor: "null" }, [image], { size: 4 }],
};
for (const name of ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]) {
  (layers as Record<string, Row>)[name] = [
    [],
    { p: "number", ...inplace },
    [name.endsWith("1d") ? signal : name.endsWith("3d") ? volume : image],
  ];
}
for (const name of ["Hardsigmoid", "Hardswish", "Mish", "ReLU", "ReLU6", "SELU", "SiLU"]) {
  (layers as Record<string, Row>)[name] = [[], inplace, [row]];
}
for (const name of ["L1Loss", "MSELoss", "MultiLabelMarginLoss", "SoftMarginLoss"]) {
  (layers as Record<string, Row>)[name] = [[], reduction, [row, name.startsWith("Multi") ? row.int() : row]];
}

/** Exports without options of their own, or that are no layers. */
const others = new Set(
  `AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d ChannelShuffle CircularPad1d CircularPad2d CircularPad3d ConstantPad1d
  ConstantPad2d ConstantPad3d Container DictContainer Flatten Identity IncompatibleKeys ListContainer LogSigmoid ModelSummary Module
  ModuleDict ModuleList Parameter ParameterDict ParameterList PixelShuffle PixelUnshuffle RNNBase RNNCellBase ReflectionPad1d
  ReflectionPad2d ReflectionPad3d RemovableHandle ReplicationPad1d ReplicationPad2d ReplicationPad3d Sequential Sigmoid Softmax2d Softsign
  Tanh Tanhshrink TransformerDecoder TransformerEncoder Unflatten UninitializedParameter ZeroPad1d ZeroPad2d ZeroPad3d clone functional
  functionalCall init isLazy stackModuleState summary utils`.split(/\s+/),
);

const filters = (n: number): readonly unknown[] => [ones(4, 4, ...new Array<number>(n).fill(1)), null];
const functions: Table = {
  adaptiveMaxPool1d: [[signal, 2], { returnIndices: "boolean" }],
  adaptiveMaxPool2d: [[image, 2], { returnIndices: "boolean" }],
  adaptiveMaxPool3d: [[volume, 2], { returnIndices: "boolean" }],
  affineGrid: [[ones(1, 2, 3), [1, 1, 2, 2]], { alignCorners: "boolean?" }],
  avgPool1d: [[signal, 2], average],
  avgPool2d: [[image, 2], average],
  avgPool3d: [[volume, 2], average],
  batchNorm: [[image, zeros(4), ones(4)], { ...affine, training: "boolean", momentum: "any" }],
  binaryCrossEntropy: [[row, row], weighted],
  binaryCrossEntropyWithLogits: [[row, row], logits],
  celu: [[row], { alpha: "number", ...inplace }],
  conv1d: [[signal, ...filters(1)], conv],
  conv2d: [[image, ...filters(2)], conv],
  conv3d: [[volume, ...filters(3)], conv],
  convTranspose1d: [[signal, ...filters(1)], transposed],
  convTranspose2d: [[image, ...filters(2)], transposed],
  convTranspose3d: [[volume, ...filters(3)], transposed],
  cosineEmbeddingLoss: [[row, row, signs], margin],
  cosineSimilarity: [[row, row], { ...dims, eps: "number" }],
  crossEntropy: [[row, labels], { ...classes, labelSmoothing: "number" }],
  ctcLoss: [speech, ctc],
  elu: [[row], { alpha: "number", ...inplace }],
  embedding: [[labels, ones(5, 3)], rows],
  embeddingBag: [[labels.unsqueeze(0), ones(5, 3)], { ...bag, offsets: "tensor?", perSampleWeights: "tensor?" }],
  fold: [[ones(1, 8, 9), 4, 2], blocks],
  fractionalMaxPool2d: [[image, 2], { outputRatio: "null", returnIndices: "any", randomSamples: "null" }, [], { outputSize: 2 }],
  fractionalMaxPool3d: [[volume, 2], { outputRatio: "null", returnIndices: "any", randomSamples: "null" }, [], { outputSize: 2 }],
  gaussianNllLoss: [[row, row, row], gaussian],
  gelu: [[row], { approximate: "word" }],
  glu: [[row], dims],
  gridSample: [[image, zeros(2, 3, 3, 2)], { mode: "word", paddingMode: "word", alignCorners: "boolean?" }],
  groupNorm: [[image, 2], affine],
  gumbelSoftmax: [[row], { tau: "number", hard: "boolean", dim: "number" }],
  hardshrink: [[row], { lambda: "number" }],
  hardtanh: [[row], { minVal: "number", maxVal: "number", ...inplace }],
  hingeEmbeddingLoss: [[row, row], margin],
  huberLoss: [[row, row], { ...reduction, delta: "number" }],
  instanceNorm: [[image], { ...affine, runningMean: "tensor?", runningVar: "tensor?", useInputStats: "boolean", momentum: "number" }],
  interpolate: [
    [image],
    { mode: "word", alignCorners: "boolean?", recomputeScaleFactor: "boolean?", size: "null" },
    [],
    { scaleFactor: 2 },
  ],
  klDiv: [[row, row], { ...reduction, logTarget: "boolean" }],
  layerNorm: [[row, [4]], affine],
  leakyRelu: [[row], { negativeSlope: "number", ...inplace }],
  localResponseNorm: [[image, 3], lrn],
  logSoftmax: [[row], anyDim],
  lpPool1d: [[signal, 2, 2], { stride: "any", ceilMode: "boolean" }],
  lpPool2d: [[image, 2, 2], { stride: "any", ceilMode: "boolean" }],
  lpPool3d: [[volume, 2, 2], { stride: "any", ceilMode: "boolean" }],
  marginRankingLoss: [[row, row, row], margin],
  maxPool1d: [[signal, 2], max],
  maxPool2d: [[image, 2], max],
  maxPool3d: [[volume, 2], max],
  maxUnpool1d: [[ones(1, 1, 2), tensor([[[0, 2]]]).int(), 2], { stride: "any", padding: "sizes" }],
  maxUnpool2d: [[ones(1, 1, 1, 1), zeros(1, 1, 1, 1).int(), 2], { stride: "any", padding: "sizes" }],
  maxUnpool3d: [[ones(1, 1, 1, 1, 1), zeros(1, 1, 1, 1, 1).int(), 2], { stride: "any", padding: "sizes" }],
  multiMarginLoss: [[row, labels], { ...margin, p: "number", weight: "tensor?" }],
  multilabelSoftMarginLoss: [[row, row], weighted],
  nllLoss: [[row, labels], classes],
  normalize: [[row], { ...dims, p: "number", eps: "number" }],
  oneHot: [[labels], { numClasses: "any" }],
  pad: [[row, [1, 1]], { mode: "word", value: "number?" }],
  pairwiseDistance: [[row, row], { p: "number", eps: "number", keepdim: "boolean" }],
  poissonNllLoss: [[row, row], poisson],
  rmsNorm: [[row, [4]], { weight: "tensor?", eps: "number?" }],
  rrelu: [[row], { lower: "number", upper: "number", training: "boolean", ...inplace }],
  scaledDotProductAttention: [
    [image, image, image],
    { attnMask: "tensor?", dropoutP: "number", isCausal: "boolean", scale: "number?", enableGqa: "boolean" },
  ],
  smoothL1Loss: [[row, row], { ...reduction, beta: "number" }],
  softmax: [[row], anyDim],
  softmin: [[row], anyDim],
  softplus: [[row], { beta: "number", threshold: "number" }],
  softshrink: [[row], { lambda: "number" }],
  threshold: [[row, 1, 2], inplace],
  tripletMarginLoss: [three, triplet],
  tripletMarginWithDistanceLoss: [three, { ...margin, swap: "boolean", distanceFunction: "function?" }],
  unfold: [[image, 2], blocks],
  upsample: [[image], { mode: "word", alignCorners: "boolean?", recomputeScaleFactor: "boolean?", size: "null" }, [], { scaleFactor: 2 }],
};
for (const name of ["alphaDropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "featureAlphaDropout"]) {
  const input = name.endsWith("1d") ? signal : name.endsWith("3d") ? volume : image;
  (functions as Record<string, Row>)[name] = [[input], { p: "number", training: "boolean", ...inplace }];
}
for (const name of ["hardsigmoid", "hardswish", "mish", "relu", "relu6", "selu", "silu"])
  (functions as Record<string, Row>)[name] = [[row], inplace];
for (const name of ["l1Loss", "mseLoss", "multilabelMarginLoss", "softMarginLoss"]) {
  (functions as Record<string, Row>)[name] = [[row, name.startsWith("multi") ? row.int() : row], reduction];
}
const otherFunctions = new Set(
  `adaptiveAvgPool1d adaptiveAvgPool2d adaptiveAvgPool3d bilinear channelShuffle linear logSigmoid logsigmoid pdist pixelShuffle
  pixelUnshuffle prelu sigmoid softsign tanh tanhshrink`.split(/\s+/),
);

const parameter = (): unknown[] => [new nn.Parameter(ones(2))];
const descent: Options = { lr: "number", weightDecay: "number", maximize: "boolean" };
const adam: Options = { ...descent, betas: "any", eps: "number" };
const optimizers: Table = {
  ASGD: [[parameter()], { ...descent, lambd: "number", alpha: "number", t0: "number" }],
  Adadelta: [[parameter()], { ...descent, rho: "number", eps: "number" }],
  Adagrad: [[parameter()], { ...descent, lrDecay: "number", initialAccumulatorValue: "number", eps: "number" }],
  Adam: [[parameter()], { ...adam, amsgrad: "boolean" }],
  AdamW: [[parameter()], { ...adam, amsgrad: "boolean" }],
  Adamax: [[parameter()], adam],
  GradScaler: [[], { initScale: "number", growthFactor: "number", backoffFactor: "number", growthInterval: "number", enabled: "boolean" }],
  LBFGS: [
    [parameter()],
    {
      lr: "number",
      maxIter: "number",
      maxEval: "number?",
      toleranceGrad: "number",
      toleranceChange: "number",
      historySize: "number",
      lineSearchFn: "any",
    },
  ],
  NAdam: [[parameter()], { ...adam, momentumDecay: "number", decoupledWeightDecay: "boolean" }],
  RAdam: [[parameter()], { ...adam, decoupledWeightDecay: "boolean" }],
  RMSprop: [[parameter()], { ...descent, alpha: "number", eps: "number", momentum: "number", centered: "boolean" }],
  Rprop: [[parameter()], { lr: "number", etas: "any", stepSizes: "any", maximize: "boolean" }],
  SGD: [
    [parameter()],
    { lr: "number", momentum: "number", dampening: "number", weightDecay: "number", nesterov: "boolean" },
    [],
    { lr: 0.1 },
  ],
};
const otherOptimizers = new Set(["Optimizer", "clipGradNorm_", "clipGradValue_", "lrScheduler", "swaUtils"]);

const sgd = (): optim.SGD => new optim.SGD(parameter() as never, { lr: 0.1, momentum: 0.9 });
const last: Options = { lastEpoch: "any" };
const schedulers: Table = {
  ConstantLR: [[sgd()], { ...last, factor: "number", totalIters: "number" }],
  CosineAnnealingLR: [[sgd(), 10], { ...last, etaMin: "number" }],
  CosineAnnealingWarmRestarts: [[sgd(), 10], { ...last, etaMin: "number", tMult: "number" }],
  CyclicLR: [
    [sgd(), 0.1, 1],
    {
      ...last,
      stepSizeUp: "number",
      stepSizeDown: "number?",
      mode: "word",
      gamma: "number",
      scaleFn: "function?",
      scaleMode: "word",
      cycleMomentum: "boolean",
    },
  ],
  ExponentialLR: [[sgd(), 0.5], last],
  LambdaLR: [[sgd(), () => 1], last],
  LinearLR: [[sgd()], { ...last, startFactor: "number", endFactor: "number", totalIters: "number" }],
  MultiStepLR: [[sgd(), [1, 2]], { ...last, gamma: "number" }],
  MultiplicativeLR: [[sgd(), () => 1], last],
  OneCycleLR: [
    [sgd(), 1],
    {
      ...last,
      pctStart: "number",
      annealStrategy: "word",
      cycleMomentum: "boolean",
      threePhase: "boolean",
      divFactor: "number",
      finalDivFactor: "number",
      baseMomentum: "any",
    },
    [],
    { totalSteps: 10 },
  ],
  PolynomialLR: [[sgd()], { ...last, totalIters: "number", power: "number" }],
  ReduceLROnPlateau: [
    [sgd()],
    {
      mode: "word",
      factor: "number",
      patience: "number",
      threshold: "number",
      thresholdMode: "word",
      cooldown: "number",
      eps: "number",
      minLr: "any",
    },
  ],
  SWALR: [[sgd(), 0.1], { ...last, annealEpochs: "number", annealStrategy: "word" }],
  StepLR: [[sgd(), 3], { ...last, gamma: "number" }],
};
const otherSchedulers = new Set(["ChainedScheduler", "LRScheduler", "SequentialLR"]);

const square = eye(3).add(1);
const factors = linalg.luFactor(square);
const ldl = linalg.ldlFactor(square);
const reflectors = linalg.geqrf(square);
const upper: Options = { upper: "boolean" };
const left: Options = { left: "boolean" };
const check: Options = { checkErrors: "boolean" };
const kept: Options = { keepdim: "boolean", dtype: "null" };
const tolerance: Options = { atol: "null", rtol: "null", hermitian: "boolean" };
const decompositions: Table = {
  cholesky: [[square], upper],
  choleskyEx: [[square], { ...upper, ...check }],
  choleskyInverse: [[square], upper],
  choleskySolve: [[square, square], upper],
  cond: [[square], { p: "null" }],
  cross: [[square, square], dims],
  eigh: [[square], { uplo: "word" }],
  eigvalsh: [[square], { uplo: "word" }],
  invEx: [[square], check],
  ldlFactor: [[square], { hermitian: "boolean" }],
  ldlFactorEx: [[square], { hermitian: "boolean", ...check }],
  ldlSolve: [[ldl.ld, ldl.pivots, square], { hermitian: "boolean" }],
  lstsq: [[square, square], { rcond: "number?", driver: "null" }],
  lu: [[square], { pivot: "boolean" }],
  luFactor: [[square], { pivot: "boolean" }],
  luFactorEx: [[square], { pivot: "boolean", ...check }],
  luSolve: [[factors.lu, factors.pivots, square], { ...left, adjoint: "boolean" }],
  luUnpack: [[factors.lu, factors.pivots], { unpackData: "boolean", unpackPivots: "boolean" }],
  matrixNorm: [[square], { ...kept, ord: "null", dim: "word" }],
  matrixRank: [[square], tolerance],
  norm: [[square], { ...kept, ord: "null", dim: "null" }],
  ormqr: [[reflectors.a, reflectors.tau, square], { ...left, transpose: "boolean" }],
  pinv: [[square], tolerance],
  qr: [[square], { mode: "word" }],
  solve: [[square, square], left],
  solveEx: [[square, square], { ...left, ...check }],
  solveTriangular: [[square, square], { ...left, upper: "boolean", unitriangular: "boolean" }, [], { upper: true }],
  svd: [[square], { fullMatrices: "boolean" }],
  tensorinv: [[eye(4).reshape(2, 2, 2, 2)], { ind: "number" }],
  tensorsolve: [[square, ones(3)], { dims: "null" }],
  vander: [[ones(3)], { N: "number?" }],
  vecdot: [[square, square], dims],
  vectorNorm: [[square], { ...kept, ord: "number", dim: "null" }],
};
const otherDecompositions = new Set(
  `LinAlgError det eig eigvals geqrf householderProduct inv logdet matrixExp matrixPower multiDot slogdet svdvals`.split(" "),
);

const pairs = ones(4, 4, 2);
const one: Options = { n: "number?", dim: "number", norm: "null" };
const many: Options = { s: "null", dim: "null", norm: "null" };
const frames: Options = { hopLength: "number?", winLength: "number?", window: "tensor?", normalized: "boolean", center: "boolean" };
const periodic: Options = { periodic: "boolean" };
const transforms: Table = {
  bartlettWindow: [[4], periodic],
  blackmanWindow: [[4], periodic],
  fftfreq: [[4], { d: "number" }],
  fftshift: [[pairs], { dim: "null" }],
  hammingWindow: [[4], { ...periodic, alpha: "number", beta: "number" }],
  hannWindow: [[4], periodic],
  ifftshift: [[pairs], { dim: "null" }],
  istft: [[ones(5, 9, 2), 8], { ...frames, onesided: "boolean?", length: "number?", returnComplex: "boolean" }],
  kaiserWindow: [[4], { ...periodic, beta: "number" }],
  rfftfreq: [[4], { d: "number" }],
  stft: [[ones(16), 8], { ...frames, onesided: "boolean?", padMode: "word" }],
};
for (const name of ["fft", "hfft", "ifft", "ihfft", "irfft", "rfft"]) {
  const table = transforms as Record<string, Row>;
  const input = name === "rfft" || name === "ihfft" ? square : pairs;
  table[name] = [[input], one];
  table[`${name}2`] = [[input], many];
  table[`${name}n`] = [[input], many];
}

const mask: Options = { mask: "tensor?", dtype: "null" };
const reduced: Options = { ...mask, dim: "null", keepdim: "boolean" };
const counted: Table = {
  logaddexp: [[square, square], { dtype: "null", inputMask: "tensor?", otherMask: "tensor?" }],
  norm: [[square], { ...reduced, ord: "number" }],
  normalize: [[square, 2, 1], { ...mask, eps: "number" }],
  std: [[square], { ...reduced, unbiased: "boolean" }],
  var: [[square], { ...reduced, unbiased: "boolean" }],
};
for (const name of ["amax", "amin", "logsumexp", "mean", "prod", "sum"]) (counted as Record<string, Row>)[name] = [[square], reduced];
for (const name of ["argmax", "argmin", "median"]) (counted as Record<string, Row>)[name] = [[square], { ...reduced, dim: "number?" }];
for (const name of ["cumprod", "cumsum", "logSoftmax", "softmax", "softmin"]) {
  (counted as Record<string, Row>)[name] = [[square, 1], mask];
}

const bads: readonly unknown[] = [null, [], "no such thing", Number.NaN, {}];

/** True if the value has to be refused. */
function isWrong(kind: Kind, value: unknown): boolean {
  if (kind === "sizes" || kind === "any" || kind === "null") return false;
  if (value === null) return !kind.endsWith("?");
  return !(kind.startsWith("number") && typeof value === "number");
}

/** Whether it runs, or an error of the library's own refuses it; any other error is a complaint. */
function outcome(run: () => unknown): "ran" | "refused" | string {
  try {
    run();
    return "ran";
  } catch (error) {
    return error instanceof SconceError ? "refused" : `threw ${error}`;
  }
}

type Make = (...args: never[]) => unknown;

function complaints(name: string, [args, options, , needed = {}]: Row, run: (args: readonly unknown[]) => unknown): string[] {
  const found: string[] = [];
  const say = (what: string, got: string, wrong: boolean): void => {
    if (got !== "refused" && (wrong || got !== "ran")) found.push(`${name}, ${what}: ${got}`);
  };
  if (outcome(() => run([...args, needed])) !== "ran")
    found.push(`${name}: ${outcome(() => run([...args, needed]))} with its options left out`);
  for (const bad of [null, [], "no such thing", row, () => 1]) {
    const stands = ("stride" in options || "dim" in options) && (bad === null || Array.isArray(bad));
    const got = outcome(() => run([...args, bad]));
    say(`options ${String(bad)}`, got, !stands);
  }
  for (const [option, kind] of Object.entries(options)) {
    for (const bad of bads) {
      const got = outcome(() => run([...args, { ...needed, [option]: bad }]));
      say(`${option}: ${JSON.stringify(bad)}`, got, isWrong(kind, bad));
      if (bad === null && (kind.endsWith("?") || kind === "null") && got !== "ran") found.push(`${name}, ${option}: null is ${got}`);
    }
  }
  return found;
}

const plain =
  (made: Make) =>
  (args: readonly unknown[]): unknown =>
    made(...(args as never[]));

describe("options of the wrong kind", () => {
  const tables: [string, object, Table, Set<string>, (made: Make, row: Row) => (args: readonly unknown[]) => unknown][] = [
    [
      "nn",
      nn,
      layers,
      others,
      (made, [, , inputs = []]) =>
        (args) => {
          const layer = new (made as unknown as new (...args: unknown[]) => Make)(...args);
          return layer(...(inputs as never[]));
        },
    ],
    ["nn.functional", nn.functional, functions, otherFunctions, plain],
    ["linalg", linalg, decompositions, otherDecompositions, plain],
    ["fft", fft, transforms, new Set(), plain],
    ["masked", masked, counted, new Set(), plain],
    [
      "optim",
      optim,
      optimizers,
      otherOptimizers,
      (made) => (args) => new (made as unknown as new (...args: unknown[]) => unknown)(...args),
    ],
    [
      "lrScheduler",
      optim.lrScheduler,
      schedulers,
      otherSchedulers,
      (made) => (args) => new (made as unknown as new (...args: unknown[]) => unknown)(...args),
    ],
  ];

  it.each(tables)("are refused by everything in %s, in a sentence of the library's", (_, exports, table, rest, runner) => {
    const found = Object.entries(exports).flatMap(([name, made]) => {
      if (rest.has(name)) return [];
      const entry = table[name];
      return entry === undefined ? [`${name} is not in the table`] : complaints(name, entry, runner(made as Make, entry));
    });
    expect(found).toEqual([]);
  });
});
