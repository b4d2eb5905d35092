import { manualSeed, nn, optim, randint, randn, type Tensor } from "sconce";

/** Says how often the middle layer is used in the next call. */
export type Depth = () => number;

/** The middle layer is used a different number of times in each call, always with the same weights. */
export class DynamicNet extends nn.Module {
  readonly input_linear: nn.Linear;
  readonly middle_linear: nn.Linear;
  readonly output_linear: nn.Linear;
  readonly depth: Depth;

  constructor(inputs: number, hidden: number, outputs: number, depth: Depth) {
    super();
    this.input_linear = new nn.Linear(inputs, hidden);
    this.middle_linear = new nn.Linear(hidden, hidden);
    this.output_linear = new nn.Linear(hidden, outputs);
    this.depth = depth;
  }

  override forward(x: Tensor): Tensor {
    let h = this.input_linear(x).clamp({ min: 0 });
    const depth = this.depth();
    for (let i = 0; i < depth; i++) h = this.middle_linear(h).clamp({ min: 0 });
    return this.output_linear(h); // [N, inputs] -> [N, outputs]
  }
}

/** Trains the model in place. Returns the loss of each step. */
export async function train(model: DynamicNet, x: Tensor, y: Tensor, steps = 500): Promise<number[]> {
  const criterion = new nn.MSELoss({ reduction: "sum" });
  const optimizer = new optim.SGD(model.parameters(), { lr: 1e-4, momentum: 0.9 });
  const losses: number[] = [];
  for (let t = 0; t < steps; t++) {
    const loss = criterion(model(x), y);
    losses.push(await loss.item());
    optimizer.zeroGrad({ setToNone: false }); // with zeros a layer that was not used keeps its momentum
    loss.backward();
    optimizer.step();
  }
  return losses;
}

/** Prints every hundredth loss. */
export async function run(print: typeof console.log = console.log): Promise<number[]> {
  manualSeed(0);
  const x = randn([64, 1000]);
  const y = randn([64, 10]);
  const model = new DynamicNet(1000, 100, 10, () => randint(0, 4, [1]).itemSync());
  print(model.parameters().length);
  const losses = await train(model, x, y);
  for (let t = 99; t < losses.length; t += 100) print(t, losses[t]);
  return losses;
}

if (process.argv[1] === import.meta.filename) await run();
