import { manualSeed, randn, type Tensor } from "sconce";

/** Inputs, targets and the weights of both layers. */
export interface TwoLayers {
  readonly x: Tensor; // [64, 1000]
  readonly y: Tensor; // [64, 10]
  readonly w1: Tensor; // [1000, 100]
  readonly w2: Tensor; // [100, 10]
}

/** Random data and weights. */
export function randomData(): TwoLayers {
  manualSeed(0);
  return { x: randn([64, 1000]), y: randn([64, 10]), w1: randn([1000, 100]), w2: randn([100, 10]) };
}

/** Trains `w1` and `w2` in place, with gradients worked out on paper. Returns the loss of each step. */
export async function train({ x, y, w1, w2 }: TwoLayers, steps = 500, learningRate = 1e-6): Promise<number[]> {
  const losses: number[] = [];
  for (let t = 0; t < steps; t++) {
    const h = x.mm(w1);
    const hRelu = h.clamp({ min: 0 });
    const prediction = hRelu.mm(w2);
    losses.push(await prediction.sub(y).pow(2).sum().item());

    const gradPrediction = prediction.sub(y).mul(2);
    const gradW2 = hRelu.t().mm(gradPrediction);
    const gradH = gradPrediction.mm(w2.t());
    gradH.setAt(h.lt(0), 0); // what relu cut off has no gradient
    const gradW1 = x.t().mm(gradH);

    w1.sub_(gradW1.mul(learningRate));
    w2.sub_(gradW2.mul(learningRate));
  }
  return losses;
}

/** Trains on random data and prints every hundredth loss. */
export async function run(print: typeof console.log = console.log): Promise<number[]> {
  const losses = await train(randomData());
  for (let t = 99; t < losses.length; t += 100) print(t, losses[t]);
  return losses;
}

if (process.argv[1] === import.meta.filename) await run();
