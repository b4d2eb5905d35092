import { manualSeed, noGrad, ones, onesLike, rand, randn, type Tensor, tensor } from "sconce";

/** Inputs, targets and the weights of both layers, which want gradients. */
export interface TwoLayers {
  readonly x: Tensor; // [64, 1000]
  readonly y: Tensor; // [64, 10]
  readonly w1: Tensor; // [1000, 100]
  readonly w2: Tensor; // [100, 10]
}

/** Random data and weights. */
export function randomData(): TwoLayers {
  manualSeed(0);
  return {
    x: randn([64, 1000]),
    y: randn([64, 10]),
    w1: randn([1000, 100], { requiresGrad: true }),
    w2: randn([100, 10], { requiresGrad: true }),
  };
}

/** Trains `w1` and `w2` in place. Returns the loss of each step. */
export async function train({ x, y, w1, w2 }: TwoLayers, steps = 500, learningRate = 1e-6): Promise<number[]> {
  const losses: number[] = [];
  for (let t = 0; t < steps; t++) {
    const prediction = x.mm(w1).clamp({ min: 0 }).mm(w2);
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

/** Gradients of a result that is not one number: backward needs a weight for each element. */
export function weightedBackward(x: Tensor, y: Tensor): { readonly z: Tensor; readonly dx: Tensor; readonly dy: Tensor } {
  const z = x.pow(2).add(y.pow(3));
  z.backward(onesLike(z));
  return { z, dx: x.grad!, dy: y.grad! };
}

/** A part that is not recorded counts as a constant. */
export function partWithoutGradient(x: Tensor): Tensor {
  const y1 = x.pow(2);
  const y2 = noGrad(() => x.pow(3));
  const y3 = y1.add(y2);
  y3.backward();
  return y3;
}

/** Gradients add up until they are cleared; the graph shows who made what. */
export function facts(print: typeof console.log): void {
  const a = tensor([1.5], { requiresGrad: true });
  const b = a.mul(a.add(2));
  print(b, a.isLeaf, b.isLeaf);
  print(
    b.gradFn!.name,
    b.gradFn!.nextFunctions.map(([node]) => node?.name),
  );
  print(b.gradFn!.nextFunctions[0][0]!.variable === a);

  const w = ones([1], { requiresGrad: true });
  w.pow(2).backward();
  w.pow(2).backward();
  print(w.grad); // 2 + 2
  w.grad!.zero_();
  print(w.detach().requiresGrad, noGrad(() => w.mul(2)).requiresGrad);
}

/** Prints what the guide shows. */
export async function run(print: typeof console.log = console.log): Promise<number[]> {
  const losses = await train(randomData());
  for (let t = 99; t < losses.length; t += 100) print(t, losses[t]);
  manualSeed(1);
  print(weightedBackward(rand([2, 2], { requiresGrad: true }), rand([2, 2], { requiresGrad: true })).dx);
  const x = tensor(2, { requiresGrad: true });
  print(partWithoutGradient(x), x.grad);
  facts(print);
  return losses;
}

if (process.argv[1] === import.meta.filename) await run();
