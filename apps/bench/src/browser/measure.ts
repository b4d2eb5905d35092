/** Times of one contender of a suite. */
export interface Timing {
  readonly peer: string;
  /** Milliseconds a step. */
  readonly median: number;
  readonly min: number;
}

/** A contender: each step does the same work and returns a number that all must agree on. */
export interface Contender {
  readonly peer: string;
  readonly step: () => Promise<number>;
}

/** Steps whose results must agree before anything is timed; they also compile the kernels. */
const CHECKED = 3;
/** Milliseconds of one run of steps. */
const RUN = 100;

async function check(suite: string, contenders: readonly Contender[]): Promise<void> {
  for (let i = 0; i < CHECKED; i++) {
    const results: number[] = [];
    for (const { step } of contenders) results.push(await step());
    for (const result of results) {
      const spread = Math.abs(result - results[0]) / Math.abs(results[0]);
      if (!(spread < 1e-3)) throw new Error(`${suite}: step ${i} gives ${results.join(", ")}`);
    }
  }
}

/** Milliseconds a step, over a run of about 100 ms. */
async function timeRun(step: () => Promise<number>): Promise<number> {
  const started = performance.now();
  let steps = 0;
  do {
    await step();
    steps++;
  } while (performance.now() - started < RUN);
  return (performance.now() - started) / steps;
}

/** Runs the contenders in turns, so that whatever else the machine does meets them alike. */
export async function measure(suite: string, contenders: readonly Contender[], rounds: number): Promise<Timing[]> {
  await check(suite, contenders);
  const times = contenders.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < contenders.length; i++) times[i].push(await timeRun(contenders[i].step));
  }
  return contenders.map(({ peer }, i) => {
    const sorted = times[i].sort((a, b) => a - b);
    return { peer, median: sorted[sorted.length >> 1], min: sorted[0] };
  });
}
