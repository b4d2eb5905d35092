/**
 * The fused kernels of WebGPU in Node against the compositions that they stand for, forward and backward, in turns:
 * `node dist/fused-webgpu.js [name] [--hardware]`. Needs a Vulkan driver. On a software adapter, which computes in the process, times are
 * those of the process's own work, so that others on the machine count for little.
 */

import { createWebGpuBackend, type WebGpuBackend } from "@sconce/backend-webgpu";
import { realiseAll, registerBackend, setDefaultDevice } from "@sconce/core";
import { type KernelName, manualSeed, ones, randn, type Tensor, zeros } from "sconce";
import { functional as F, GRU, LSTM, RNN } from "sconce/nn";

const ROUNDS = 7;
const FUSED: readonly KernelName[] = [
  "attention",
  "attentionGrad",
  "layerNorm",
  "layerNormGrad",
  "channelNorm",
  "channelNormGrad",
  "lstm",
  "lstmGrad",
  "gru",
  "gruGrad",
  "rnn",
  "rnnGrad",
];

interface Case {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly run: (...inputs: Tensor[]) => Tensor;
}

const trained = (...shape: number[]): Tensor => randn(shape).requiresGrad_();

function attention(batch: number, heads: number, length: number, size: number, options: { isCausal?: boolean; masked?: boolean }): Case {
  const { isCausal = false, masked = false } = options;
  const attnMask = masked ? randn([length, length]) : null;
  return {
    name: `attention ${batch}x${heads}x${length}x${size}${isCausal ? " causal" : ""}${masked ? " masked" : ""}`,
    inputs: Array.from({ length: 3 }, () => trained(batch, heads, length, size)),
    run: (q, k, v) => F.scaledDotProductAttention(q, k, v, { isCausal, ...(attnMask && { attnMask }) }),
  };
}

function layerNorm(rows: number, size: number): Case {
  return {
    name: `layer norm ${rows}x${size}`,
    inputs: [trained(rows, size), ones([size]).requiresGrad_(), zeros([size]).requiresGrad_()],
    run: (x, weight, bias) => F.layerNorm(x, [size], { weight, bias }),
  };
}

/** Of batches, or of groups of channels. */
function channelNorm(groups: number | null, ...shape: number[]): Case {
  const affine = { weight: trained(shape[1]), bias: trained(shape[1]) };
  return {
    name: `${groups === null ? "batch norm" : `group norm by ${groups}`} ${shape.join("x")}`,
    inputs: [trained(...shape), affine.weight, affine.bias],
    run: (x) => (groups === null ? F.batchNorm(x, null, null, { ...affine, training: true }) : F.groupNorm(x, groups, affine)),
  };
}

function recurrent(name: string, make: (size: number) => (x: Tensor) => readonly [Tensor, unknown], steps: number, size: number): Case {
  const layer = make(size);
  return { name: `${name} ${steps} x [16, ${size}]`, inputs: [trained(steps, 16, size)], run: (x) => layer(x)[0] };
}

/** Milliseconds of the process's own work, or of the clock. */
async function milliseconds(backend: WebGpuBackend, clock: boolean, run: () => void): Promise<number> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  run();
  await backend.synchronize();
  const { user, system } = process.cpuUsage(before);
  return clock ? performance.now() - start : (user + system) / 1000;
}

const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1];

async function measure(backend: WebGpuBackend, clock: boolean, { name, inputs, run }: Case): Promise<void> {
  const times: Record<string, number[]> = {};
  const dispatches: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ["composed", "fused"]) {
      Object.assign(backend, { decomposed: new Set(way === "composed" ? FUSED : []) });
      const before = backend.info.dispatches;
      let output: Tensor | undefined;
      const forward = await milliseconds(backend, clock, () => {
        output = run(...inputs);
        realiseAll([output]);
      });
      const backward = await milliseconds(backend, clock, () => {
        output?.sum().backward();
        for (const x of inputs) x.grad = null;
      });
      dispatches[way] = backend.info.dispatches - before;
      // The first rounds compile.
      if (round > 1) {
        (times[`${way} forward`] ??= []).push(forward);
        (times[`${way} backward`] ??= []).push(backward);
      }
    }
  }
  const ratio = (part: string): string => (median(times[`composed ${part}`]) / median(times[`fused ${part}`])).toFixed(2);
  const cells = Object.entries(times).map(([what, list]) => `${what} ${median(list).toFixed(2)}`);
  console.log(`${name.padEnd(30)} ${cells.join("  ")} ms  dispatches ${dispatches.composed} ${dispatches.fused}`);
  console.log(`${"".padEnd(30)} composed / fused: forward ${ratio("forward")}, backward ${ratio("backward")}`);
}

const hardware = process.argv.includes("--hardware");
const backend = await createWebGpuBackend(hardware ? { software: false } : {});
registerBackend(backend);
setDefaultDevice("webgpu");
manualSeed(0);
const clock = backend.adapter.architecture !== "swiftshader";
const only = process.argv.slice(2).find((word) => !word.startsWith("--")) ?? "";
const cases: readonly (() => Case)[] = [
  () => layerNorm(1024, 256),
  () => layerNorm(64, 768),
  () => layerNorm(4096, 64),
  () => channelNorm(null, 16, 32, 28, 28),
  () => channelNorm(null, 32, 64, 7, 7),
  () => channelNorm(null, 256, 128),
  () => channelNorm(8, 8, 64, 28, 28),
  () => channelNorm(32, 8, 32, 28, 28),
  () => recurrent("LSTM", (size) => new LSTM(size, size), 32, 64),
  () => recurrent("GRU", (size) => new GRU(size, size), 32, 64),
  () => recurrent("RNN", (size) => new RNN(size, size), 32, 64),
  () => attention(4, 4, 128, 64, {}),
  () => attention(4, 4, 128, 64, { isCausal: true }),
  () => attention(4, 4, 128, 64, { masked: true }),
  () => attention(1, 4, 512, 64, {}),
  () => attention(1, 4, 512, 64, { isCausal: true }),
];
for (const make of cases) {
  const found = make();
  if (found.name.startsWith(only)) await measure(backend, clock, found);
}
backend.destroy();
