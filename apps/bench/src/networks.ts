/** The networks that the training suite measures, with the start that every library is given. */
import { data, manualSeed, nn, optim, type Tensor, tensor } from "sconce";
import { functional as F } from "sconce/nn";

export type Network = "mlp" | "cnn";

/** Initial weights in PyTorch's layout and one batch of MNIST. */
export interface Start {
  readonly params: readonly { readonly data: Float32Array; readonly shape: readonly number[] }[];
  readonly images: Float32Array;
  readonly targets: Int32Array;
  readonly batch: number;
}

type Net = nn.Module & ((x: Tensor) => Tensor);

const MAKE: { readonly [N in Network]: () => Net } = {
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
};

/** A network with PyTorch's initial weights for seed 42, and the first `batch` images of MNIST. */
export async function makeStart(network: Network, batch: number): Promise<{ net: Net; start: Start }> {
  manualSeed(42);
  const net = MAKE[network]();
  const set = await data.MNIST.load({ train: true, limit: batch });
  const [images, targets] = set.getItems(Array.from({ length: batch }, (_, i) => i));
  const params = [...net.parameters()].map((p) => ({ data: p.dataSync() as Float32Array, shape: p.shape }));
  return { net, start: { params, images: images.dataSync() as Float32Array, targets: targets.dataSync() as Int32Array, batch } };
}

/** A training step of Adam in Sconce. Returns the loss of each step. */
export function sconceTrainer(net: Net, { images, targets, batch }: Start): () => Promise<number> {
  const optimizer = new optim.Adam(net.parameters(), { lr: 1e-3 });
  const x = tensor(images).view([batch, 1, 28, 28]);
  const y = tensor(targets);
  return async () => {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(net(x), y);
    loss.backward();
    optimizer.step();
    return loss.item();
  };
}
