/**
 * Fused kernels against the compositions that they stand for, forward and backward, in turns: `node dist/fused.js [--threads n] [--wide]`.
 * Times are those of the process's own work, so that others on the machine count for little.
 */

import { configureCpu } from "@sconce/backend-cpu";
import { manualSeed, ones, randn, type Tensor, zeros } from "sconce";
import { functional as F } from "sconce/nn";
import { threadsFromArguments } from "./threads.js";

const ROUNDS = 12;

interface Case {
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly composed: (...inputs: Tensor[]) => Tensor;
  readonly fused: (...inputs: Tensor[]) => Tensor;
}

const trained = (...shape: number[]): Tensor => randn(shape).requiresGrad_();

function attention(batch: number, heads: number, length: number, size: number, isCausal: boolean): Case {
  const seen = ones([length, length], { dtype: "bool" }).tril();
  return {
    name: `attention ${batch}x${heads}x${length}x${size}${isCausal ? " causal" : ""}`,
    inputs: Array.from({ length: 3 }, () => trained(batch, heads, length, size)),
    composed: (q, k, v) => {
      const scores = q.mul(1 / Math.sqrt(size)).matmul(k.transpose(-2, -1));
      return (isCausal ? scores.maskedFill(seen.logicalNot(), Number.NEGATIVE_INFINITY) : scores).softmax(-1).matmul(v);
    },
    fused: (q, k, v) => F.scaledDotProductAttention(q, k, v, { isCausal }),
  };
}

function layerNorm(rows: number, size: number): Case {
  return {
    name: `layer norm ${rows}x${size}`,
    inputs: [trained(rows, size), ones([size]).requiresGrad_(), zeros([size]).requiresGrad_()],
    composed: (x, weight, bias) => {
      const deviation = x.sub(x.mean(1, { keepdim: true }));
      const variance = deviation.mul(deviation).mean(1, { keepdim: true });
      return deviation.mul(variance.add(1e-5).rsqrt()).mul(weight).add(bias);
    },
    fused: (x, weight, bias) => F.layerNorm(x, [size], { weight, bias }),
  };
}

function milliseconds(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function measure({ name, inputs, composed, fused }: Case): void {
  const times: Record<"composed" | "fused", number[]> = { composed: [], fused: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, run] of [
      ["composed", composed],
      ["fused", fused],
    ] as const) {
      const time = milliseconds(() => {
        run(...inputs)
          .sum()
          .backward();
        for (const x of inputs) x.grad = null;
      });
      // The first rounds compile.
      if (round > 1) times[way].push(time);
    }
  }
  const cells = Object.entries(times).map(([way, list]) => {
    list.sort((a, b) => a - b);
    return `${way} min ${list[0].toFixed(2)} median ${list[list.length >> 1].toFixed(2)} ms`;
  });
  console.log(`${name.padEnd(28)} ${cells.join("   ")}   ratio of medians ${(times.composed[5] / times.fused[5]).toFixed(2)}`);
}

console.log(`${threadsFromArguments()} threads`);
if (process.argv.includes("--wide")) configureCpu({ wide: true });
manualSeed(0);
measure(attention(8, 4, 128, 64, false));
measure(attention(8, 4, 128, 64, true));
measure(attention(1, 4, 1024, 64, false));
measure(layerNorm(1024, 256));
measure(layerNorm(64, 768));
