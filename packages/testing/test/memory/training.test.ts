import "@sconce/backend-cpu";
import { manualSeed, memory, randint, randn, scope, type Tensor } from "@sconce/core";
import { DataLoader, TensorDataset } from "@sconce/data";
import { Conv2d, functional as F, Flatten, Linear, MaxPool2d, ReLU, Sequential } from "@sconce/nn";
import { Adam } from "@sconce/optim";
import { describe, expect, it } from "vitest";

const STEPS = 5000;
const BATCH = 16;
const MEGABYTE = 2 ** 20;

function cnn(): Sequential {
  return new Sequential(new Conv2d(1, 8, 3), new ReLU(), new MaxPool2d(2), new Flatten(), new Linear(8 * 7 * 7, 10));
}

function images(count: number): TensorDataset<readonly [Tensor, Tensor]> {
  return new TensorDataset(randn([count, 1, 16, 16]), randint(0, 10, [count]));
}

describe("memory of a training loop", () => {
  it("stays bounded in an ordinary for await loop without memory code", async () => {
    manualSeed(0);
    const net = cnn();
    const optimizer = new Adam(net.parameters(), { lr: 1e-3 });
    const loader = new DataLoader(images((STEPS * BATCH) / 25), { batchSize: BATCH, shuffle: true });
    const started = process.memoryUsage.rss();
    let step = 0;
    let mostBytes = 0;
    let mostRss = 0;
    while (step < STEPS) {
      for await (const [x, y] of loader) {
        optimizer.zeroGrad();
        const loss = F.crossEntropy(net(x), y);
        loss.backward();
        optimizer.step();
        step++;
        mostBytes = Math.max(mostBytes, memory().bytes);
        mostRss = Math.max(mostRss, process.memoryUsage.rss());
      }
    }
    // Kept forever, 5,000 steps of about 0.3 MB each would be 1,500 MB; what waits for the garbage collector is less.
    expect(mostBytes).toBeLessThan(300 * MEGABYTE);
    expect(mostRss - started).toBeLessThan(600 * MEGABYTE);
  });

  it("lets go of small tensors before they are many", async () => {
    let most = 0;
    for (let i = 0; i < 100_000; i++) {
      randn([4]).dataSync();
      most = Math.max(most, memory().buffers);
      if (i % 10 === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    }
    expect(most).toBeLessThan(20_000);
  });

  it("is the same after every step of a synchronous loop inside scope", () => {
    manualSeed(0);
    const net = cnn();
    const optimizer = new Adam(net.parameters(), { lr: 1e-3 });
    const [x, y] = images(BATCH).tensors;
    const live: number[] = [];
    for (let step = 0; step < STEPS; step++) {
      scope(() => {
        optimizer.zeroGrad();
        F.crossEntropy(net(x), y).backward();
        optimizer.step();
      });
      live.push(memory().bytes);
    }
    expect(live.at(-1)).toBe(live[1]);
    expect(Math.max(...live)).toBe(live[1]);
  });
});
