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

async function timeOnce({ step, times }: Timed): Promise<void> {
  const started = performance.now();
  await step();
  times.push(performance.now() - started);
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
  // Each round gives Sconce as many steps as fit the time of one of the peer's, up to 20.
  for (let i = 0; i < rounds; i++) {
    await timeOnce(peers[1]);
    const share = Math.min(20, Math.max(3, Math.floor(peers[1].times[i] / 100)));
    for (let j = 0; j < share; j++) await timeOnce(peers[0]);
  }
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
if (chosen.length === 0 || chosen.includes("mlp")) await measure("mlp", 100);
if (chosen.length === 0 || chosen.includes("cnn")) await measure("cnn", 3);
