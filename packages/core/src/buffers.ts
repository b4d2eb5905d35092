/**
 * The buffers of all devices: what frees them, and where they go when a loop lets nothing be freed.
 *
 * @module
 */
import type { Backend, Handle } from "./backend.js";
import { type DType, itemSize, type TypedArray } from "./dtype.js";
import { macrotask } from "./tick.js";
import { tracer } from "./tracing.js";

/**
 * What the garbage collector watches for a value: engines carry it, with all that it refers to, through every collection of young objects,
 * so it refers to nothing.
 */
export class Token {}

/** What has a buffer. */
interface Held {
  readonly backend: Backend;
  readonly dtype: DType;
  readonly size: number;
}

/** A buffer, shared between a value and the finalizer that frees it when the value is collected. */
export interface Box extends Held {
  /** null once it is freed, belongs to another value, or has moved to the host. */
  handle: Handle | null;
  readonly bytes: number;
  /** The generation that it was last used in. */
  generation: number;
  /** It is freed when the value is collected. */
  isWatched: boolean;
  /** Its place among the young ones. */
  place: number;
}

/** Bytes and buffers that tensors hold on all devices. */
export interface MemoryInfo {
  /** Bytes of live buffers. */
  readonly bytes: number;
  /** Number of live buffers. */
  readonly buffers: number;
  /** Largest `bytes` so far. */
  readonly peakBytes: number;
}

let liveBytes = 0;
let liveBuffers = 0;
let peakBytes = 0;

/** Reports what tensors hold now. */
export function memory(): MemoryInfo {
  return { bytes: liveBytes, buffers: liveBuffers, peakBytes };
}

// ---- ballast

/** More than C libraries ever take from recycled memory, so a block is address space that nobody has touched. */
const BLOCK_BYTES = 2 ** 25 + 2 ** 16;
/**
 * The garbage collector does not see device memory, so a block stands for each so many bytes of buffers that it watches and that have come
 * since it last found some: it runs when it has seen about two.
 */
const BYTES_PER_BLOCK = 2 ** 26;
const MOST_BLOCKS = 4;
const ballast: object[] = [];
const allocateBlock = (): object =>
  (globalThis as { Buffer?: { allocUnsafeSlow?(n: number): object } }).Buffer?.allocUnsafeSlow?.(BLOCK_BYTES) ??
  new ArrayBuffer(BLOCK_BYTES);
/** Bytes of buffers that the garbage collector watches, and the least of them since it last found some. */
let watchedBytes = 0;
let leastWatched = 0;

// ---- life

/** What a buffer weighs beyond its bytes: it keeps objects alive, and one that is small as much as a large one. */
const OVERHEAD = 2 ** 13;

/** Counts the buffer of a value. */
export function holdBuffer(value: Held, handle: Handle): Box {
  const { backend, dtype, size } = value;
  const { resident } = backend.limits;
  const bytes = size * itemSize(dtype);
  const box: Box = {
    backend,
    handle,
    dtype,
    size,
    bytes,
    generation: resident === undefined ? FIXED : generation,
    isWatched: false,
    place: 0,
  };
  liveBytes += bytes;
  liveBuffers++;
  if (liveBytes > peakBytes) peakBytes = liveBytes;
  if (resident !== undefined) addYoung(box, resident);
  return box;
}

/**
 * New buffers and the tokens of their values. Most of them are freed within the step that makes them, and only the others are worth being
 * watched: those that are there at the next turn of the event loop, or when many have been made since.
 */
let fresh: (Token | Box)[] = [];
const MOST_FRESH = 2 ** 13;

/** Has a buffer freed when its value is collected. */
export function watchLater(token: Token, box: Box): void {
  if (fresh.length === 0) void macrotask().then(watchFresh);
  if (fresh.push(token, box) > MOST_FRESH) watchFresh();
}

function watchFresh(): void {
  const list = fresh;
  fresh = [];
  for (let i = 0; i < list.length; i += 2) {
    const box = list[i + 1] as Box;
    if (box.handle !== null && !box.isWatched) watch(list[i], box);
  }
}

function watch(token: Token, box: Box): void {
  if (!box.isWatched) {
    box.isWatched = true;
    watchedBytes += box.bytes + OVERHEAD;
    const blocks = Math.floor((watchedBytes - leastWatched) / BYTES_PER_BLOCK);
    if (blocks > ballast.length && ballast.length < MOST_BLOCKS) ballast.push(allocateBlock());
  }
  (box.generation === FIXED ? fixedFinalizer : finalizers[0]).register(token, box);
}

/** Frees a buffer. */
export function freeBox(box: Box): void {
  const { handle } = box;
  if (handle === null) return;
  forgetBox(box);
  box.backend.free(handle);
}

/** Counts a buffer no longer. */
export function forgetBox(box: Box): void {
  box.handle = null;
  liveBytes -= box.bytes;
  liveBuffers--;
  leaveYoung(box);
  if (box.isWatched) leastWatched = Math.min(leastWatched, (watchedBytes -= box.bytes + OVERHEAD));
}

function freeCollected(box: Box): void {
  patience = GENERATIONS;
  freeBox(box);
  ballast.length = 0;
  leastWatched = watchedBytes;
}

// ---- moving to the host

/**
 * Finalizers wait for a turn of the event loop. In a synchronous loop the buffers of dead values go another way: whenever the young ones are
 * too many, those that were last used before them move to arrays on the host, dead or not, where the garbage collector frees them by itself; a
 * living one comes back when it is used. Use makes a buffer young again, so what each step needs stays where it is.
 */
export let generation = 1;
/** The generation of buffers that never move: a small integer, which takes no memory of its own. */
const FIXED = 2 ** 30 - 1;
let young: Box[] = [];
let old: Box[] = [];
/** Those that are to move, and how many of them do at each op. */
let leaving: Box[] = [];
const PORTION = 16;
let youngBytes = 0;
/** Bytes of generations that have ended without a new block: no finalizer drops the blocks of a synchronous loop. */
let agedBytes = 0;
/** Bytes that have come back in this generation. */
let returnedBytes = 0;
/** Bytes of a generation beyond what the device asks for: it grows where much comes back, and shrinks slowly. */
let budget = 0;
const GROWTH = 4;
const SHRINKAGE = 0.97;
const LARGEST_GENERATION = 2 ** 30;
/** Bytes that have moved and not come back since the last turn of the event loop, and how often the limit they may be before a warning. */
let lostBytes = 0;
const MOST_LOST = 8;
/** A registry for the young buffers, and one for the old that goes with them: a registry remembers what has died until the next turn. */
const finalizers = [new FinalizationRegistry<Box>(freeCollected)];
const fixedFinalizer = new FinalizationRegistry<Box>(freeCollected);
/** The contents of buffers that moved, by their former handles, to which only living values lead. */
const contents = new WeakMap<Handle, TypedArray>();
/** Programs that run now and have taken handles of buffers. */
let readers = 0;
/** Generations that are left to finalizers, which may run now and then; they are larger. */
let patience = 0;
const GENERATIONS = 4;
let warned = false;

/** True when {@link moveOld} has something to do. */
export let isCrowded = false;

function addYoung(box: Box, resident: number): void {
  box.place = young.push(box) - 1;
  youngBytes += box.bytes + OVERHEAD;
  if (youngBytes > Math.max(resident / (patience > 0 ? 2 : 4), budget)) isCrowded = true;
}

/** Strikes a young buffer off: what is freed must not be kept until the generation ends. */
function leaveYoung(box: Box): void {
  if (box.generation !== generation) return;
  youngBytes -= box.bytes + OVERHEAD;
  const last = young.pop() as Box;
  if (last === box) return;
  young[box.place] = last;
  last.place = box.place;
}

/** Moves some of the buffers of the generation before the last to the host, unless somebody has taken handles; ends a generation if there are none. */
export function moveOld(): void {
  if (tracer !== null || readers > 0) return;
  if (leaving.length === 0) endGeneration();
  for (const box of leaving.splice(-PORTION)) {
    const { backend, handle, dtype, size, bytes } = box;
    if (handle === null || box.generation > generation - 2) continue;
    contents.set(handle, (backend as Required<Backend>).downloadSync(handle, dtype, size));
    freeBox(box);
    lostBytes += bytes;
    if (lostBytes > MOST_LOST * (backend.limits.resident as number)) warnOnce();
  }
  isCrowded = leaving.length > 0;
}

function endGeneration(): void {
  watchFresh();
  agedBytes += youngBytes;
  if (agedBytes >= BYTES_PER_BLOCK) {
    agedBytes = 0;
    ballast.splice(0, MOST_BLOCKS, allocateBlock());
  }
  leaving = old;
  old = young;
  young = [];
  generation++;
  finalizers.unshift(new FinalizationRegistry(freeCollected));
  finalizers.length = 2;
  budget = Math.min(Math.max(GROWTH * returnedBytes, SHRINKAGE * budget), LARGEST_GENERATION);
  lostBytes = patience-- > 0 ? 0 : lostBytes - returnedBytes;
  youngBytes = returnedBytes = 0;
}

/** The buffer of a value whose former one has moved. */
export function moveBack(value: Held, former: Handle): Box {
  const { backend, dtype } = value;
  const box = holdBuffer(value, backend.upload(contents.get(former) as TypedArray, dtype));
  returnedBytes += box.bytes + OVERHEAD;
  return box;
}

/** Makes a buffer that is used young again. */
export function renewBuffer(token: Token, box: Box): void {
  if (box.generation === FIXED) return;
  box.generation = generation;
  addYoung(box, box.backend.limits.resident as number);
  watch(token, box);
}

/** Keeps a buffer where it is, for those who keep its handle. */
export function fixBuffer(token: Token, box: Box): void {
  leaveYoung(box);
  box.generation = FIXED;
  watch(token, box);
}

/** Keeps all buffers where they are, until {@link releaseHandles}, for what takes handles and then computes with tensors. */
export function keepHandles(): void {
  if (isCrowded) moveOld();
  readers++;
}

/** Takes one {@link keepHandles} back. */
export function releaseHandles(): void {
  readers--;
}

function warnOnce(): void {
  if (warned) return;
  warned = true;
  console.warn("sconce: a loop without await frees no tensors: they move to slower memory; put its body into scope(() => { ... })");
}
