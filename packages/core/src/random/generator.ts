import { ValueError } from "../errors.js";
import { tracer } from "../tracing.js";
import { Mt19937 } from "./mt19937.js";

const DEFAULT_SEED = 67280421310721;
const WORDS = 624;
const RESEEDED = "a generator that is seeded or restored would give each replay the same numbers: do it outside of the function";
/** Bytes of PyTorch's `CPUGeneratorImplState`. */
const STATE_BYTES = 5056;
const OFFSET = { seed: 0, left: 8, seeded: 12, next: 16, words: 24, normal: 5024, hasNormal: 5040, kernels: 5044 } as const;

/**
 * A random number generator with the streams of PyTorch's CPU generator: the same seed gives the same numbers.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.Generator.html
 *
 * @example
 * const generator = new Generator(42);
 * generator.random(); // 1608637542
 */
export class Generator {
  /**
   * The second half of the last Box-Muller pair, not yet handed out.
   * @internal
   */
  nextNormal: number | undefined = undefined;
  #engine!: Mt19937;
  #kernels = 0;
  #current!: bigint;

  /** Starts the stream of `seed`, by default PyTorch's default seed 67280421310721. */
  constructor(seed: number | bigint = DEFAULT_SEED) {
    this.manualSeed(seed);
  }

  /**
   * Restarts the stream from `seed` and returns this generator.
   * @throws ValueError unless `seed` is an integer from -2^63 to 2^64 - 1.
   */
  manualSeed(seed: number | bigint): this {
    if (typeof seed !== "bigint" && !Number.isInteger(seed)) {
      throw new ValueError(`manualSeed: expected an integer, got ${seed}`);
    }
    if (tracer !== null) tracer.refuse("manualSeed", RESEEDED);
    const wide = BigInt(seed);
    if (wide < -(1n << 63n) || wide >= 1n << 64n) {
      throw new ValueError(`manualSeed: Overflow when unpacking long, expected a seed from -2^63 to 2^64 - 1, got ${seed}`);
    }
    this.#current = BigInt.asUintN(64, wide);
    this.#engine = new Mt19937(Number(BigInt.asUintN(32, wide)));
    this.nextNormal = undefined;
    this.#kernels = 0;
    return this;
  }

  /** The counter-based stream of the next kernel that draws its own numbers; the stream of this generator does not advance. */
  nextKernelStream(): { readonly seed: number; readonly offset: number } {
    if (tracer !== null) tracer.streamed(this, this.#kernels);
    return { seed: Number(BigInt.asUintN(53, this.#current)), offset: this.#kernels++ };
  }

  /** Restarts the stream from a seed that nobody can predict, and returns that seed. */
  seed(): number {
    const words = crypto.getRandomValues(new Uint32Array(2));
    const seed = (words[0] & 0x1fffff) * 2 ** 32 + words[1];
    this.manualSeed(seed);
    return seed;
  }

  /** The seed that the stream started from: a number, or a bigint beyond 2^53. */
  initialSeed(): number | bigint {
    const seed = Number(this.#current);
    return Number.isSafeInteger(seed) ? seed : this.#current;
  }

  /**
   * A number that every draw changes.
   * @internal
   */
  get position(): number {
    return this.#engine.words[0] * 1024 + this.#engine.index + (this.nextNormal === undefined ? 0 : 0.5);
  }

  /** The next unsigned 32-bit integer. */
  random(): number {
    return this.#engine.next();
  }

  /** The next unsigned 64-bit integer, made of two 32-bit draws. */
  random64(): bigint {
    const high = this.#engine.next();
    return (BigInt(high) << 32n) | BigInt(this.#engine.next());
  }

  /** A uniform sample of [0, 1) with 24 bits, from one 32-bit draw: a float32. */
  uniformFloat(): number {
    return (this.#engine.next() & 0xffffff) * 2 ** -24;
  }

  /** A uniform sample of [0, 1) with 53 bits, from two 32-bit draws: a float64. */
  uniformDouble(): number {
    const high = this.#engine.next() & 0x1fffff;
    return (high * 2 ** 32 + this.#engine.next()) * 2 ** -53;
  }

  /** A copy that continues the stream independently. */
  clone(): Generator {
    return new Generator().setState(this.getState());
  }

  /**
   * The whole state as 5056 bytes, in the layout of PyTorch's `Generator.get_state()`.
   *
   * @example
   * const generator = new Generator(0);
   * const state = generator.getState();
   * generator.random() === generator.setState(state).random(); // true
   */
  getState(): Uint8Array {
    const bytes = new Uint8Array(STATE_BYTES);
    const view = new DataView(bytes.buffer);
    const { words, index } = this.#engine;
    view.setBigUint64(OFFSET.seed, this.#current, true);
    // PyTorch counts down to the twist: a fresh engine has left 1 and next 0.
    view.setInt32(OFFSET.left, WORDS - index + 1, true);
    view.setInt32(OFFSET.seeded, 1, true);
    view.setUint32(OFFSET.next, index === WORDS && this.#fresh() ? 0 : index, true);
    for (let i = 0; i < WORDS; i++) view.setInt32(OFFSET.words + 8 * i, words[i], true);
    // Padding in PyTorch's layout.
    view.setUint32(OFFSET.kernels, this.#kernels, true);
    if (this.nextNormal !== undefined) {
      view.setFloat64(OFFSET.normal, this.nextNormal, true);
      view.setInt32(OFFSET.hasNormal, 1, true);
    }
    return bytes;
  }

  /**
   * Continues from a state of {@link Generator.getState} or of PyTorch, and returns this generator.
   * @throws ValueError unless `state` is a valid state of 5056 bytes.
   */
  setState(state: Uint8Array): this {
    if (state.length !== STATE_BYTES) {
      throw new ValueError(`setState: expected a generator state of ${STATE_BYTES} bytes, got ${state.length}`);
    }
    const { position } = this;
    const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
    const left = view.getInt32(OFFSET.left, true);
    const next = view.getUint32(OFFSET.next, true);
    if (view.getInt32(OFFSET.seeded, true) !== 1 || left < 1 || left > WORDS || (left > 1 && next !== WORDS + 1 - left)) {
      throw new ValueError("setState: Invalid mt19937 state; pass what getState returned");
    }
    this.#current = view.getBigUint64(OFFSET.seed, true);
    this.#engine = new Mt19937(0);
    for (let i = 0; i < WORDS; i++) this.#engine.words[i] = view.getInt32(OFFSET.words + 8 * i, true);
    this.#engine.index = left === 1 ? WORDS : next;
    this.#kernels = view.getUint32(OFFSET.kernels, true);
    this.nextNormal = view.getInt32(OFFSET.hasNormal, true) ? view.getFloat64(OFFSET.normal, true) : undefined;
    if (tracer !== null && this.position !== position) tracer.refuse("setState", RESEEDED);
    return this;
  }

  /** True until the first draw: the first word of state is then still the seed. */
  #fresh(): boolean {
    return this.#engine.words[0] === Number(BigInt.asIntN(32, this.#current));
  }
}
