import { HEADER_WORDS } from "@sconce/core/shader";

const CAPACITY_WORDS = 512;

/** The parameters of the next kernel: integers, and floats by their bits. */
export class Params {
  readonly words: Int32Array<ArrayBuffer> = new Int32Array(CAPACITY_WORDS);
  readonly #floats: Float32Array<ArrayBuffer>;
  #at = HEADER_WORDS;

  constructor() {
    this.#floats = new Float32Array(this.words.buffer);
    this.words[2] = 0x7f800000;
    this.words[3] = 0x7fc00000;
  }

  /** Forgets the parameters of the last kernel. */
  begin(): this {
    this.#at = HEADER_WORDS;
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
}
