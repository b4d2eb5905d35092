import { FormatError, typeName } from "@sconce/core";
import { checkIndex, Dataset } from "./dataset.js";
import { type ReadOptions, readBytes } from "./files.js";

/** Options of {@link JSONDataset}. */
export interface JSONOptions {
  /** One value a line (JSON Lines), not one array; found out by default: a text that starts with "[" is an array. */
  readonly lines?: boolean;
}

/**
 * Samples from JSON: the elements of an array, or the lines of a file of JSON Lines.
 * @throws FormatError for what is no JSON, with the line, and for JSON that is no array.
 * @example
 * const rows = new JSONDataset<{ x: number }>('{"x": 1}\n{"x": 2}\n');
 * rows.getItem(1); // { x: 2 }
 */
export class JSONDataset<Item = unknown> extends Dataset<Item> {
  readonly items: readonly Item[];

  constructor(text: string, { lines = !text.trimStart().startsWith("[") }: JSONOptions = {}) {
    super();
    this.items = (lines ? parseLines(text) : parseArray(text)) as Item[];
  }

  /** Reads a file or URL. @throws ReadError if it cannot be read. @throws FormatError for what is no such file. */
  static async load<Item = unknown>(source: string | URL, options: JSONOptions & ReadOptions = {}): Promise<JSONDataset<Item>> {
    return new JSONDataset<Item>(new TextDecoder().decode(await readBytes(source, options)), options);
  }

  get length(): number {
    return this.items.length;
  }

  override getItem(index: number): Item {
    checkIndex(index, this.length, "JSONDataset");
    return this.items[index];
  }
}

function parseLines(text: string): unknown[] {
  return text.split("\n").flatMap((line, i) => (line.trim() === "" ? [] : [parse(line, ` in line ${i + 1}`)]));
}

function parseArray(text: string): unknown[] {
  const value = parse(text, "");
  if (!Array.isArray(value)) throw new FormatError(`JSONDataset: expected an array of samples, got ${typeName(value)}`);
  return value;
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FormatError(`JSONDataset: expected JSON${where}: ${(error as Error).message}`);
  }
}
