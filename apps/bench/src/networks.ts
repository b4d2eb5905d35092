/** The networks that the training suite measures, with the start that every library is given. */
import { type Device, data, manualSeed, nn, optim, randint, randn, type Tensor, tensor } from "sconce";
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
  const net = makeNet(network);
  const set = await data.MNIST.load({ train: true, limit: batch });
  const [images, targets] = set.getItems(Array.from({ length: batch }, (_, i) => i));
  return { net, start: startOf(net, images, targets) };
}

/** The same with random images, where MNIST's files are not at hand. */
export function makeRandomStart(network: Network, batch: number): { net: Net; start: Start } {
  const net = makeNet(network);
  return { net, start: startOf(net, randn([batch, 1, 28, 28]), randint(0, 10, [batch])) };
}

function makeNet(network: Network): Net {
  manualSeed(42);
  return MAKE[network]();
}

function startOf(net: Net, images: Tensor, targets: Tensor): Start {
  const params = [...net.parameters()].map((p) => ({ data: p.dataSync() as Float32Array, shape: p.shape }));
  return { params, images: images.dataSync() as Float32Array, targets: targets.dataSync() as Int32Array, batch: images.shape[0] };
}

/** A training step of Adam in Sconce. Returns the loss of each step. */
export function sconceTrainer(net: Net, { images, targets, batch }: Start, device: Device = "cpu"): () => Promise<number> {
  net.to(device);
  const optimizer = new optim.Adam(net.parameters(), { lr: 1e-3 });
  const x = tensor(images).view([batch, 1, 28, 28]).to(device);
  const y = tensor(targets).to(device);
  return async () => {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(net(x), y);
    loss.backward();
    optimizer.step();
    return loss.item();
  };
}
