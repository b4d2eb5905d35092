import { FormatError, type Tensor, tensor, ValueError } from "@sconce/core";
import { checkIndex, Dataset } from "./dataset.js";
import { type ReadOptions, readBytes } from "./files.js";

/** What a cell of a table holds. */
export type Cell = number | string;

/** Options of {@link CSVDataset}. */
export interface CSVOptions {
  /** Between the cells of a row, "," by default. */
  readonly delimiter?: string;
  /** The first row names the columns, by default; else they are called "0", "1", ... unless they are named here. */
  readonly header?: boolean | readonly string[];
}

/**
 * A table from a file of comma-separated values, as RFC 4180 describes it: cells may stand in double quotes. A column is numbers if all its cells are, with NaN for empty
 * ones; else strings. A sample is an object of the cells of its row.
 * @throws FormatError, with the line, for rows of different lengths and quotes that do not end.
 * @example
 * const table = new CSVDataset("x,y,kind\n1,2,odd\n3,4,even\n");
 * table.getItem(1); // { x: 3, y: 4, kind: "even" }
 * table.tensor(["x", "y"]).shape; // [2, 2]
 */
export class CSVDataset extends Dataset<{ [column: string]: Cell }> {
  /** Names of the columns in their order. */
  readonly columns: readonly string[];
  readonly #cells: readonly (readonly Cell[])[];
  readonly length: number;

  constructor(text: string, { delimiter = ",", header = true }: CSVOptions = {}) {
    super();
    if (delimiter.length !== 1 || delimiter === '"' || delimiter === "\n" || delimiter === "\r")
      throw new ValueError(`CSVDataset: expected a delimiter of one character, got ${JSON.stringify(delimiter)}`);
    const rows = parseRows(text.startsWith("\ufeff") ? text.slice(1) : text, delimiter);
    const named = header === true ? rows.shift()?.cells : undefined;
    const width = named?.length ?? rows[0]?.cells.length ?? 0;
    this.columns = named ?? (Array.isArray(header) ? [...header] : Array.from({ length: width }, (_, i) => String(i)));
    const strange = rows.find(({ cells }) => cells.length !== this.columns.length);
    if (strange !== undefined)
      throw new FormatError(
        `CSVDataset: expected ${this.columns.length} cells in line ${strange.line}, as there are columns, got ${strange.cells.length}`,
      );
    this.#cells = this.columns.map((_, i) => typed(rows.map(({ cells }) => cells[i])));
    this.length = rows.length;
  }

  /** Reads a file or URL. @throws ReadError if it cannot be read. @throws FormatError for what is no such table. */
  static async load(source: string | URL, options: CSVOptions & ReadOptions = {}): Promise<CSVDataset> {
    return new CSVDataset(new TextDecoder().decode(await readBytes(source, options)), options);
  }

  override getItem(index: number): { [column: string]: Cell } {
    checkIndex(index, this.length, "CSVDataset");
    return Object.fromEntries(this.columns.map((name, i) => [name, this.#cells[i][index]]));
  }

  /** The cells of a column. @throws ValueError if there is no such column. */
  column(name: string): readonly Cell[] {
    const i = this.columns.indexOf(name);
    if (i < 0) throw new ValueError(`CSVDataset: no column ${JSON.stringify(name)}; there are ${this.columns.join(", ")}`);
    return this.#cells[i];
  }

  /** Columns of numbers, `[N, columns]` in float32; one column by its name, `[N]`. @throws ValueError for a column of strings. */
  tensor(columns: string | readonly string[]): Tensor {
    if (typeof columns === "string") return tensor(Float32Array.from(this.#numbers(columns)));
    const values = columns.map((name) => this.#numbers(name));
    return tensor(
      Float32Array.from({ length: this.length * values.length }, (_, i) => values[i % values.length][Math.floor(i / values.length)]),
    ).view([this.length, values.length]);
  }

  #numbers(name: string): readonly number[] {
    const cells = this.column(name);
    const at = cells.findIndex((cell) => typeof cell === "string");
    if (at >= 0)
      throw new ValueError(
        `CSVDataset: expected column ${name} to hold numbers, got ${JSON.stringify(cells[at])} in sample ${at}; map it to numbers first`,
      );
    return cells as readonly number[];
  }
}

interface Row {
  readonly cells: string[];
  readonly line: number;
}

function parseRows(text: string, delimiter: string): Row[] {
  const rows: Row[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const row: Row = { cells: [], line };
    for (;;) {
      const cell = text[at] === '"' ? quotedCell(text, at, line) : plainCell(text, at, delimiter);
      row.cells.push(cell.text);
      line += cell.lines;
      at = cell.end;
      if (text[at] !== delimiter) break;
      at++;
    }
    if (at < text.length && text[at] !== "\n" && text[at] !== "\r")
      throw new FormatError(
        `CSVDataset: expected ${JSON.stringify(delimiter)} or the end of line ${line} after a quote, got ${JSON.stringify(text[at])}`,
      );
    at += text.startsWith("\r\n", at) ? 2 : 1;
    line++;
    if (row.cells.length > 1 || row.cells[0] !== "") rows.push(row);
  }
  return rows;
}

interface ParsedCell {
  readonly text: string;
  readonly end: number;
  /** Line breaks inside. */
  readonly lines: number;
}

function plainCell(text: string, start: number, delimiter: string): ParsedCell {
  let end = start;
  while (end < text.length && text[end] !== delimiter && text[end] !== "\n" && text[end] !== "\r") end++;
  return { text: text.slice(start, end), end, lines: 0 };
}

/** A cell in quotes, in which two quotes stand for one. */
function quotedCell(text: string, start: number, line: number): ParsedCell {
  let end = start + 1;
  for (;;) {
    end = text.indexOf('"', end);
    if (end < 0) throw new FormatError(`CSVDataset: a quote of line ${line} does not end`);
    if (text[end + 1] !== '"') break;
    end += 2;
  }
  const inside = text.slice(start + 1, end).replaceAll('""', '"');
  return { text: inside, end: end + 1, lines: inside.split("\n").length - 1 };
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$|^[+-]?(inf(inity)?|nan)$/i;

/** Cells of a column as numbers, if all are; an empty one is NaN. */
function typed(cells: readonly string[]): readonly Cell[] {
  const trimmed = cells.map((cell) => cell.trim());
  if (!trimmed.every((cell) => cell === "" || NUMBER.test(cell)) || trimmed.every((cell) => cell === "")) return cells;
  return trimmed.map(toNumber);
}

function toNumber(cell: string): number {
  if (cell === "" || /nan/i.test(cell)) return Number.NaN;
  if (/inf/i.test(cell)) return cell.startsWith("-") ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return Number(cell);
}
