import { nn, optim } from "sconce";
import { makeTask, type Task } from "./05-nn.js";

/** Trains the model in place with Adam. Returns the loss of each step. */
export async function train({ model, x, y }: Task, steps = 500, lr = 1e-4): Promise<number[]> {
  const lossFn = new nn.MSELoss({ reduction: "sum" });
  const optimizer = new optim.Adam(model.parameters(), { lr });
  const losses: number[] = [];
  for (let t = 0; t < steps; t++) {
    const loss = lossFn(model(x), y);
    losses.push(await loss.item());
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
  }
  return losses;
}

/** Prints every hundredth loss. */
export async function run(print: typeof console.log = console.log): Promise<number[]> {
  const losses = await train(makeTask());
  for (let t = 99; t < losses.length; t += 100) print(t, losses[t]);
  return losses;
}

if (process.argv[1] === import.meta.filename) await run();
