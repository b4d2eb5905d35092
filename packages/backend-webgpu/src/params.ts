import { HEADER_WORDS } from "@sconce/core/shader";

/** Parameter blocks are aligned to what every device accepts for dynamic offsets. */
export const BLOCK_BYTES = 256;

const CAPACITY_WORDS = 2 ** 18;

/** Parameter blocks of a batch, one for each dispatch; they are uploaded together when the batch is submitted. */
export class Params {
  readonly words: Int32Array<ArrayBuffer> = new Int32Array(CAPACITY_WORDS);
  readonly #floats: Float32Array<ArrayBuffer>;
  /** First word of the open block. */
  start = 0;
  #at = 0;

  constructor() {
    this.#floats = new Float32Array(this.words.buffer);
  }

  /** Words in use. */
  get used(): number {
    return this.#at;
  }

  /** True if another block of any kernel fits. */
  get hasRoom(): boolean {
    return this.#at + 1024 < CAPACITY_WORDS;
  }

  /** Starts a block behind the last one. */
  begin(): this {
    this.start = Math.ceil(this.#at / (BLOCK_BYTES / 4)) * (BLOCK_BYTES / 4);
    this.#at = this.start + HEADER_WORDS;
    return this;
  }

  int(value: number): this {
    this.words[this.#at++] = value;
    return this;
  }

  ints(values: readonly number[]): this {
    for (let i = 0; i < values.length; i++) this.words[this.#at++] = values[i];
    return this;
  }

  float(value: number): this {
    this.#floats[this.#at++] = value;
    return this;
  }

  /** Fills the header of the open block. */
  header(size: number, row: number): void {
    const { words, start } = this;
    words[start] = size;
    words[start + 1] = row;
    words[start + 2] = 0x7f800000;
    words[start + 3] = 0x7fc00000;
  }

  /** Takes the open block back and returns its words, to be begun again by {@link resume}. */
  withdraw(): Int32Array {
    const words = this.words.slice(this.start, this.#at);
    this.#at = this.start;
    return words;
  }

  /** Starts a block with the words of one that was taken back. */
  resume(words: Int32Array): this {
    this.begin();
    this.words.set(words, this.start);
    this.#at = this.start + words.length;
    return this;
  }

  reset(): void {
    this.start = 0;
    this.#at = 0;
  }
}
