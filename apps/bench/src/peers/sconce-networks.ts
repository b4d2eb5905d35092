/** The networks as users of Sconce write them. */
import { nn, noGrad, type Tensor, tensor } from "sconce";
import { functional as F } from "sconce/nn";
import { type Arrays, BLOCK, LSTM, type NetworkName, parametersOf } from "../work.js";

/** A network and its loss. */
export interface Network {
  readonly module: nn.Module;
  forward(x: Tensor): Tensor;
  loss(output: Tensor, y: Tensor): Tensor;
}

type Net = nn.Module & ((x: Tensor) => Tensor);

const LAYERS: { readonly [N in Exclude<NetworkName, "lstm">]: () => Net } = {
  "two-layer": () => new nn.Sequential(new nn.Linear(1000, 100), new nn.ReLU(), new nn.Linear(100, 10)),
  mlp: () =>
    new nn.Sequential(
      new nn.Flatten(),
      new nn.Linear(784, 256),
      new nn.ReLU(),
      new nn.Linear(256, 128),
      new nn.ReLU(),
      new nn.Linear(128, 10),
    ),
  cnn: () =>
    new nn.Sequential(
      new nn.Conv2d(1, 32, 3),
      new nn.ReLU(),
      new nn.Conv2d(32, 64, 3),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Flatten(),
      new nn.Linear(9216, 128),
      new nn.ReLU(),
      new nn.Linear(128, 10),
    ),
  lenet: () =>
    new nn.Sequential(
      new nn.Conv2d(1, 6, 5),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Conv2d(6, 16, 5),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Flatten(),
      new nn.Linear(400, 120),
      new nn.ReLU(),
      new nn.Linear(120, 84),
      new nn.ReLU(),
      new nn.Linear(84, 10),
    ),
  transformer: () =>
    new nn.TransformerEncoderLayer(BLOCK.model, BLOCK.heads, { dimFeedforward: BLOCK.feedforward, dropout: 0, batchFirst: true }) as Net,
};

function layersOf(name: NetworkName): Pick<Network, "module" | "forward"> {
  if (name === "lstm") {
    const lstm = new nn.LSTM(LSTM.input, LSTM.hidden);
    return { module: lstm, forward: (x) => lstm(x)[0] };
  }
  const net = LAYERS[name]();
  return { module: net, forward: (x) => net(x) };
}

function lossOf(name: NetworkName): Network["loss"] {
  if (name === "two-layer") return (output, y) => F.mseLoss(output, y, { reduction: "sum" });
  if (name === "transformer" || name === "lstm") return (output, y) => F.mseLoss(output, y);
  return (output, y) => F.crossEntropy(output, y);
}

/** A network that starts from the parameters of a case. */
export function makeNetwork(name: NetworkName, arrays: Arrays): Network {
  const layers = layersOf(name);
  const values = parametersOf(arrays);
  noGrad(() => {
    for (const [i, parameter] of [...layers.module.parameters()].entries()) parameter.copy_(tensor(values[i].data).view(parameter.shape));
  });
  return { ...layers, loss: lossOf(name) };
}
