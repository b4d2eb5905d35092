/**
 * The program of a worker, as text: it is the same in Node and in browsers, needs no file beside the package, and no bundler rewrites it.
 *
 * @module
 */
import { CALL_HEAD, WORDS } from "./control.js";

/** Looks at the epoch this often before it sleeps: about 100 microseconds, in which the next kernel of a step usually comes. */
const SPINS = 40_000;

/** What a worker is given at its start. */
export interface WorkerStart {
  readonly memory: WebAssembly.Memory;
  readonly control: SharedArrayBuffer;
  /** Its number; the main thread is 0. */
  readonly thread: number;
}

/** The text of the program. */
export function workerSource(): string {
  return `"use strict";
const w = ${JSON.stringify(WORDS)};
const { add, load, notify, store, sub, wait } = Atomics;
function work({ memory, control, thread }) {
  const words = new Int32Array(control);
  const kernels = [];
  const modules = new Map();
  const link = (id) => {
    const [start, length, ordinal] = words.subarray(w.kernels + 3 * id, w.kernels + 3 * id + 3);
    let exported = modules.get(start);
    if (exported === undefined) {
      const bytes = new Uint8Array(control, start, length).slice();
      exported = Object.values(new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports);
      modules.set(start, exported);
    }
    return (kernels[id] = exported[ordinal]);
  };
  const run = (part) => {
    const own = thread * words[w.stride];
    const end = words[w.starts + part + 1];
    for (let at = words[w.starts + part]; at < end; ) {
      const kernel = kernels[words[at]] ?? link(words[at]);
      const args = new Array(words[at + 1]);
      const mask = words[at + 2];
      at += ${CALL_HEAD};
      for (let i = 0; i < args.length; i++) args[i] = words[at + i] + ((mask >>> i) & 1 ? own : 0);
      at += args.length;
      kernel(...args);
      add(words, w.progress, 1);
    }
  };
  add(words, w.ready, 1);
  for (let seen = Atomics.load(words, w.epoch); ; ) {
    for (let spins = 0, epoch; ; spins++) {
      epoch = Atomics.load(words, w.epoch);
      if (epoch !== seen) {
        seen = epoch;
        break;
      }
      if (spins < ${SPINS}) continue;
      add(words, w.sleeping, 1);
      wait(words, w.epoch, seen);
      sub(words, w.sleeping, 1);
    }
    add(words, w.active, 1);
    try {
      if (thread < load(words, w.limit)) {
        for (let part; (part = Atomics.add(words, w.next, 1)) < load(words, w.parts); ) run(part);
      }
    } catch {
      store(words, w.failed, 1);
    }
    if (sub(words, w.active, 1) === 1 && load(words, w.blocked) === 1) notify(words, w.active);
  }
}
if (typeof require === "function") work(require("node:worker_threads").workerData);
else self.onmessage = ({ data }) => work(data);
`;
}
