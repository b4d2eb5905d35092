import { HEADER_WORDS, Words } from "@sconce/core/shader";

/** Parameter blocks are aligned to what every device accepts for dynamic offsets. */
export const BLOCK_BYTES = 256;

const CAPACITY_WORDS = 2 ** 18;

/** Parameter blocks of a batch, one for each dispatch; they are uploaded together when the batch is submitted. */
export class Params extends Words {
  /** First word of the open block. */
  start = 0;

  constructor() {
    super(CAPACITY_WORDS);
    this.at = 0;
  }

  /** Words in use. */
  get used(): number {
    return this.at;
  }

  /** True if another block of any kernel fits. */
  get hasRoom(): boolean {
    return this.at + 1024 < CAPACITY_WORDS;
  }

  /** Starts a block behind the last one. */
  begin(): this {
    this.start = Math.ceil(this.at / (BLOCK_BYTES / 4)) * (BLOCK_BYTES / 4);
    this.at = this.start + HEADER_WORDS;
    return this;
  }

  /** Fills the header of the open block: size, elements per row of workgroups. */
  header(size: number, row: number): void {
    const { words, start } = this;
    words[start] = size;
    words[start + 1] = row;
    this.special(start);
  }

  /** Takes the open block back and returns its words, to be begun again by {@link resume}. */
  withdraw(): Int32Array {
    const words = this.copy();
    this.at = this.start;
    return words;
  }

  /** Starts a block with the words of one that was taken back. */
  resume(words: Int32Array): this {
    this.begin();
    this.at = this.start;
    return this.append(words);
  }

  /** The words of the open block from `first` on, as they are now. */
  copy(first: number = 0): Int32Array {
    return this.words.slice(this.start + first, this.at);
  }

  /** Adds words to the open block. */
  append(words: Int32Array): this {
    const { words: all, at } = this;
    // Calls of TypedArray.set take longer than so few words.
    for (let i = 0; i < words.length; i++) all[at + i] = words[i];
    this.at = at + words.length;
    return this;
  }

  reset(): void {
    this.start = 0;
    this.at = 0;
  }
}
