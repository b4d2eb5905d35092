import { manualSeed, nn, optim, randn, type Tensor } from "sconce";
import type { Task } from "./05-nn.js";

/** Two linear layers; `forward` says how they are used. */
export class TwoLayerNet extends nn.Module {
  readonly linear1: nn.Linear;
  readonly linear2: nn.Linear;

  constructor(inputs: number, hidden: number, outputs: number) {
    super();
    this.linear1 = new nn.Linear(inputs, hidden);
    this.linear2 = new nn.Linear(hidden, outputs);
  }

  override forward(x: Tensor): Tensor {
    return this.linear2(this.linear1(x).clamp({ min: 0 })); // [N, inputs] -> [N, outputs]
  }
}

/** Trains the model in place. Returns the loss of each step. */
export async function train({ model, x, y }: Task, steps = 500, lr = 1e-4): Promise<number[]> {
  const criterion = new nn.MSELoss({ reduction: "sum" });
  const optimizer = new optim.SGD(model.parameters(), { lr });
  const losses: number[] = [];
  for (let t = 0; t < steps; t++) {
    const loss = criterion(model(x), y);
    losses.push(await loss.item());
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  }
  return losses;
}

/** Prints the model and every hundredth loss. */
export async function run(print: typeof console.log = console.log): Promise<number[]> {
  manualSeed(0);
  const x = randn([64, 1000]);
  const y = randn([64, 10]);
  const model = new TwoLayerNet(1000, 100, 10);
  print(model);
  const losses = await train({ model, x, y });
  for (let t = 99; t < losses.length; t += 100) print(t, losses[t]);
  return losses;
}

if (process.argv[1] === import.meta.filename) await run();
