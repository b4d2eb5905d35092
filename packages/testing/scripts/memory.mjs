// Trains a CNN on MNIST for 2,000 steps without any memory code and prints what it takes. Needs a build: `npm run build` first.
// Usage: node packages/testing/scripts/memory.mjs [async|scope] [steps]
import { data, manualSeed, memory, nn, optim, scope } from "sconce";

const mode = process.argv[2] ?? "async";
const steps = Number(process.argv[3] ?? 2000);
const megabytes = (bytes) => (bytes / 2 ** 20).toFixed(0).padStart(5);

manualSeed(42);
const set = await data.MNIST.load({ train: true });
const net = new nn.Sequential(
  new nn.Conv2d(1, 32, 3),
  new nn.ReLU(),
  new nn.Conv2d(32, 64, 3),
  new nn.ReLU(),
  new nn.MaxPool2d(2),
  new nn.Flatten(),
  new nn.Linear(9216, 128),
  new nn.ReLU(),
  new nn.Linear(128, 10),
);
const optimizer = new optim.Adam(net.parameters(), { lr: 1e-3 });
const loader = new data.DataLoader(set, { batchSize: 64, shuffle: true, dropLast: true });

let mostRss = 0;
let mostBytes = 0;
const started = performance.now();

function train(x, y) {
  optimizer.zeroGrad();
  const loss = nn.functional.crossEntropy(net(x), y);
  loss.backward();
  optimizer.step();
}

function report(step) {
  const rss = process.memoryUsage.rss();
  const { bytes } = memory();
  mostRss = Math.max(mostRss, rss);
  mostBytes = Math.max(mostBytes, bytes);
  if (step % 200 !== 0) return;
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `step ${String(step).padStart(5)}  RSS ${megabytes(rss)} MB  tensors ${megabytes(bytes)} MB  ${(seconds / step).toFixed(3)} s a step`,
  );
}

let step = 0;
if (mode === "scope") {
  const batches = await collect(take(loader, 10));
  while (step < steps) {
    scope(() => train(...batches[step % batches.length]));
    report(++step);
  }
} else {
  while (step < steps) {
    for await (const [x, y] of loader) {
      train(x, y);
      report(++step);
      if (step === steps) break;
    }
  }
}
console.log(`peak: RSS ${megabytes(mostRss)} MB, tensors ${megabytes(mostBytes)} MB`);

async function* take(source, count) {
  let left = count;
  for await (const item of source) {
    yield item;
    if (--left === 0) return;
  }
}

async function collect(source) {
  const items = [];
  for await (const item of source) items.push(item);
  return items;
}
