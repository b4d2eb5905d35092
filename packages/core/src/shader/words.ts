import { HEADER_WORDS } from "./text.js";

/** Parameters of kernels, in the making: integers, and floats by their bits. */
export class Words {
  /** All of them. */
  readonly words: Int32Array<ArrayBuffer>;
  readonly #floats: Float32Array<ArrayBuffer>;
  /** Where the next one goes. */
  protected at: number = HEADER_WORDS;

  constructor(capacity: number) {
    this.words = new Int32Array(capacity);
    this.#floats = new Float32Array(this.words.buffer);
  }

  /** Writes an integer. */
  int(value: number): this {
    this.words[this.at++] = value;
    return this;
  }

  /** Writes integers. */
  ints(values: readonly number[]): this {
    for (let i = 0; i < values.length; i++) this.words[this.at++] = values[i];
    return this;
  }

  /** Writes a float. */
  float(value: number): this {
    this.#floats[this.at++] = value;
    return this;
  }

  /** Writes the bits of infinity and of NaN into the header of the block that starts at `start`. */
  protected special(start: number): void {
    this.words[start + 2] = 0x7f800000;
    this.words[start + 3] = 0x7fc00000;
  }
}
