/**
 * The memory that threads coordinate through: 32-bit words of a buffer of its own, beside the tensors' memory. Words that one side writes
 * while the other waits lie on cache lines of their own.
 *
 * @module
 */

/** Word indices. */
export interface ControlWords {
  /** Counts jobs; workers wait for it to change. */
  readonly epoch: number;
  /** The next part that nobody has claimed. */
  readonly next: number;
  /** Workers that may hold a part. */
  readonly active: number;
  /** Workers that must be notified. */
  readonly sleeping: number;
  /** The main thread is blocked until `active` changes. */
  readonly blocked: number;
  /** Number of parts of the job. */
  readonly parts: number;
  /** Bytes from one thread's scratch memory to the next one's. */
  readonly stride: number;
  /** Workers that have started. */
  readonly ready: number;
  /** Threads that may take part, the main thread included. */
  readonly limit: number;
  /** Counts calls that workers have done, a sign of life. */
  readonly progress: number;
  /** Set by a worker whose kernel threw. */
  readonly failed: number;
  /** Where the calls of each part begin, and where the last ones end. */
  readonly starts: number;
  /** For each kernel: first byte and length of its module, and which of the module's exports it is. */
  readonly kernels: number;
  /** The calls: kernel, number of arguments, mask of arguments that differ by thread, arguments. */
  readonly calls: number;
  /** The modules' bytes. */
  readonly code: number;
}

export const MAX_PARTS = 64;
export const MAX_KERNELS = 1024;
export const CALL_WORDS: number = 1 << 18;
export const CODE_BYTES: number = 1 << 21;
/** Words of a call before its arguments. */
export const CALL_HEAD = 3;

const STARTS = 64;
const KERNELS = STARTS + MAX_PARTS + 16;
const CALLS = KERNELS + 3 * MAX_KERNELS;

export const WORDS: ControlWords = {
  epoch: 0,
  next: 16,
  active: 32,
  sleeping: 33,
  blocked: 34,
  parts: 48,
  stride: 49,
  ready: 50,
  limit: 51,
  failed: 52,
  progress: 53,
  starts: STARTS,
  kernels: KERNELS,
  calls: CALLS,
  code: CALLS + CALL_WORDS,
};

/** What `next` holds between jobs: a worker that comes late finds nothing to claim. */
export const CLOSED = 0x40000000;

export const CONTROL_BYTES: number = 4 * WORDS.code + CODE_BYTES;
