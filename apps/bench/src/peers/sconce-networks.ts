/** The networks as users of Sconce write them; those of MNIST are the ones that its program trains. */
import { type Classifier, models } from "@sconce-apps/mnist/model";
import { nn, noGrad, type Tensor, tensor } from "sconce";
import { functional as F } from "sconce/nn";
import { type Arrays, BLOCK, LSTM, type NetworkName, parametersOf } from "../work.js";

/** A network and its loss. */
export interface Network {
  readonly module: nn.Module;
  forward(x: Tensor): Tensor;
  loss(output: Tensor, y: Tensor): Tensor;
}

const LAYERS: { readonly [N in Exclude<NetworkName, "lstm">]: () => Classifier } = {
  "two-layer": () => new nn.Sequential(new nn.Linear(1000, 100), new nn.ReLU(), new nn.Linear(100, 10)),
  mlp: models.mlp.make,
  cnn: models.cnn.make,
  lenet: models.lenet.make,
  transformer: () =>
    new nn.TransformerEncoderLayer(BLOCK.model, BLOCK.heads, {
      dimFeedforward: BLOCK.feedforward,
      dropout: 0,
      batchFirst: true,
    }) as Classifier,
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
