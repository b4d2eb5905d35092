import { manualSeed, nn, optim, randn, type Tensor } from "sconce";
import { functional as F } from "sconce/nn";

/** LeNet-5 for images of 32 x 32. */
export class Net extends nn.Module {
  readonly conv1 = new nn.Conv2d(1, 6, 5);
  readonly conv2 = new nn.Conv2d(6, 16, 5);
  readonly fc1 = new nn.Linear(16 * 5 * 5, 120);
  readonly fc2 = new nn.Linear(120, 84);
  readonly fc3 = new nn.Linear(84, 10);

  override forward(x: Tensor): Tensor {
    x = F.maxPool2d(F.relu(this.conv1(x)), [2, 2]); // [N, 1, 32, 32] -> [N, 6, 14, 14]
    x = F.maxPool2d(F.relu(this.conv2(x)), 2); // -> [N, 16, 5, 5]
    x = x.view(-1, this.numFlatFeatures(x)); // -> [N, 400]
    x = F.relu(this.fc1(x));
    x = F.relu(this.fc2(x));
    return this.fc3(x); // -> [N, 10]
  }

  /** Numbers per image. */
  numFlatFeatures(x: Tensor): number {
    return x.shape.slice(1).reduce((a, b) => a * b, 1);
  }
}

/** Follows the graph of a loss from its end. */
export function graph(loss: Tensor, print: typeof console.log): void {
  const mse = loss.gradFn!;
  const [addmm] = mse.nextFunctions[0];
  const [bias] = addmm!.nextFunctions[0];
  print(mse.name, addmm!.name, bias!.name);
}

/** Twenty steps towards one target. Returns the loss of each step. */
export async function train(net: Net, input: Tensor, target: Tensor, steps = 20): Promise<number[]> {
  const criterion = new nn.MSELoss();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
  const losses: number[] = [];
  for (let t = 0; t < steps; t++) {
    optimizer.zeroGrad();
    const output = net(input);
    const loss = criterion(output, target);
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}

/** Prints what the guide shows. */
export async function run(print: typeof console.log = console.log): Promise<number[]> {
  manualSeed(0);
  const net = new Net();
  print(net);
  print(net.parameters().length);
  const input = randn([1, 1, 32, 32]);
  const output = net(input);
  print(output);

  const target = randn([10]).view(1, -1);
  const loss = new nn.MSELoss()(output, target);
  print(loss);
  graph(loss, print);

  net.zeroGrad();
  print("conv1.bias.grad before backward:", net.conv1.bias!.grad);
  loss.backward();
  print("conv1.bias.grad after backward:", net.conv1.bias!.grad);

  const losses = await train(net, input, target);
  print(losses[0].toFixed(4), losses[19].toFixed(4));
  return losses;
}

if (process.argv[1] === import.meta.filename) await run();
