import "@sconce/backend-cpu";
import { inferenceMode, noGrad } from "@sconce/autograd";
import { configureCpu } from "@sconce/backend-cpu";
import { cpuBackend, dense } from "@sconce/backend-cpu/parts";
import * as core from "@sconce/core";
import { type Tensor, tensor, zeros } from "@sconce/core";
import * as data from "@sconce/data";
import { deserialize } from "@sconce/io";
import * as nn from "@sconce/nn";
import * as optim from "@sconce/optim";
import { describe, expect, it } from "vitest";

const F = nn.functional;
/** What a program without types may pass. */
// biome-ignore lint/suspicious/noExplicitAny: anything at all
type Any = any;
const none = null as Any;
const params = (): Tensor[] => [tensor([1], { requiresGrad: true })];
const { lrScheduler } = optim;
const sgd = (): optim.SGD => new optim.SGD(params(), { lr: 1 });
const sequential = (o: optim.SGD): unknown => new lrScheduler.SequentialLR(o, [new lrScheduler.StepLR(o, 1)], none);
const images = zeros(1, 4, 4, 4);
const word = zeros(1, 1, 4);
const encoderLayer = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 4 });
const set = new data.TensorDataset(zeros(4, 2));
const loader = (options: Any): unknown => new data.DataLoader(set, options);

const CASES: readonly (readonly [string, () => unknown, RegExp])[] = [
  ["registerBackend(undefined)", () => core.registerBackend(undefined as Any), /registerBackend: expected a backend, such as/],
  ["registerBackend of a name", () => core.registerBackend("cpu" as Any), /registerBackend: expected a backend, such as/],
  ["cpuBackend([null])", () => cpuBackend([none]), /cpuBackend: expected a list of parts, such as \[dense\]/],
  ["cpuBackend of a name", () => cpuBackend("dense" as Any), /cpuBackend: expected a list of parts/],
  ["cpuBackend of names", () => cpuBackend(["dense"] as Any), /cpuBackend: expected a list of parts/],
  ["cpuBackend of an empty part", () => cpuBackend([{}]), /cpuBackend: expected a list of parts/],
  ["cpuBackend(undefined)", () => cpuBackend(undefined as Any), /cpuBackend: expected a list of parts/],
  ["configureCpu(null)", () => configureCpu(none), /configureCpu: expected settings such as \{ wide: true \}, got null/],
  ["configureCpu of a word", () => configureCpu({ wide: "yes" } as Any), /configureCpu: expected settings .* got \{"wide":"yes"\}/],
  ["configureCpu of threads", () => configureCpu({ threads: -1 } as Any), /setNumThreads\(\) sets the threads/],
  ["setDefaultDType(null)", () => core.setDefaultDType(none), /setDefaultDType: expected a dtype/],
  ["to(null)", () => zeros(2).to(none), /to: expected a dtype, a device, a tensor or options, got null/],
  ["to()", () => zeros(2).to(undefined as Any), /to: expected a dtype, .* got undefined/],
  ["mm(null)", () => zeros(2, 2).mm(none), /mm: expected a tensor, got null/],
  ["matmul(2)", () => zeros(2, 2).matmul(2 as Any), /matmul: expected a tensor, got number/],
  ["einsum(null)", () => core.einsum(none, zeros(2)), /einsum\(\): expected an equation such as "ij,jk->ik", got null/],
  ["clamp()", () => zeros(2).clamp(undefined as Any), /At least one of 'min' or 'max' must not be None/],
  ["interpolate without a size", () => F.interpolate(images, undefined as Any), /either size or scale_factor should be defined/],
  ["conv2d with options as bias", () => F.conv2d(images, zeros(4, 2, 3, 3), { groups: 2 } as Any), /conv2d: expected a tensor, got Object/],
  ["conv2d without weight", () => F.conv2d(images, none), /conv2d: expected a tensor, got null/],
  ["conv2d with groups that do not fit", () => F.conv2d(images, zeros(3, 2, 3, 3), null, { groups: 2 }), /Given groups=2/],
  ["embedding(null)", () => F.embedding(none, zeros(2, 2)), /embedding: expected a tensor, got null/],
  [
    "Embedding with a padding of NaN",
    () => new nn.Embedding(3, 2, { paddingIdx: Number.NaN }),
    /Padding_idx must be within num_embeddings/,
  ],
  ["mseLoss(x, null)", () => F.mseLoss(zeros(2), none), /mseLoss: expected a tensor, got null/],
  ["crossEntropy(x, null)", () => F.crossEntropy(zeros(2, 3), none), /crossEntropy: expected a tensor, got null/],
  [
    "interpolate with corners by the nearest",
    () => F.interpolate(images, { size: 2, alignCorners: true }),
    /align_corners option can only be/,
  ],
  [
    "interpolate with a size in words",
    () => F.interpolate(images, { size: "2" } as Any),
    /sizes should be greater than 0, but got \[2, 2\]/,
  ],
  ["pad by a word", () => F.pad(images, "1" as Any), /pad: expected a list of sizes, got string/],
  ["ZeroPad2d by a word", () => new nn.ZeroPad2d("1" as Any)(images), /pad: expected a list of sizes, got string/],
  ["Sequential of a list", () => new nn.Sequential([new nn.ReLU()] as Any), /Array is not a Module subclass/],
  [
    "attention without keys",
    () => (new nn.MultiheadAttention(4, 2) as Any)(zeros(1, 1, 4)),
    /MultiheadAttention: expected a tensor, got undefined/,
  ],
  [
    "attention with a mask for its options",
    () => (new nn.MultiheadAttention(4, 2) as Any)(word, word, word, zeros(1, 1)),
    /MultiheadAttention: expected an object of options, got Tensor/,
  ],
  [
    "a transformer layer with a mask for its options",
    () => (encoderLayer as Any)(word, zeros(1, 1)),
    /TransformerEncoderLayer: expected an object of options, got Tensor/,
  ],
  [
    "an encoder with a mask for its options",
    () => (new nn.TransformerEncoder(encoderLayer, 1) as Any)(word, zeros(1, 1)),
    /TransformerEncoder: expected an object of options, got Tensor/,
  ],
  [
    "a transformer with a mask for its options",
    () => (new nn.Transformer({ dModel: 4, nhead: 2, dimFeedforward: 4 }) as Any)(word, word, zeros(1, 1)),
    /Transformer: expected an object of options, got Tensor/,
  ],
  [
    "normal_ with options for its mean",
    () => nn.init.normal_(zeros(2), { std: 0.02 } as Any),
    /normal_: expected mean to be of kind number, got Object/,
  ],
  [
    "xavierUniform_ with a gain by itself",
    () => nn.init.xavierUniform_(zeros(2, 2), 2 as Any),
    /init: expected an object of options, got number/,
  ],
  ["kaimingNormal_ of a word", () => nn.init.kaimingNormal_(zeros(2, 2), "relu" as Any), /init: expected an object of options, got string/],
  [
    "truncNormal_ with a mean by itself",
    () => nn.init.truncNormal_(zeros(2, 2), 0.1 as Any),
    /truncNormal_: expected an object of options, got number/,
  ],
  [
    "orthogonal_ with a gain by itself",
    () => nn.init.orthogonal_(zeros(2, 2), 2 as Any),
    /orthogonal_: expected an object of options, got number/,
  ],
  ["Linear of null", () => new nn.Linear(2, 2)(none), /linear: expected a tensor, got null/],
  ["Parameter(null)", () => new nn.Parameter(none), /Parameter: expected a tensor, got null/],
  ["Parameter of an array", () => new nn.Parameter([1, 2] as Any), /Parameter: expected a tensor, got Array/],
  ["module.to(null)", () => new nn.Linear(2, 2).to(none), /to: expected a dtype, a device, a tensor or options, got null/],
  ["Dropout of a text", () => new nn.Dropout("0.5" as Any), /Dropout: expected p to be of kind number, got string/],
  ["a forward hook that is none", () => new nn.Linear(2, 2).registerForwardHook(none), /hook: expected a function, got null/],
  ["a tensor hook that is none", () => params()[0].registerHook(none), /registerHook: expected a function, got null/],
  ["Adam with one beta", () => new optim.Adam(params(), { betas: [0.9] as Any }), /Invalid beta parameter at index 1 value: undefined/],
  ["SGD with a text as rate", () => new optim.SGD(params(), { lr: "0.1" as Any }), /SGD: expected lr to be of kind number, got string/],
  ["clipGradNorm_(null)", () => optim.clipGradNorm_(none, 1), /clipGradNorm_: expected at least one parameter with a gradient/],
  [
    "MultiStepLR of no list",
    () => new lrScheduler.MultiStepLR(sgd(), none),
    /MultiStepLR: expected milestones to be of kind array, got null/,
  ],
  ["LambdaLR of no function", () => new lrScheduler.LambdaLR(sgd(), [none]), /lrScheduler: expected function at lrLambda, got null/],
  [
    "ExponentialLR of null",
    () => new lrScheduler.ExponentialLR(sgd(), none),
    /ExponentialLR: expected gamma to be of kind number, got null/,
  ],
  [
    "ChainedScheduler(null)",
    () => new lrScheduler.ChainedScheduler(none),
    /ChainedScheduler: expected schedulers to be of kind array, got null/,
  ],
  ["ChainedScheduler([null])", () => new lrScheduler.ChainedScheduler([none]), /schedulers at index 0 to be different/],
  ["SequentialLR without milestones", () => sequential(sgd()), /SequentialLR: expected milestones to be of kind array, got null/],
  ["scope(3)", () => core.scope(3 as Any), /scope: expected a function, got number; `using _ = scope\(\)` opens a region/],
  ["noGrad(null)", () => noGrad(none), /noGrad: expected a function, got null; `using _ = noGrad\(\)` opens a region/],
  ["inferenceMode of a tensor", () => inferenceMode(zeros(2) as Any), /inferenceMode: expected a function, got Tensor/],
  ["deserialize(null)", () => deserialize(none), /expected a Uint8Array, got null/],
  ["StepLR(null)", () => new optim.lrScheduler.StepLR(none, 3), /StepLR: null is not an Optimizer/],
  ["TensorDataset(null)", () => new data.TensorDataset(none), /TensorDataset: expected tensors/],
  ["DataLoader options of null", () => loader(null), /DataLoader: expected options such as \{ batchSize: 64 \}, got null/],
  ["a sampler that is none", () => loader({ sampler: 3 }), /expected an iterable of indices for the option sampler, got number/],
  ["a batch sampler that is none", () => loader({ batchSampler: 3 }), /expected an iterable of indices for the option batchSampler/],
  ["a collate that is none", () => loader({ collate: 3 }), /expected a function for the option collate, got number/],
  ["a generator that is none", () => loader({ generator: 3 }), /expected a Generator for the option generator, got number/],
  ["shuffle by a word", () => loader({ shuffle: "yes" }), /expected a boolean for the option shuffle, got string/],
];

describe("what is no input is refused in the words of the library", () => {
  it.each(CASES)("%s", (_, call, message) => {
    expect(call).toThrow(core.SconceError);
    expect(call).toThrow(message);
  });

  it("and parts that are some still make a backend", () => {
    expect(cpuBackend([dense]).name).toBe("cpu");
  });
});

describe("what is no object of options is refused by name", () => {
  const classes: { readonly [name: string]: unknown } = { ...nn, ...optim, ...lrScheduler };
  const encoder = (): nn.TransformerEncoderLayer => new nn.TransformerEncoderLayer(4, 2);
  /** Classes whose last argument is their options, with what stands before. */
  const layers: [keyof typeof nn, ...unknown[]][] = [
    ["Linear", 2, 3],
    ["Bilinear", 2, 2, 3],
    ["Conv1d", 1, 2, 3],
    ["Conv2d", 1, 2, 3],
    ["ConvTranspose3d", 1, 2, 3],
    ["LazyConv2d", 2, 3],
    ["LazyLinear", 3],
    ["LazyBatchNorm1d"],
    ["Embedding", 2, 3],
    ["EmbeddingBag", 2, 3],
    ["RNN", 2, 3],
    ["LSTM", 2, 3],
    ["GRU", 2, 3],
    ["RNNCell", 2, 3],
    ["LSTMCell", 2, 3],
    ["MultiheadAttention", 4, 2],
    ["TransformerEncoderLayer", 4, 2],
    ["TransformerDecoderLayer", 4, 2],
    ["TransformerEncoder", encoder(), 1],
    ["Transformer"],
    ["BatchNorm2d", 2],
    ["InstanceNorm1d", 2],
    ["LayerNorm", 2],
    ["RMSNorm", 2],
    ["GroupNorm", 1, 2],
    ["LocalResponseNorm", 2],
    ["AdaptiveLogSoftmaxWithLoss", 4, 5, [2]],
    ["FractionalMaxPool2d", 2],
    ["AdaptiveMaxPool2d", 2],
    ["Unfold", 2],
    ["Fold", 4, 2],
    ["Upsample"],
    ["UpsamplingNearest2d"],
    ["ReLU"],
    ["GELU"],
    ["PReLU"],
    ["Softplus"],
    ["Hardtanh"],
    ["MSELoss"],
    ["CrossEntropyLoss"],
    ["BCEWithLogitsLoss"],
    ["SmoothL1Loss"],
    ["KLDivLoss"],
    ["CTCLoss"],
    ["TripletMarginLoss"],
    ["CosineSimilarity"],
  ];
  it.each(layers)("nn.%s", (name, ...args) => {
    const Layer = classes[name] as new (...args: unknown[]) => unknown;
    const values = [null, false, 0.5, "sum", [1], zeros(2)];
    const words = ["null", "boolean", "number", "string", "Array", "Tensor"];
    values.forEach((value, i) => {
      const message = `${name}: expected an object of options, got ${words[i]}; write { name: value } or leave it out`;
      expect(() => new Layer(...args, value)).toThrow(new core.ValueError(message));
    });
    // The default Transformer is large.
    if (name !== "Transformer")
      expect(() => new Layer(...args, name.startsWith("Fractional") ? { outputSize: 1 } : undefined)).not.toThrow();
  });

  it.each(["SGD", "Adam", "AdamW", "Adamax", "Adadelta", "Adagrad", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop", "LBFGS"] as const)(
    "optim.%s, as in a rate without its name",
    (name) => {
      const Optimizer = classes[name] as new (params: Tensor[], options: unknown) => unknown;
      expect(() => new Optimizer(params(), 0.1)).toThrow(`${name}: expected an object of options, got number`);
      expect(() => new Optimizer(params(), null)).toThrow(`${name}: expected an object of options, got null`);
    },
  );

  it.each(["ConstantLR", "LinearLR", "PolynomialLR", "ReduceLROnPlateau"] as const)("lrScheduler.%s", (name) => {
    const Scheduler = classes[name] as new (optimizer: optim.SGD, options: unknown) => unknown;
    expect(() => new Scheduler(sgd(), null)).toThrow(`${name}: expected an object of options, got null`);
  });

  it("but the stride of a pool may be null, which is the kernel's size", () => {
    expect(new nn.MaxPool2d(2, none).stride).toBe(2);
    expect(new nn.AvgPool1d(3, none).stride).toBe(3);
    for (const wrong of [true, "2", tensor([1])] as never[]) {
      for (const make of [
        () => new nn.MaxPool2d(2, wrong),
        () => new nn.LPPool1d(2, 2, wrong),
        () => F.avgPool2d(tensor([[[1, 2]]]), 1, wrong),
      ]) {
        expect(make).toThrow("pool: expected an object of options, got");
      }
    }
  });
});

describe("normalisation of an empty batch", () => {
  const layers: readonly (readonly [string, () => nn.Module & { weight: Tensor | null; bias: Tensor | null }, number[]])[] = [
    ["BatchNorm1d", () => new nn.BatchNorm1d(2), [0, 2]],
    ["BatchNorm2d", () => new nn.BatchNorm2d(2), [0, 2, 3, 3]],
    ["BatchNorm2d without statistics", () => new nn.BatchNorm2d(2, { trackRunningStats: false }), [0, 2, 3, 3]],
    ["GroupNorm", () => new nn.GroupNorm(1, 2), [0, 2, 3]],
    ["LayerNorm", () => new nn.LayerNorm(2), [0, 2]],
  ];
  // PyTorch's gradients are zeros, in training and evaluation.
  it.each(layers.flatMap((layer) => [true, false].map((training) => [...layer, training] as const)))(
    "%s gives zeros as gradients of its parameters (%o, %o, training %s)",
    (_, make, shape, training) => {
      const layer = make();
      layer.train(training);
      for (const x of [zeros(shape), zeros(shape, { requiresGrad: true })]) {
        layer.zeroGrad();
        (layer(x) as Tensor).mean().backward();
        for (const p of layer.parameters()) expect(p.grad?.tolistSync()).toEqual([0, 0]);
      }
    },
  );
});
