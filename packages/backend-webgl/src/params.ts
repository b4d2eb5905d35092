import { HEADER_WORDS, Words } from "@sconce/core/shader";

const CAPACITY_WORDS = 512;

/** The parameters of the next kernel; its header has the number of elements and the texels in a row of the output. */
export class Params extends Words {
  constructor() {
    super(CAPACITY_WORDS);
    this.special(0);
  }

  /** Forgets the parameters of the last kernel. */
  begin(): this {
    this.at = HEADER_WORDS;
    return this;
  }
}
