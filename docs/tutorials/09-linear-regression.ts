import { manualSeed, nn, noGrad, optim, rand, randn, randperm, type Tensor } from "sconce";

/** Points near the line y = 1 + 2 x. */
export interface Points {
  readonly x: Tensor; // [80, 1]
  readonly y: Tensor; // [80, 1]
}

/** What a fit found: intercept, slope, and the loss of each epoch. */
export interface Fit {
  readonly a: number;
  readonly b: number;
  readonly losses: number[];
}

/** 100 points with noise, 80 of them in random order to learn from. */
export function makePoints(): Points {
  manualSeed(42);
  const x = rand([100, 1]);
  const y = x
    .mul(2)
    .add(1)
    .add(randn([100, 1]).mul(0.1));
  const order = randperm(100);
  const train = order.at(":80");
  return { x: x.at(train), y: y.at(train) };
}

/** 1: tensors alone, with gradients worked out on paper. Starts at line `a`, `b` and moves them in place. */
export async function byHand({ x, y }: Points, a: Tensor, b: Tensor, lr = 1e-2, epochs = 1000): Promise<Fit> {
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const error = y.sub(b.mul(x).add(a)); // [1] stretches to [80, 1]
    losses.push(await error.pow(2).mean().item());
    const gradA = error.mean().mul(-2);
    const gradB = x.mul(error).mean().mul(-2);
    a.sub_(gradA.mul(lr));
    b.sub_(gradB.mul(lr));
  }
  return { a: await a.item(), b: await b.item(), losses };
}

/** 2: autograd finds the gradients. */
export async function withAutograd({ x, y }: Points, lr = 1e-1, epochs = 1000): Promise<Fit> {
  manualSeed(42);
  const a = randn([1], { requiresGrad: true });
  const b = randn([1], { requiresGrad: true });
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const error = y.sub(b.mul(x).add(a));
    const loss = error.pow(2).mean();
    losses.push(await loss.item());
    loss.backward();
    noGrad(() => {
      a.sub_(a.grad!.mul(lr));
      b.sub_(b.grad!.mul(lr));
    });
    a.grad!.zero_();
    b.grad!.zero_();
  }
  return { a: await a.item(), b: await b.item(), losses };
}

/** 3: an optimizer moves the numbers. */
export async function withOptimizer({ x, y }: Points, lr = 1e-1, epochs = 1000): Promise<Fit> {
  manualSeed(42);
  const a = randn([1], { requiresGrad: true });
  const b = randn([1], { requiresGrad: true });
  const optimizer = new optim.SGD([a, b], { lr });
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const loss = y.sub(b.mul(x).add(a)).pow(2).mean();
    losses.push(await loss.item());
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
  }
  return { a: await a.item(), b: await b.item(), losses };
}

/** 4: a loss from nn. */
export async function withLoss({ x, y }: Points, lr = 1e-1, epochs = 1000): Promise<Fit> {
  manualSeed(42);
  const a = randn([1], { requiresGrad: true });
  const b = randn([1], { requiresGrad: true });
  const lossFn = new nn.MSELoss({ reduction: "mean" });
  const optimizer = new optim.SGD([a, b], { lr });
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) {
    const loss = lossFn(y, b.mul(x).add(a));
    losses.push(await loss.item());
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
  }
  return { a: await a.item(), b: await b.item(), losses };
}

/** 5: a module holds the parameters. */
export class ManualLinearRegression extends nn.Module {
  readonly a = new nn.Parameter(randn([1]));
  readonly b = new nn.Parameter(randn([1]));

  override forward(x: Tensor): Tensor {
    return this.a.add(this.b.mul(x)); // [N, 1] -> [N, 1]
  }
}

/** A function that makes one step: the same for every model, loss and optimizer. */
export function makeTrainStep(
  model: nn.Module,
  lossFn: (target: Tensor, prediction: Tensor) => Tensor,
  optimizer: optim.Optimizer,
): (x: Tensor, y: Tensor) => Promise<number> {
  return async (x, y) => {
    model.train();
    const loss = lossFn(y, model(x));
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    return loss.item();
  };
}

/** 5, with the step above. */
export async function withModule({ x, y }: Points, lr = 1e-1, epochs = 1000): Promise<Fit> {
  manualSeed(42);
  const model = new ManualLinearRegression();
  const trainStep = makeTrainStep(model, new nn.MSELoss(), new optim.SGD(model.parameters(), { lr }));
  const losses: number[] = [];
  for (let epoch = 0; epoch < epochs; epoch++) losses.push(await trainStep(x, y));
  const { a, b } = model.stateDict();
  return { a: await a.item(), b: await b.item(), losses };
}

/** Prints the line that each way finds. */
export async function run(print: typeof console.log = console.log): Promise<Record<string, Fit>> {
  const points = makePoints();
  manualSeed(42);
  const fits: Record<string, Fit> = {
    "by hand": await byHand(points, randn([1]), randn([1]), 1e-1),
    autograd: await withAutograd(points),
    optimizer: await withOptimizer(points),
    loss: await withLoss(points),
    module: await withModule(points),
  };
  for (const [way, { a, b }] of Object.entries(fits)) print(`${way.padEnd(9)} a = ${a.toFixed(4)}, b = ${b.toFixed(4)}`);
  return fits;
}

if (process.argv[1] === import.meta.filename) await run();
