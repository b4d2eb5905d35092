import "@sconce/backend-cpu";
import * as nn from "@sconce/nn";
import { describe, expect, it } from "vitest";
import { readCases } from "../../src/golden.js";

interface Printed {
  readonly id: string;
  readonly class: string;
  readonly str: string;
}

/** The module of each golden text. */
const MODULES: { readonly [id: string]: () => nn.Module } = {
  "module#0": () => new nn.Linear(3, 4),
  "module#1": () => new nn.Linear(3, 4, { bias: false }),
  "module#2": () => new nn.Conv2d(4, 8, 3, { padding: "same", dilation: 2, groups: 4 }),
  "module#3": () => new nn.ConvTranspose2d(4, 2, 3, { stride: 2, outputPadding: 1 }),
  "module#4": () => new nn.GELU(),
  "module#5": () => new nn.Softmax(1),
  "module#6": () => new nn.Dropout(0.3),
  "module#7": () => new nn.BatchNorm2d(8),
  "module#8": () => new nn.Embedding(10, 3, { paddingIdx: 0 }),
  "module#9": () => new nn.RNN(3, 4),
  "module#10": () => new nn.MaxPool2d(2),
  "module#11": () => new nn.AvgPool2d(3, { stride: 1 }),
  "module#12": () => new nn.AdaptiveAvgPool2d([1, 1]),
  "module#13": () => new nn.Flatten(),
  "module#14": () => new nn.MSELoss(),
  "module#15": () => new nn.Upsample({ scaleFactor: 2 }),
  "module#16": () => new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16 }),
  "module#17": () => new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 1)),
  "module#18": () =>
    new nn.Sequential(new nn.Sequential(new nn.Conv1d(1, 2, 3), new nn.BatchNorm1d(2)), new nn.Flatten(), new nn.Linear(4, 2)),
  "module#19": () => new nn.ModuleList([new nn.Linear(1, 2), new nn.Linear(2, 3)]),
  "module#20": () => new nn.ModuleDict<nn.Module>({ a: new nn.Linear(1, 2), b: new nn.ReLU() }),
  "module#21": () => new nn.Bilinear(2, 3, 4),
  "module#22": () => new nn.ELU(),
  "module#23": () => new nn.Hardtanh({ minVal: -2, maxVal: 2 }),
  "module#24": () => new nn.ZeroPad2d(1),
  "module#25": () => new nn.Softplus(),
};

describe("the text of a module", async () => {
  const cases = await readCases<Printed>("repr", "module_repr");
  it.each(cases)("$id is PyTorch's: $str", ({ id, str }) => {
    expect(String(MODULES[id]())).toBe(str);
  });

  it.each<[() => nn.Module, string]>([
    [() => new nn.ReLU({ inplace: true }), "ReLU(inplace=True)"],
    [() => new nn.LeakyReLU(), "LeakyReLU(negative_slope=0.01)"],
    [() => new nn.PReLU({ numParameters: 3 }), "PReLU(num_parameters=3)"],
    [() => new nn.Hardtanh(), "Hardtanh(min_val=-1.0, max_val=1.0)"],
    [() => new nn.ReLU6(), "ReLU6()"],
    [() => new nn.Hardshrink(), "Hardshrink(0.5)"],
    [() => new nn.Threshold(0.1, 20, { inplace: true }), "Threshold(threshold=0.1, value=20, inplace=True)"],
    [() => new nn.LogSoftmax(), "LogSoftmax(dim=None)"],
    [
      () => new nn.LSTM(3, 4, { projSize: 2, numLayers: 2, bias: false, batchFirst: true, dropout: 0.5, bidirectional: true }),
      "LSTM(3, 4, proj_size=2, num_layers=2, bias=False, batch_first=True, dropout=0.5, bidirectional=True)",
    ],
    [() => new nn.RNN(3, 4, { nonlinearity: "relu" }), "RNN(3, 4)"],
    [() => new nn.RNNCell(3, 4, { bias: false, nonlinearity: "relu" }), "RNNCell(3, 4, bias=False, nonlinearity=relu)"],
    [() => new nn.LayerNorm([4, 5]), "LayerNorm((4, 5), eps=1e-05, elementwise_affine=True)"],
    [() => new nn.GroupNorm(2, 4, { affine: false }), "GroupNorm(2, 4, eps=1e-05, affine=False)"],
    [
      () => new nn.InstanceNorm1d(3, { momentum: null }),
      "InstanceNorm1d(3, eps=1e-05, momentum=None, affine=False, track_running_stats=False)",
    ],
    [() => new nn.LocalResponseNorm(2), "LocalResponseNorm(2, alpha=0.0001, beta=0.75, k=1.0)"],
    [() => new nn.ConstantPad1d([1, 2], 3.5), "ConstantPad1d(padding=(1, 2), value=3.5)"],
    [() => new nn.AvgPool1d(2), "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))"],
    [() => new nn.MaxPool2d([3, 2], [2, 1]), "MaxPool2d(kernel_size=(3, 2), stride=(2, 1), padding=0, dilation=1, ceil_mode=False)"],
    [() => new nn.AdaptiveMaxPool2d([5, null]), "AdaptiveMaxPool2d(output_size=(5, None))"],
    [
      () => new nn.Conv1d(2, 4, 3, { padding: 1, paddingMode: "reflect", bias: false }),
      "Conv1d(2, 4, kernel_size=(3,), stride=(1,), padding=(1,), bias=False, padding_mode=reflect)",
    ],
    [() => new nn.Embedding(4, 2, { maxNorm: 1, normType: 1 }), "Embedding(4, 2, max_norm=1, norm_type=1)"],
    [() => new nn.Unflatten(1, [2, 3]), "Unflatten(dim=1, unflattened_size=(2, 3))"],
    [() => new nn.Sequential(), "Sequential()"],
  ])("%#: is PyTorch's", (make, text) => {
    expect(String(make())).toBe(text);
  });
});
