const N = 624;
const M = 397;

/**
 * The Mersenne Twister mt19937, 32 bits at a time, seeded as PyTorch seeds its CPU engine.
 *
 * Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998.
 *
 * @example
 * const engine = new Mt19937(5489);
 * engine.next(); // 3499211612
 */
export class Mt19937 {
  /** The 624 words of state; kept signed, which V8 handles fastest. */
  readonly words: Int32Array = new Int32Array(N);
  /** Index of the next word to hand out; 624 means that the words must be twisted first. */
  index: number = N;

  /** Starts the engine; only the low 32 bits of `seed` count. */
  constructor(seed: number) {
    const words = this.words;
    words[0] = seed;
    for (let j = 1; j < N; j++) {
      const previous = words[j - 1];
      words[j] = Math.imul(1812433253, previous ^ (previous >>> 30)) + j;
    }
  }

  /** The next unsigned 32-bit integer. */
  next(): number {
    if (this.index === N) this.twist();
    let y = this.words[this.index++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  private twist(): void {
    const words = this.words;
    let k = 0;
    for (; k < N - M; k++) words[k] = words[k + M] ^ mix(words[k], words[k + 1]);
    for (; k < N - 1; k++) words[k] = words[k + M - N] ^ mix(words[k], words[k + 1]);
    words[N - 1] = words[M - 1] ^ mix(words[N - 1], words[0]);
    this.index = 0;
  }
}

function mix(upper: number, lower: number): number {
  const y = (upper & 0x80000000) | (lower & 0x7fffffff);
  return (y >>> 1) ^ (-(lower & 1) & 0x9908b0df);
}
