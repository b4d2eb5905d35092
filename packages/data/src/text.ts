import { type Tensor, tensor, ValueError } from "@sconce/core";
import { checkIndex, Dataset } from "./dataset.js";

/** How a text is taken apart. */
export type TextUnit = "characters" | "words";

/** Options of {@link Vocabulary.of}. */
export interface VocabularyOptions {
  /** Tokens that come first, such as "<pad>". */
  readonly special?: readonly string[];
  /** The token that stands for all that are not in the vocabulary; it is added if it is new. */
  readonly unknown?: string;
  /** Leaves out what comes less often, 1 by default. */
  readonly minCount?: number;
}

/**
 * Tokens with numbers: characters, or words with the marks between them.
 * @example
 * const vocabulary = Vocabulary.of("hello world", "characters");
 * vocabulary.length; // 8
 * vocabulary.decode(vocabulary.encode("hold")); // "hold"
 */
export class Vocabulary {
  /** The tokens by number. */
  readonly tokens: readonly string[];
  readonly unit: TextUnit;
  readonly #numbers: ReadonlyMap<string, number>;
  readonly #unknown: number | undefined;

  constructor(tokens: readonly string[], unit: TextUnit, unknown?: string) {
    this.tokens = [...tokens];
    this.unit = unit;
    this.#numbers = new Map(tokens.map((token, i) => [token, i]));
    if (this.#numbers.size !== tokens.length) throw new ValueError("Vocabulary: expected each token once");
    this.#unknown = unknown === undefined ? undefined : this.#numbers.get(unknown);
    if (unknown !== undefined && this.#unknown === undefined)
      throw new ValueError(`Vocabulary: expected ${JSON.stringify(unknown)} among the tokens`);
  }

  /** The tokens of a text: characters in the order of their code points, words by how often they come, then by their text. */
  static of(text: string, unit: TextUnit, { special = [], unknown, minCount = 1 }: VocabularyOptions = {}): Vocabulary {
    const counts = new Map<string, number>();
    for (const token of split(text, unit)) counts.set(token, (counts.get(token) ?? 0) + 1);
    const first = [...new Set([...special, ...(unknown === undefined ? [] : [unknown])])];
    const found = [...counts.keys()].filter((token) => (counts.get(token) as number) >= minCount && !first.includes(token)).sort();
    // The sort is stable: words that come equally often stay in the order of their text.
    if (unit === "words") found.sort((a, b) => (counts.get(b) as number) - (counts.get(a) as number));
    return new Vocabulary([...first, ...found], unit, unknown);
  }

  /** Number of tokens. */
  get length(): number {
    return this.tokens.length;
  }

  /** Numbers of the tokens of a text. @throws ValueError for a token that is not there, unless there is one for the unknown. */
  encode(text: string): Int32Array {
    return Int32Array.from(split(text, this.unit), (token) => {
      const number = this.#numbers.get(token) ?? this.#unknown;
      if (number === undefined) throw new ValueError(`Vocabulary.encode: ${JSON.stringify(token)} is not among the ${this.length} tokens`);
      return number;
    });
  }

  /** The text of numbers; words are joined by spaces. @throws ValueError for a number that no token has. */
  decode(numbers: Iterable<number>): string {
    const tokens = Array.from(numbers, (n) => {
      if (this.tokens[n] === undefined) throw new ValueError(`Vocabulary.decode: expected numbers from 0 to ${this.length - 1}, got ${n}`);
      return this.tokens[n];
    });
    return tokens.join(this.unit === "words" ? " " : "");
  }
}

function split(text: string, unit: TextUnit): readonly string[] {
  return unit === "characters" ? [...text] : (text.match(/[\p{L}\p{N}]+(?:['’][\p{L}\p{N}]+)*|[^\s\p{L}\p{N}]/gu) ?? []);
}

/** Options of {@link TextDataset}. */
export interface TextDatasetOptions {
  /** Tokens in a sample. */
  readonly blockSize: number;
  /** Tokens from the start of one sample to the start of the next, 1 by default. */
  readonly stride?: number;
}

/**
 * Samples for a language model: a block of tokens `[T]` and the tokens one place further, `[T]`, both int32.
 * @throws ValueError for a text that is shorter than a block and its next token.
 * @example
 * const vocabulary = Vocabulary.of("to be or not to be", "words");
 * const dataset = new TextDataset(vocabulary.encode("to be or not to be"), { blockSize: 3 });
 * dataset.getItem(0); // [[to, be, or], [be, or, not]] as numbers
 */
export class TextDataset extends Dataset<[Tensor, Tensor]> {
  /** All tokens. */
  readonly tokens: Int32Array;
  readonly blockSize: number;
  readonly length: number;
  readonly #stride: number;

  constructor(tokens: Iterable<number>, { blockSize, stride = 1 }: TextDatasetOptions) {
    super();
    for (const [name, n] of Object.entries({ blockSize, stride }))
      if (!Number.isInteger(n) || n < 1) throw new ValueError(`TextDataset: expected a positive integer as ${name}, got ${n}`);
    this.tokens = Int32Array.from(tokens);
    this.blockSize = blockSize;
    this.#stride = stride;
    if (this.tokens.length <= blockSize)
      throw new ValueError(`TextDataset: expected more tokens than a block of ${blockSize} has, got ${this.tokens.length}`);
    this.length = Math.floor((this.tokens.length - blockSize - 1) / stride) + 1;
  }

  override getItem(index: number): [Tensor, Tensor] {
    checkIndex(index, this.length, "TextDataset");
    const start = index * this.#stride;
    return [this.#block(start), this.#block(start + 1)];
  }

  /** Blocks `[N, T]` and the tokens one place further, `[N, T]`. */
  override getItems(indices: readonly number[]): [Tensor, Tensor] {
    const inputs = new Int32Array(indices.length * this.blockSize);
    const targets = new Int32Array(inputs.length);
    indices.forEach((index, i) => {
      checkIndex(index, this.length, "TextDataset");
      const start = index * this.#stride;
      inputs.set(this.tokens.subarray(start, start + this.blockSize), i * this.blockSize);
      targets.set(this.tokens.subarray(start + 1, start + 1 + this.blockSize), i * this.blockSize);
    });
    const shape = [indices.length, this.blockSize];
    return [tensor(inputs).view(shape), tensor(targets).view(shape)];
  }

  #block(start: number): Tensor {
    return tensor(this.tokens.subarray(start, start + this.blockSize));
  }
}
