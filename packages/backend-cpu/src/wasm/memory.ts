/**
 * One WebAssembly memory and its allocator. Small blocks come from slabs of one size class, large ones from free lists of page runs that
 * are merged only when nothing fits, so that a training loop gets back the very blocks it has just freed, still in the cache.
 *
 * @module
 */
import { detectFeatures } from "./features.js";

/** A byte address in the WASM memory; up to 2^32, so never put it through signed 32-bit arithmetic. */
export type Pointer = number;

/** What the allocator holds, in bytes. */
export interface MemoryStats {
  /** Bytes in blocks that are allocated now, rounded up to block sizes. */
  readonly live: number;
  /** Size of the WASM memory. */
  readonly reserved: number;
  /** Largest `live` so far. */
  readonly highWater: number;
}

export interface HeapOptions {
  /** Share the memory with workers; by default wherever the platform allows it. */
  readonly shared?: boolean;
  /** Upper bound in 64 KiB pages, at most 65536 (4 GiB). */
  readonly maximum?: number;
}

const WASM_PAGE = 65536;
const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
const ALIGN_BITS = 6;
const SMALL_LIMIT = 8192;
const SLAB_PAGES = 8;
/** Slabs that lie together: small blocks live long, and one between large blocks keeps them from being merged. */
const SLABS = 16;
const GROWTH_STEP = 1 << 20;
const FIT_ATTEMPTS = 8;
const LARGE = 255;
const FREE = 0;

/** Four classes per power of two: the index for a size in units (1 based), exact up to 8 units. */
function classOf(units: number): number {
  const rest = units - 1;
  if (rest < 4) return rest;
  const shift = 29 - Math.clz32(rest);
  return 4 * shift + (rest >>> shift);
}

/** The largest size in units that falls into a class. */
function classUnits(index: number): number {
  if (index < 4) return index + 1;
  const shift = (index >> 2) - 1;
  return ((index & 3) + 4 + 1) << shift;
}

const SMALL_CLASSES = classOf(SMALL_LIMIT >> ALIGN_BITS) + 1;
const LARGE_CLASSES = classOf(2 ** (32 - PAGE_BITS)) + 1;

function createMemory(options: HeapOptions): { memory: WebAssembly.Memory; shared: boolean; maximum: number } {
  const shared = options.shared ?? detectFeatures().sharedMemory;
  for (let maximum = options.maximum ?? 65536; ; maximum >>>= 1) {
    try {
      return { memory: new WebAssembly.Memory({ initial: Math.min(16, maximum), maximum, shared }), shared, maximum };
    } catch (error) {
      if (maximum <= 256) throw error;
    }
  }
}

const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/**
 * A heap over one `WebAssembly.Memory`. Blocks are aligned to 64 bytes and not cleared.
 *
 * @example
 * const heap = new Heap();
 * const a = heap.alloc(4 * 100);
 * heap.f32.fill(1, a / 4, a / 4 + 100);
 * heap.free(a);
 */
export class Heap {
  readonly memory: WebAssembly.Memory;
  readonly shared: boolean;
  readonly maximum: number;

  readonly #small: number[][] = Array.from({ length: SMALL_CLASSES }, () => []);
  readonly #large: number[][] = Array.from({ length: LARGE_CLASSES }, () => []);
  /** Per page: 0 in free runs, 1 + class in slabs, LARGE at the start of an allocated run. */
  readonly #kind: Uint8Array;
  /** Length in pages of the run that starts at a page. */
  readonly #run: Uint32Array;
  /** A bit per 64 bytes, set while a small block starts there: it catches a block freed twice. */
  readonly #used: Uint32Array;
  /** Pages at which slabs can begin. */
  readonly #slabs: number[] = [];
  #freePages = 0;
  #unmerged = false;
  #liveBytes = 0;
  #highWaterBytes = 0;
  readonly #workspaces: { pointer: Pointer; bytes: number }[] = [];

  /** Views of the whole memory, replaced when it grows: read the property anew after every `alloc`. */
  f32!: Float32Array;
  f64!: Float64Array;
  i32!: Int32Array;
  u32!: Uint32Array;
  i64!: BigInt64Array;
  u8!: Uint8Array;

  constructor(options: HeapOptions = {}) {
    const { memory, shared, maximum } = createMemory(options);
    this.memory = memory;
    this.shared = shared;
    this.maximum = maximum;
    const pages = maximum * (WASM_PAGE / PAGE);
    this.#kind = new Uint8Array(pages);
    this.#run = new Uint32Array(pages);
    this.#used = new Uint32Array(pages * 2);
    this.#refreshViews();
    // Page 0 stays unused, so that no tensor has the address 0.
    this.#release(1, memory.buffer.byteLength / PAGE - 1);
  }

  /**
   * A block of at least `bytes`, aligned to 64.
   *
   * @throws RangeError when the memory cannot grow far enough.
   */
  alloc(bytes: number): Pointer {
    if (bytes > SMALL_LIMIT) return this.#allocLarge(bytes);
    const index = classOf(Math.max(1, Math.ceil(bytes / 64)));
    const list = this.#small[index];
    if (list.length === 0) this.#addSlab(index);
    const pointer = list.pop()!;
    this.#used[pointer >>> 11] |= 1 << (pointer >>> 6);
    this.#count(classUnits(index) << ALIGN_BITS);
    return pointer;
  }

  /**
   * Gives a block back.
   *
   * @throws RangeError when no block starts at the pointer.
   */
  free(pointer: Pointer): void {
    const page = Math.floor(pointer / PAGE);
    const kind = this.#kind[page];
    if (kind === LARGE && pointer === page * PAGE) {
      this.#liveBytes -= this.#run[page] * PAGE;
      this.#release(page, this.#run[page]);
    } else if (kind !== FREE && kind !== LARGE && this.#holdsSmall(pointer)) {
      this.#used[pointer >>> 11] &= ~(1 << (pointer >>> 6));
      this.#liveBytes -= classUnits(kind - 1) << ALIGN_BITS;
      this.#small[kind - 1].push(pointer);
    } else throw new RangeError(`free: expected the address of an allocated block, got ${pointer}; it may have been freed before`);
  }

  /** Bytes in blocks that are allocated now. */
  get live(): number {
    return this.#liveBytes;
  }

  stats(): MemoryStats {
    return { live: this.#liveBytes, reserved: this.memory.buffer.byteLength, highWater: this.#highWaterBytes };
  }

  /** Scratch memory of one thread: at least `bytes`, the same block until a call asks for more. What it held is lost on growth. */
  workspace(thread: number, bytes: number): Pointer {
    const current = this.#workspaces[thread];
    if (current && current.bytes >= bytes) return current.pointer;
    if (current) this.free(current.pointer);
    const pointer = this.alloc(bytes);
    this.#workspaces[thread] = { pointer, bytes };
    return pointer;
  }

  #holdsSmall(pointer: Pointer): boolean {
    return pointer % 64 === 0 && ((this.#used[pointer >>> 11] >>> (pointer >>> 6)) & 1) === 1;
  }

  #count(bytes: number): void {
    this.#liveBytes += bytes;
    if (this.#liveBytes > this.#highWaterBytes) this.#highWaterBytes = this.#liveBytes;
  }

  #addSlab(index: number): void {
    if (this.#slabs.length === 0) {
      const start = this.#takeRun(SLABS * SLAB_PAGES);
      for (let i = SLABS - 1; i >= 0; i--) this.#slabs.push(start + i * SLAB_PAGES);
    }
    const page = this.#slabs.pop()!;
    this.#kind.fill(index + 1, page, page + SLAB_PAGES);
    const size = classUnits(index) << ALIGN_BITS;
    const start = page * PAGE;
    for (let offset = SLAB_PAGES * PAGE - size; offset >= 0; offset -= size) this.#small[index].push(start + offset);
  }

  #allocLarge(bytes: number): Pointer {
    const page = this.#takeRun(Math.ceil(bytes / PAGE));
    this.#kind[page] = LARGE;
    this.#count(this.#run[page] * PAGE);
    return page * PAGE;
  }

  /** A run of at least `pages`, out of the free lists or of grown memory. */
  #takeRun(pages: number): number {
    let page = this.#findRun(pages);
    if (page === 0 && this.#unmerged && this.#freePages >= pages) {
      this.#merge();
      page = this.#findRun(pages);
    }
    if (page === 0) {
      this.#grow(pages);
      page = this.#findRun(pages);
    }
    return this.#split(page, pages);
  }

  /** Removes a fitting run from the free lists and returns its page, or 0. */
  #findRun(pages: number): number {
    const own = classOf(pages);
    const list = this.#large[own];
    for (let i = list.length - 1, last = Math.max(0, list.length - FIT_ATTEMPTS); i >= last; i--) {
      if (this.#run[list[i]] >= pages) return list.splice(i, 1)[0];
    }
    for (let index = own + 1; index < LARGE_CLASSES; index++) {
      const page = this.#large[index].pop();
      if (page !== undefined) return page;
    }
    return 0;
  }

  /** Returns what a run has too much to the free lists; a remainder below an eighth stays, since it would only fragment. */
  #split(page: number, pages: number): number {
    const length = this.#run[page];
    this.#freePages -= length;
    const rest = length - pages;
    if (rest > 0 && rest >= pages >> 3) {
      this.#run[page] = pages;
      this.#release(page + pages, rest);
    }
    return page;
  }

  #release(page: number, pages: number): void {
    this.#kind[page] = FREE;
    this.#run[page] = pages;
    this.#freePages += pages;
    this.#unmerged = true;
    this.#large[classOf(pages)].push(page);
  }

  /** Joins neighbouring free runs. */
  #merge(): void {
    const starts = this.#large.flat().sort((a, b) => a - b);
    for (const list of this.#large) list.length = 0;
    for (let i = 0; i < starts.length; ) {
      const page = starts[i++];
      while (i < starts.length && starts[i] === page + this.#run[page]) this.#run[page] += this.#run[starts[i++]];
      this.#large[classOf(this.#run[page])].push(page);
    }
    this.#unmerged = false;
  }

  /** Grows the memory so that a run of `pages` exists, by an eighth of its size at least and by the exact need if that fails. */
  #grow(pages: number): void {
    const size = this.memory.buffer.byteLength;
    const end = size / PAGE;
    const need = (pages - this.#trailingPages(end)) * PAGE;
    const limit = this.maximum * WASM_PAGE - size;
    const generous = Math.min(limit, Math.ceil(Math.max(need, size / 8) / GROWTH_STEP) * GROWTH_STEP);
    const exact = Math.ceil(need / WASM_PAGE) * WASM_PAGE;
    if (exact > limit || !(this.#tryGrow(generous) || this.#tryGrow(exact))) throw this.#outOfMemory(pages * PAGE);
    this.#refreshViews();
    this.#release(end, this.memory.buffer.byteLength / PAGE - end);
    this.#merge();
  }

  /** Length of the free run at the end of the memory. */
  #trailingPages(end: number): number {
    this.#merge();
    for (const list of this.#large) for (const page of list) if (page + this.#run[page] === end) return this.#run[page];
    return 0;
  }

  #tryGrow(bytes: number): boolean {
    try {
      this.memory.grow(bytes / WASM_PAGE);
      return true;
    } catch {
      return false;
    }
  }

  #outOfMemory(bytes: number): RangeError {
    const { live, reserved } = this.stats();
    return new RangeError(
      `alloc: expected room for ${megabytes(bytes)}, got ${megabytes(live)} in use of ${megabytes(reserved)} ` +
        `and the memory cannot grow; free tensors earlier with scope() or use smaller batches`,
    );
  }

  /** A grown memory has a new buffer: all views are made anew. */
  #refreshViews(): void {
    const { buffer } = this.memory;
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i64 = new BigInt64Array(buffer);
    this.u8 = new Uint8Array(buffer);
  }
}
