import { Function, type FunctionContext, noGrad, type Tensor, tensor } from "sconce";
import { randomData, type TwoLayers } from "./03-autograd.js";

/** max(x, 0) with a gradient of its own. */
export class MyRelu extends Function {
  static forward(ctx: FunctionContext, input: Tensor): Tensor {
    ctx.saveForBackward(input);
    return input.clamp({ min: 0 });
  }

  static backward(ctx: FunctionContext, gradOutput: Tensor): Tensor {
    const [input] = ctx.savedTensors;
    const gradInput = gradOutput.clone();
    gradInput.setAt(input.lt(0), 0);
    return gradInput;
  }
}

/** Trains `w1` and `w2` in place. Returns the loss of each step. */
export async function train({ x, y, w1, w2 }: TwoLayers, steps = 500, learningRate = 1e-6): Promise<number[]> {
  const relu = (input: Tensor): Tensor => MyRelu.apply(input);
  const losses: number[] = [];
  for (let t = 0; t < steps; t++) {
    const prediction = relu(x.mm(w1)).mm(w2);
    const loss = prediction.sub(y).pow(2).sum();
    losses.push(await loss.item());
    loss.backward();
    noGrad(() => {
      for (const w of [w1, w2]) {
        w.sub_(w.grad!.mul(learningRate));
        w.grad!.zero_();
      }
    });
  }
  return losses;
}

/** Trains on random data and prints every hundredth loss. */
export async function run(print: typeof console.log = console.log): Promise<number[]> {
  const x = tensor([-1, 0, 2], { requiresGrad: true });
  const y = MyRelu.apply(x);
  y.sum().backward();
  print(y, x.grad);
  const losses = await train(randomData());
  for (let t = 99; t < losses.length; t += 100) print(t, losses[t]);
  return losses;
}

if (process.argv[1] === import.meta.filename) await run();
