/**
 * A runner in a process of its own: reads one request a line from the standard input and answers each with a line on file descriptor 3.
 * Libraries may print what they like.
 */
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { type Runner, type Start, type Task, Unsupported } from "../peers/runner.js";
import { type Case, findCase } from "../work.js";
import type { Answer, Request } from "./protocol.js";
import { registerGradients } from "./tfjs-gradients.js";

const RUNNERS: Readonly<Record<string, () => Promise<{ readonly start: Start }>>> = {
  sconce: () => import("../peers/sconce.js"),
  "sconce-compiled": () => import("../peers/sconce-compiled.js"),
  "sconce-host": () => import("../peers/sconce-host.js"),
  tfjs: async () => {
    await import("@tensorflow/tfjs-backend-wasm");
    await registerGradients();
    return import("../peers/tfjs.js");
  },
  "jax-js": () => import("../peers/jax-js.js"),
  "ort-web": () => import("../peers/ort-web.js"),
  "ort-node": () => import("../peers/ort-node.js"),
};

let runner: Runner | undefined;
let task: Task | undefined;
let current: Case | undefined;

/** Milliseconds of the stretches of a run that are timed by themselves: the best of them tells what others on the machine did not disturb. */
const STRETCH = 2;

/** Steps for about as long as is asked for, and at least one: the milliseconds of one repeat over the run, and over its best stretch. */
async function run(milliseconds: number): Promise<{ value: number; best: number }> {
  const { step, count } = task as Task;
  const { repeats } = current as Case;
  let steps = 0;
  const done = (): number => count?.() ?? steps * repeats;
  const begun = { at: performance.now(), done: done() };
  let stretch = begun;
  let best = Number.POSITIVE_INFINITY;
  for (;;) {
    const pending = step();
    if (pending instanceof Promise) await pending;
    steps++;
    const at = performance.now();
    const isOver = at - begun.at >= milliseconds;
    if (at - stretch.at < STRETCH && !isOver) continue;
    const now = { at, done: done() };
    if (at - stretch.at >= STRETCH || stretch === begun) best = Math.min(best, (at - stretch.at) / (now.done - stretch.done));
    if (isOver) return { value: (at - begun.at) / (now.done - begun.done), best };
    stretch = now;
  }
}

/** Seconds that a loop of the suite memory may take, and the steps that are timed to tell. */
const LONGEST = 600;
const TRIED = 3;

/** The resident memory in MB before the first step, and the most of it in each tenth of all steps. */
async function memory(steps: number, blocking: boolean): Promise<number[]> {
  const { step, blockingStep } = task as Task;
  if (blocking && blockingStep === undefined) throw new Unsupported("always waits");
  const resident = (): number => process.memoryUsage.rss() / 2 ** 20;
  const sizes = [resident()];
  let most = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 1; i <= steps; i++) {
    const started = performance.now();
    if (blocking) blockingStep?.();
    else await step();
    least = Math.min(least, (performance.now() - started) / 1000);
    if (i === TRIED && least * steps > LONGEST)
      throw new Error(`a step takes ${least.toFixed(1)} s, ${steps} of them more than ${LONGEST} s`);
    if (i % Math.ceil(steps / 100) === 0 || i === steps) most = Math.max(most, resident());
    if (i % Math.ceil(steps / 10) !== 0 && i !== steps) continue;
    sizes.push(most);
    most = 0;
  }
  return sizes;
}

async function answer(request: Request): Promise<Answer> {
  switch (request.method) {
    case "start": {
      const { start } = await RUNNERS[request.runner]();
      runner = await start(request);
      return { versions: runner.versions };
    }
    case "prepare":
      task?.dispose?.();
      current = findCase(request.suite, request.case);
      task = await (runner as Runner).prepare(current);
      return { values: await task.check() };
    case "run":
      return await run(request.milliseconds);
    case "memory":
      return { values: await memory(request.steps, request.blocking) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply: Answer;
  try {
    reply = await answer(JSON.parse(line) as Request);
  } catch (error) {
    const [message] = (error as Error).message.split("\n");
    reply = { error: message, unsupported: error instanceof Unsupported };
  }
  writeSync(3, `${JSON.stringify(reply)}\n`);
}
process.exit();
