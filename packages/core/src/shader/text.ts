/** Words of parameters that every kernel has: two of the backend's, then the bits of infinity and of NaN. */
export const HEADER_WORDS = 4;

/** A kernel's text in the making: its parameters `p`, functions beside its own, and statements. */
export class Text {
  words: number = HEADER_WORDS;
  protected readonly globals: string[] = [];
  protected readonly body: string[] = [];

  /** The next parameter word as an integer. */
  int(): string {
    const word = this.words++;
    return `p[${word >> 2}].${"xyzw"[word & 3]}`;
  }

  /** The next `count` parameter words. */
  ints(count: number): string[] {
    return Array.from({ length: count }, () => this.int());
  }

  /** The next parameter word as a float. */
  float(): string {
    return `intBitsToFloat(${this.int()})`;
  }

  /** A declaration outside of the kernel's own function. */
  global(text: string): void {
    this.globals.push(text);
  }

  /** Statements. */
  add(...lines: string[]): void {
    this.body.push(...lines);
  }

  /** The statements so far, which are taken back. */
  take(): string[] {
    return this.body.splice(0);
  }
}
