/** Training steps against jax-js (one thread) in one process: `node dist/training.js [--threads n] [mlp] [cnn]`. */
import { jaxTrainer } from "./jax-peer.js";
import { makeStart, type Network, sconceTrainer } from "./networks.js";
import { threadsFromArguments } from "./threads.js";

const BATCH = 64;
/** Steps whose losses must agree before anything is timed. */
const CHECKED = 3;

interface Timed {
  readonly name: string;
  readonly step: () => Promise<number>;
  readonly times: number[];
}

/** Times a run of steps, as training runs them: about 100 ms, at least one. */
async function timeRun({ step, times }: Timed): Promise<void> {
  const started = performance.now();
  let steps = 0;
  do {
    await step();
    steps++;
  } while (performance.now() - started < 100);
  times.push((performance.now() - started) / steps);
}

function median(times: readonly number[]): number {
  return [...times].sort((a, b) => a - b)[times.length >> 1];
}

async function measure(network: Network, rounds: number): Promise<void> {
  const { net, start } = await makeStart(network, BATCH);
  const peers: Timed[] = [
    { name: "sconce", step: sconceTrainer(net, start), times: [] },
    { name: "jax-js (jit)", step: await jaxTrainer(network, start), times: [] },
  ];
  for (let i = 0; i < CHECKED; i++) {
    const losses: number[] = [];
    for (const { step } of peers) losses.push(await step());
    const spread = Math.abs(losses[0] - losses[1]) / Math.abs(losses[0]);
    if (!(spread < 1e-3)) throw new Error(`${network}: step ${i} gives losses ${losses.join(" and ")}`);
  }
  for (let i = 0; i < rounds; i++) for (const peer of peers) await timeRun(peer);
  const [ours, theirs] = peers;
  for (const { name, times } of peers) {
    console.log(
      `${network.padEnd(4)} ${name.padEnd(13)} median ${median(times).toFixed(2).padStart(9)} ms  min ${Math.min(...times)
        .toFixed(2)
        .padStart(9)} ms`,
    );
  }
  console.log(
    `${network.padEnd(4)} ${"ratio".padEnd(13)} median ${(median(theirs.times) / median(ours.times)).toFixed(1)}x, min ${(Math.min(...theirs.times) / Math.min(...ours.times)).toFixed(1)}x`,
  );
}

console.log(`${threadsFromArguments()} threads`);
const chosen = process.argv.slice(2);
if (chosen.length === 0 || chosen.includes("mlp")) await measure("mlp", 40);
if (chosen.length === 0 || chosen.includes("cnn")) await measure("cnn", 3);
