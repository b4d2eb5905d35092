import { data, manualSeed, nn, optim, type Tensor } from "sconce";
import { functional as F } from "sconce/nn";

/** Losses of the first `steps` steps of a classifier of MNIST, from a seed alone. */
export async function train(steps: number): Promise<number[]> {
  const digits = await data.MNIST.load({ train: true });
  manualSeed(42);
  const net = new nn.Sequential(
    new nn.Flatten(),
    new nn.Linear(784, 256),
    new nn.ReLU(),
    new nn.Linear(256, 128),
    new nn.ReLU(),
    new nn.Linear(128, 10),
  );
  const optimizer = new optim.Adam(net.parameters(), { lr: 1e-3 });
  const loader = new data.DataLoader<[Tensor, number], [Tensor, Tensor]>(digits, { batchSize: 64, shuffle: true });
  const losses: number[] = [];
  for await (const [images, labels] of loader) {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(net(images), labels);
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
    if (losses.length === steps) break;
  }
  return losses;
}

/** Prints what the guide shows. */
export async function run(print: typeof console.log = console.log): Promise<number[]> {
  const losses = await train(100);
  for (const step of [1, 2, 10, 25, 50, 100]) print(`step ${step}: ${losses[step - 1].toFixed(5)}`);
  return losses;
}

if (process.argv[1] === import.meta.filename) await run();
