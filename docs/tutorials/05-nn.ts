import { manualSeed, nn, noGrad, randn, type Tensor } from "sconce";

/** A model, its inputs and its targets. */
export interface Task<M extends nn.Module = nn.Module> {
  readonly model: M;
  readonly x: Tensor; // [64, 1000]
  readonly y: Tensor; // [64, 10]
}

/** Two linear layers with a relu between them, on random data. */
export function makeTask(): Task<nn.Sequential> {
  manualSeed(0);
  const x = randn([64, 1000]);
  const y = randn([64, 10]);
  const model = new nn.Sequential(new nn.Linear(1000, 100), new nn.ReLU(), new nn.Linear(100, 10));
  return { model, x, y };
}

/** Trains the model in place. Returns the loss of each step. */
export async function train({ model, x, y }: Task, steps = 500, learningRate = 1e-4): Promise<number[]> {
  const lossFn = new nn.MSELoss({ reduction: "sum" });
  const losses: number[] = [];
  for (let t = 0; t < steps; t++) {
    const loss = lossFn(model(x), y);
    losses.push(await loss.item());
    model.zeroGrad();
    loss.backward();
    noGrad(() => {
      for (const parameter of model.parameters()) parameter.sub_(parameter.grad!.mul(learningRate));
    });
  }
  return losses;
}

/** Prints the model and every hundredth loss. */
export async function run(print: typeof console.log = console.log): Promise<number[]> {
  const task = makeTask();
  print(task.model);
  for (const [name, parameter] of task.model.namedParameters()) print(name, parameter.shape);
  const losses = await train(task);
  for (let t = 99; t < losses.length; t += 100) print(t, losses[t]);
  return losses;
}

if (process.argv[1] === import.meta.filename) await run();
