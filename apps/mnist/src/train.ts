import { type data, noGrad, optim, type Tensor } from "sconce";
import { functional as F } from "sconce/nn";
import type { OptimizerName } from "./choices.js";
import type { Classifier } from "./model.js";

/** An optimizer, whatever its options. */
export type Optimizer = optim.Optimizer<optim.OptimizerOptions>;

/** The optimizers by name. */
export const optimizers: { readonly [K in OptimizerName]: (net: Classifier, lr: number) => Optimizer } = {
  adam: (net, lr) => new optim.Adam(net.parameters(), { lr }) as unknown as Optimizer,
  adamw: (net, lr) => new optim.AdamW(net.parameters(), { lr }) as unknown as Optimizer,
  sgd: (net, lr) => new optim.SGD(net.parameters(), { lr, momentum: 0.9 }) as unknown as Optimizer,
  rmsprop: (net, lr) => new optim.RMSprop(net.parameters(), { lr }) as unknown as Optimizer,
};

/** Batches of images and labels. */
export type Batches = data.DataLoader<[Tensor, number], [Tensor, Tensor]>;

/** What one batch gave. */
export interface Step {
  readonly images: number;
  readonly loss: number;
  readonly correct: number;
}

/** Trains for one epoch and reports each step; the next one waits for the report. Returns the mean loss. */
export async function train(
  net: Classifier,
  batches: Batches,
  optimizer: Optimizer,
  report: (step: Step) => void | Promise<void>,
): Promise<number> {
  let total = 0;
  let seen = 0;
  net.train();
  for await (const [images, labels] of batches) {
    optimizer.zeroGrad();
    const output = net(images); // [N, 1, H, W] -> [N, 10]
    const loss = F.crossEntropy(output, labels);
    loss.backward();
    optimizer.step();
    const [mean, correct] = await Promise.all([loss.item(), countCorrect(output, labels)]);
    const step = { images: labels.length, loss: mean, correct };
    total += step.loss * step.images;
    seen += step.images;
    await report(step);
  }
  return total / seen;
}

async function countCorrect(output: Tensor, labels: Tensor): Promise<number> {
  return output.detach().argmax(1).eq(labels).sum().item();
}

/** Accuracy on a test set, and where the errors lie. */
export interface Evaluation {
  /** Share of the images that were classified right. */
  readonly accuracy: number;
  /** `confusion[label][prediction]` counts images. */
  readonly confusion: number[][];
  /** Predictions in the order of the set. */
  readonly predictions: number[];
}

/** Classifies a test set. */
export async function evaluate(net: Classifier, batches: Batches): Promise<Evaluation> {
  const confusion = Array.from({ length: 10 }, () => new Array<number>(10).fill(0));
  const predictions: number[] = [];
  let correct = 0;
  net.eval();
  for await (const [images, labels] of batches) {
    const guesses = (await noGrad(() => net(images).argmax(1)).data()) as Int32Array;
    const truth = (await labels.data()) as Int32Array;
    for (let i = 0; i < guesses.length; i++) {
      confusion[truth[i]][guesses[i]]++;
      predictions.push(guesses[i]);
      if (guesses[i] === truth[i]) correct++;
    }
  }
  return { accuracy: correct / predictions.length, confusion, predictions };
}
