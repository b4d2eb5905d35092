/**
 * Fork and join over the shared memory. The main thread writes a job as lists of kernel calls, then takes parts of it itself until none is
 * left: it never waits for a worker to wake up, only for parts in flight. Workers start when enough work has come by to pay for them.
 *
 * @module
 */
import { codeOf, type WasmFunction } from "../wasm/asm.js";
import { detectFeatures } from "../wasm/features.js";
import type { Heap, Pointer } from "../wasm/memory.js";
import { CALL_HEAD, CLOSED, CODE_BYTES, CONTROL_BYTES, MAX_KERNELS, MAX_PARTS, WORDS } from "./control.js";
import { getNumThreads } from "./settings.js";
import { spawn } from "./spawn.js";

/** Nanoseconds of work from which a job is worth its handling. */
export const WORTH = 12_000;
/** Nanoseconds of work that a part has at least. */
const PART_WORTH = 6_000;
/** Parts of a job for each thread, at most. */
export const PARTS_EACH = 2;
/** Nanoseconds of work worth sharing that come by before workers start: about what starting them costs. */
const START_AFTER = 30_000_000;
/** Looks at the workers so often before it blocks, where it may: about 100 microseconds, since waking up takes some tens. */
const JOIN_SPINS = 40_000;
/** Milliseconds without any progress after which a worker counts as dead; no single call of a kernel takes as long. */
const PATIENCE = 120_000;
/** Milliseconds that one look at the workers counts for at most: a longer one was a pause of the whole machine. */
const LONGEST_TURN = 20;
/** Kernels and bytes of code that must be free for a job to be planned. */
const SPARE_KERNELS = 8;
const SPARE_CODE = 1 << 16;
/** The workspace of the heap that holds the threads' scratch memory. */
const SCRATCH_SLOT = 1;

/** The threads of one memory. */
export class ThreadPool {
  readonly #heap: Heap;
  readonly #patience: number;
  #words: Int32Array | undefined;
  #jobs = 0;
  #seenWork = 0;
  #workers = 0;
  #limit = 1;
  readonly #kernels: WasmFunction[] = [];
  readonly #ids = new Map<WasmFunction, number>();
  readonly #modules = new Map<Uint8Array, number>();
  #codeEnd = 4 * WORDS.code;
  #part = 0;
  #at: number = WORDS.calls;
  #stride = 0;

  constructor(heap: Heap, patience: number = PATIENCE) {
    this.#heap = heap;
    this.#patience = patience;
  }

  /** Threads that can take parts now, the main thread included. */
  get threads(): number {
    const words = this.#words;
    return words === undefined ? 1 : Math.min(getNumThreads(), 1 + Atomics.load(words, WORDS.ready));
  }

  /** Jobs that have been run so far. */
  get jobs(): number {
    return this.#jobs;
  }

  /** Starts the workers now. */
  start(): void {
    const control = this.#control().buffer as SharedArrayBuffer;
    while (this.#heap.shared && this.#workers < getNumThreads() - 1) {
      this.#workers++;
      try {
        spawn({ memory: this.#heap.memory, control, thread: this.#workers });
      } catch {
        // Without workers the main thread does all the work.
        this.#workers = Number.POSITIVE_INFINITY;
      }
    }
  }

  /** In how many parts work of `most` equal pieces and about so many nanoseconds should be done; 1 for no job at all. */
  parts(nanoseconds: number, most: number): number {
    if (nanoseconds < WORTH || most < 2 || getNumThreads() < 2 || !this.#heap.shared) return 1;
    if (this.#workers < getNumThreads() - 1 && (this.#seenWork += nanoseconds) > START_AFTER) this.start();
    const { threads } = this;
    if (threads < 2 || !this.#hasRoom()) return 1;
    const parts = Math.min(most, PARTS_EACH * threads, MAX_PARTS, Math.floor(nanoseconds / PART_WORTH));
    // Several parts each even out delays, unless they are less equal than one each.
    const even = parts === PARTS_EACH * threads && PARTS_EACH * Math.ceil(most / parts) <= Math.ceil(most / threads);
    return even ? parts : Math.min(parts, threads);
  }

  /** Scratch memory for every thread of the next jobs: the address of the main thread's. */
  scratch(bytes: number): Pointer {
    return this.#heap.workspace(SCRATCH_SLOT, this.span(bytes));
  }

  /** Bytes that all threads' scratch memory takes in the next jobs, for callers with a block of their own. */
  span(bytes: number): number {
    this.#stride = Math.ceil(bytes / 64) * 64;
    return this.#stride * getNumThreads();
  }

  /** Starts the next part of the job. */
  part(): void {
    this.#control()[WORDS.starts + this.#part++] = this.#at;
  }

  /** Adds a call to the part. Bits of `own` mark the arguments that are addresses in the thread's scratch memory. */
  call(kernel: WasmFunction, own: number, args: readonly number[]): void {
    const words = this.#control();
    let at = this.#at;
    words[at] = this.#ids.get(kernel) ?? this.#ship(kernel);
    words[at + 1] = args.length;
    words[at + 2] = own;
    at += CALL_HEAD;
    for (let i = 0; i < args.length; i++) words[at + i] = args[i];
    this.#at = at + args.length;
  }

  /**
   * Runs the parts and starts a new job.
   *
   * @throws Error when a kernel failed in a worker, or a worker died.
   */
  run(): void {
    const words = this.#control();
    const parts = this.#part;
    words[WORDS.starts + parts] = this.#at;
    words[WORDS.stride] = this.#stride;
    this.#part = 0;
    this.#at = WORDS.calls;
    this.#jobs++;
    this.#adjustLimit(words);
    Atomics.store(words, WORDS.parts, parts);
    Atomics.store(words, WORDS.next, 0);
    Atomics.add(words, WORDS.epoch, 1);
    if (Atomics.load(words, WORDS.sleeping) > 0) Atomics.notify(words, WORDS.epoch);
    try {
      for (let part = Atomics.add(words, WORDS.next, 1); part < parts; part = Atomics.add(words, WORDS.next, 1)) this.#runPart(words, part);
    } finally {
      Atomics.store(words, WORDS.next, CLOSED);
      this.#join(words);
    }
    if (Atomics.exchange(words, WORDS.failed, 0) !== 0) throw new Error("internal: a kernel failed in a worker");
  }

  #control(): Int32Array {
    if (this.#words === undefined) {
      this.#words = new Int32Array(new SharedArrayBuffer(CONTROL_BYTES));
      this.#words[WORDS.next] = CLOSED;
    }
    return this.#words;
  }

  #hasRoom(): boolean {
    return this.#kernels.length + SPARE_KERNELS <= MAX_KERNELS && this.#codeEnd + SPARE_CODE <= 4 * WORDS.code + CODE_BYTES;
  }

  /** After the limit has changed, waits for workers that may have read the old one: they have no scratch memory in the next job. */
  #adjustLimit(words: Int32Array): void {
    const limit = getNumThreads();
    if (limit === this.#limit) return;
    this.#limit = limit;
    Atomics.store(words, WORDS.limit, limit);
    this.#join(words);
  }

  /** @throws Error when a worker died in the middle of a job. The next jobs are for the main thread alone. */
  #join(words: Int32Array): void {
    if (join(words, this.#patience)) return;
    this.#words = undefined;
    this.#workers = Number.POSITIVE_INFINITY;
    throw new Error(
      `setNumThreads: expected every worker to finish its part, got no sign of life for ${this.#patience / 1000} s; ` +
        "a worker was killed: the last result is lost, and one thread goes on",
    );
  }

  #runPart(words: Int32Array, part: number): void {
    const end = words[WORDS.starts + part + 1];
    for (let at = words[WORDS.starts + part]; at < end; ) {
      const count = words[at + 1];
      const args = new Array<number>(count);
      for (let i = 0; i < count; i++) args[i] = words[at + CALL_HEAD + i];
      this.#kernels[words[at]](...args);
      at += CALL_HEAD + count;
    }
  }

  /** Puts a kernel's module where workers find it: one that sleeps in Atomics.wait sees no messages. */
  #ship(kernel: WasmFunction): number {
    const code = codeOf(kernel);
    const words = this.#control();
    if (code === undefined) throw new Error("internal: expected a kernel without imports");
    let start = this.#modules.get(code.bytes);
    if (start === undefined) {
      start = this.#codeEnd;
      new Uint8Array(words.buffer, start).set(code.bytes);
      this.#codeEnd += code.bytes.length;
      this.#modules.set(code.bytes, start);
    }
    const id = this.#kernels.push(kernel) - 1;
    this.#ids.set(kernel, id);
    words.set([start, code.bytes.length, code.ordinal], WORDS.kernels + 3 * id);
    return id;
  }
}

/**
 * Waits for the parts in flight. A worker that died with one would never report: false if for so many milliseconds, in which the main
 * thread waited and was not suspended, no call of a kernel came to its end.
 */
function join(words: Int32Array, patience: number): boolean {
  const { canBlock } = detectFeatures();
  let progress = Atomics.load(words, WORDS.progress);
  let [last, waited] = [performance.now(), 0];
  for (let spins = 0, active = Atomics.load(words, WORDS.active); active !== 0; active = Atomics.load(words, WORDS.active)) {
    if (++spins < JOIN_SPINS) continue;
    spins = 0;
    if (canBlock) {
      Atomics.store(words, WORDS.blocked, 1);
      Atomics.wait(words, WORDS.active, active, 1);
      Atomics.store(words, WORDS.blocked, 0);
    }
    const [now, seen] = [performance.now(), Atomics.load(words, WORDS.progress)];
    waited = seen === progress ? waited + Math.min(now - last, LONGEST_TURN) : 0;
    [last, progress] = [now, seen];
    if (waited > patience) return false;
  }
  return true;
}
