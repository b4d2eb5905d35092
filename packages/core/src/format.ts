import { getDefaultDType } from "./dtype.js";
import { ValueError } from "./errors.js";

/** How tensors are printed. */
export interface PrintOptions {
  /** Digits after the point of floating-point elements. */
  readonly precision: number;
  /** Number of elements above which the middle of a tensor is left out. */
  readonly threshold: number;
  /** Elements shown at each end of a dimension whose middle is left out. */
  readonly edgeitems: number;
  /** Characters a line. */
  readonly linewidth: number;
  /** Scientific notation always or never; undefined chooses by the values. */
  readonly sciMode: boolean | undefined;
}

const DEFAULTS: PrintOptions = { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, sciMode: undefined };

/** Named sets of print options. */
export type PrintProfile = "default" | "short" | "full";

const PROFILES: { readonly [P in PrintProfile]: PrintOptions } = {
  default: DEFAULTS,
  short: { ...DEFAULTS, precision: 2, edgeitems: 2 },
  full: { ...DEFAULTS, threshold: Number.POSITIVE_INFINITY },
};

let current: PrintOptions = DEFAULTS;

/**
 * Changes how tensors are printed, as `torch.set_printoptions` does; a call without `sciMode` resets that one.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.set_printoptions.html
 *
 * @throws ValueError unless `precision` is an integer from 0 to 99 and the counts are not negative.
 *
 * @example
 * setPrintOptions({ precision: 2 });
 * setPrintOptions({ profile: "default" });
 */
export function setPrintOptions(options: Partial<PrintOptions> & { readonly profile?: PrintProfile }): void {
  const { profile, sciMode, ...changes } = options;
  current = { ...merge(profile ? PROFILES[profile] : current, changes), sciMode };
}

/** The options that tensors are printed with. */
export function getPrintOptions(): PrintOptions {
  return current;
}

function merge(base: PrintOptions, changes: Partial<PrintOptions>): PrintOptions {
  const merged = {
    precision: changes.precision ?? base.precision,
    threshold: changes.threshold ?? base.threshold,
    edgeitems: changes.edgeitems ?? base.edgeitems,
    linewidth: changes.linewidth ?? base.linewidth,
    sciMode: changes.sciMode ?? base.sciMode,
  };
  if (!Number.isInteger(merged.precision) || merged.precision < 0 || merged.precision > 99) {
    throw new ValueError(`setPrintOptions: expected a precision from 0 to 99, got ${merged.precision}`);
  }
  for (const name of ["threshold", "edgeitems", "linewidth"] as const) {
    if (!(merged[name] >= 0)) throw new ValueError(`setPrintOptions: expected ${name} of 0 or more, got ${merged[name]}`);
  }
  return merged;
}

/** What is printed: `data` holds the elements of `shape`, row-major; only those that appear are read. */
export interface FormatSource {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly data: ArrayLike<number | bigint>;
}

/** What is printed beside the elements, and print options for this call. */
export interface FormatOptions extends Partial<PrintOptions> {
  /** Last part, such as `gradFn=<AddmmBackward0>` or `requiresGrad=true`. */
  readonly suffix?: string | undefined;
  /** Device of the tensor; named unless it is the CPU. */
  readonly device?: string | undefined;
}

const PREFIX = "tensor(";

/**
 * The text of a tensor, in PyTorch's layout.
 *
 * The dtype is named unless it is the default float dtype, int32 or bool; an empty tensor names all but the default.
 *
 * @example
 * formatTensor({ shape: [2, 2], dtype: "float32", data: [1, 0.5, -2, 0] });
 * // tensor([[ 1.0000,  0.5000],
 * //         [-2.0000,  0.0000]])
 */
export function formatTensor(source: FormatSource, options: FormatOptions = {}): string {
  const { shape, dtype } = source;
  const print = merge(current, options);
  const empty = shape.includes(0);
  const suffixes: string[] = [];
  if (options.device !== undefined && options.device !== "cpu") suffixes.push(`device='${options.device}'`);
  if (empty && shape.length !== 1) suffixes.push(`size=(${shape.join(", ")})`);
  if (dtype !== getDefaultDType() && (empty || (dtype !== "int32" && dtype !== "bool"))) suffixes.push(`dtype=${dtype}`);
  if (options.suffix) suffixes.push(options.suffix);
  const body = empty ? "[]" : formatBody(source, print);
  return addSuffixes(PREFIX + body, suffixes, print.linewidth);
}

/** Appends the suffixes, each on a new line where it would not fit. */
function addSuffixes(text: string, suffixes: readonly string[], linewidth: number): string {
  let out = text;
  let length = text.length - text.lastIndexOf("\n") + 1;
  for (const suffix of suffixes) {
    if (length + suffix.length + 2 > linewidth) {
      out += `,\n${" ".repeat(PREFIX.length)}${suffix}`;
      length = PREFIX.length + suffix.length;
    } else {
      out += `, ${suffix}`;
      length += suffix.length + 2;
    }
  }
  return `${out})`;
}

function formatBody({ shape, dtype, data }: FormatSource, print: PrintOptions): string {
  const size = shape.reduce((a, b) => a * b, 1);
  const edge = size > print.threshold ? print.edgeitems : Number.POSITIVE_INFINITY;
  const shown: (number | bigint)[] = [];
  collect(shape, data, 0, 0, edge, shown);
  const element = isFloat(dtype) ? floatFormatter(shown.map(Number), print) : exactFormatter(shown, dtype);
  let next = 0;
  const format = (): string => element.format(shown[next++]);
  return formatDim(shape, 0, edge, { format, width: element.width, linewidth: print.linewidth });
}

function isFloat(dtype: string): boolean {
  return dtype.includes("float");
}

/** The indices of a dimension that are shown; null stands for those left out. */
function shownIndices(size: number, edge: number): (number | null)[] {
  if (size <= 2 * edge) return Array.from({ length: size }, (_, i) => i);
  const first = Array.from({ length: edge }, (_, i) => i);
  return [...first, null, ...first.map((i) => size - edge + i)];
}

function collect(
  shape: readonly number[],
  data: ArrayLike<number | bigint>,
  dim: number,
  offset: number,
  edge: number,
  out: (number | bigint)[],
): void {
  if (dim === shape.length) {
    out.push(data[offset]);
    return;
  }
  for (const i of shownIndices(shape[dim], edge)) {
    if (i !== null) collect(shape, data, dim + 1, offset * shape[dim] + i, edge, out);
  }
}

interface Layout {
  /** Text of the next element, in row-major order. */
  readonly format: () => string;
  readonly width: number;
  readonly linewidth: number;
}

function formatDim(shape: readonly number[], dim: number, edge: number, layout: Layout): string {
  if (dim === shape.length) return layout.format();
  const indent = PREFIX.length + dim;
  const indices = shownIndices(shape[dim], edge);
  if (dim === shape.length - 1) return formatVector(indices, indent, layout);
  const slices = indices.map((i) => (i === null ? "..." : formatDim(shape, dim + 1, edge, layout)));
  const separator = `,${"\n".repeat(shape.length - dim - 1)}${" ".repeat(indent + 1)}`;
  return `[${slices.join(separator)}]`;
}

function formatVector(indices: readonly (number | null)[], indent: number, { format, width, linewidth }: Layout): string {
  const perLine = Math.max(1, Math.floor((linewidth - indent) / (width + 2)));
  const words = indices.map((i) => (i === null ? " ..." : format()));
  const lines: string[] = [];
  for (let i = 0; i < words.length; i += perLine) lines.push(words.slice(i, i + perLine).join(", "));
  return `[${lines.join(`,\n${" ".repeat(indent + 1)}`)}]`;
}

interface ElementFormatter {
  readonly width: number;
  readonly format: (value: number | bigint) => string;
}

function widest(words: readonly string[], least: number): number {
  return words.reduce((width, word) => Math.max(width, word.length), least);
}

function exactFormatter(values: readonly (number | bigint)[], dtype: string): ElementFormatter {
  const word = (value: number | bigint): string => (dtype === "bool" ? (Number(value) ? "True" : "False") : String(value));
  const width = widest(values.map(word), 1);
  return { width, format: (value) => word(value).padStart(width) };
}

function floatFormatter(values: readonly number[], { precision, sciMode }: PrintOptions): ElementFormatter {
  const finite = values.filter((value) => value !== 0 && Number.isFinite(value));
  const integral = finite.every(Number.isInteger);
  const scientific = needsScientific(finite, integral);
  const chosen = finite.length === 0 ? false : (sciMode ?? scientific);
  const write = (value: number, asScientific: boolean): string => {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
    if (asScientific) return toScientific(value, precision);
    return integral ? `${toFixed(value, 0)}.` : toFixed(value, precision);
  };
  // The width follows the values' own notation even where sciMode overrides it, as in PyTorch.
  const width = widest(
    finite.map((value) => write(value, scientific)),
    1,
  );
  return { width, format: (value) => write(Number(value), chosen).padStart(width) };
}

/** True if the magnitudes of the finite values other than zero differ too much for a column of fixed digits. */
function needsScientific(finite: readonly number[], integral: boolean): boolean {
  if (finite.length === 0) return false;
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const value of finite) {
    least = Math.min(least, Math.abs(value));
    most = Math.max(most, Math.abs(value));
  }
  return most / least > 1000 || most > 1e8 || (!integral && least < 1e-4);
}

// JavaScript rounds halves up and drops the sign of zero; Python rounds halves to even and keeps it.

function toFixed(value: number, digits: number): string {
  const magnitude = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  if (magnitude >= 1e21) return `${sign}${BigInt(magnitude)}${digits > 0 ? `.${"0".repeat(digits)}` : ""}`;
  let text = magnitude.toFixed(digits);
  // A binary fraction of digits + 1 places has as many decimal places: only such a value can end in an exact half.
  if (Number.isInteger(magnitude * 2 ** (digits + 1))) {
    const exact = magnitude.toFixed(digits + 1);
    const even = exact.at(-1) === "5" && Number(exact.at(digits === 0 ? -3 : -2)) % 2 === 0;
    if (even) text = exact.slice(0, digits === 0 ? -2 : -1);
  }
  return sign + text;
}

function toScientific(value: number, digits: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  let [mantissa, exponent] = Math.abs(value).toExponential(digits).split("e");
  const [exact, rest] = Math.abs(value).toExponential(100).split("e");
  const half = exact.slice(digits + 2);
  if (/^50*$/.test(half) && Number(exact[digits + 1 === 1 ? 0 : digits + 1]) % 2 === 0) {
    [mantissa, exponent] = [digits === 0 ? exact[0] : exact.slice(0, digits + 2), rest];
  }
  return `${sign}${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}
