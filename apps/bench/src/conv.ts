/** Speed of the convolution passes on the layers of an MNIST network and some larger ones: `node dist/conv.js [--threads n]`. */
import {
  type ConvGeometry,
  convForward,
  convInputGradient,
  convKernels,
  convOutput,
  convWeightGradient,
} from "../../../packages/backend-cpu/dist/wasm/conv.js";
import { Heap, type Pointer } from "../../../packages/backend-cpu/dist/wasm/memory.js";
import { startPool } from "./threads.js";

const heap = new Heap();
const kernels = convKernels(heap);
const pool = await startPool(heap);
const volume = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

function fresh(length: number): Pointer {
  const pointer = heap.alloc(4 * length);
  for (let i = 0; i < length; i++) heap.f32[pointer / 4 + i] = ((i * 7919) % 1000) / 1000 - 0.5;
  return pointer;
}

/** The shortest of some runs in milliseconds. */
function fastest(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + 1500; performance.now() < end; ) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

function square(
  batch: number,
  channels: number,
  filters: number,
  size: number,
  kernel: number,
  stride = 1,
  padding = 0,
  groups = 1,
): ConvGeometry {
  const pair = (value: number): number[] => [value, value];
  const shape = { batch, channels, filters, groups, input: pair(size), kernel: pair(kernel), stride: pair(stride), padding: pair(padding) };
  return { ...shape, dilation: [1, 1], output: convOutput({ ...shape, dilation: [1, 1] }) };
}

const LAYERS: [string, ConvGeometry][] = [
  ["MNIST 1 to 32, 3x3", square(64, 1, 32, 28, 3)],
  ["MNIST 32 to 64, 3x3", square(64, 32, 64, 26, 3)],
  ["LeNet 1 to 6, 5x5", square(64, 1, 6, 28, 5, 1, 2)],
  ["LeNet 6 to 16, 5x5", square(64, 6, 16, 14, 5)],
  ["64 to 64, 56x56, 3x3", square(2, 64, 64, 56, 3, 1, 1)],
  ["64 to 128, 56x56, 3x3 / 2", square(2, 64, 128, 56, 3, 2, 1)],
  ["256 to 64, 56x56, 1x1", square(2, 256, 64, 56, 1)],
  ["256 to 64, 64x64, 1x1", square(2, 256, 64, 64, 1)],
  ["256 to 256, 14x14, 3x3", square(2, 256, 256, 14, 3, 1, 1)],
  ["3 to 64, 224x224, 7x7 / 2", square(1, 3, 64, 224, 7, 2, 3)],
  ["depthwise 64, 56x56, 3x3", square(2, 64, 64, 56, 3, 1, 1, 64)],
];

for (const [name, g] of LAYERS) {
  const [x, dx] = [fresh(g.batch * g.channels * volume(g.input)), fresh(g.batch * g.channels * volume(g.input))];
  const weights = (g.filters * g.channels * volume(g.kernel)) / g.groups;
  const [w, dw, bias] = [fresh(weights), fresh(weights), fresh(g.filters)];
  const [y, dy] = [fresh(g.batch * g.filters * volume(g.output)), fresh(g.batch * g.filters * volume(g.output))];
  const operations = 2 * g.batch * volume(g.output) * weights;
  const forward = convForward(heap, kernels, g, 0, pool);
  const input = convInputGradient(heap, kernels, g, pool);
  const weight = convWeightGradient(heap, kernels, g, 0, pool);
  const passes = {
    forward: () => forward(x, w, bias, y),
    input: () => input(dy, w, dx),
    weights: () => weight(x, dy, dw),
  };
  const cells = Object.entries(passes).map(([pass, run]) => {
    const milliseconds = fastest(run);
    return `${pass} ${milliseconds.toFixed(2)} ms ${(operations / milliseconds / 1e6).toFixed(1)} GFLOP/s`;
  });
  console.log(`${name.padEnd(28)} ${cells.join("   ")}`);
  for (const pointer of [x, dx, w, dw, bias, y, dy]) heap.free(pointer);
}
