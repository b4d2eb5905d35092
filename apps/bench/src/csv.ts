import type { BenchReport } from "./format.js";

const COLUMNS = ["suite", "case", "device", "threads", "runner", "unit", "median", "min", "q1", "q3", "samples", "limitFraction"] as const;

const quoted = (value: unknown): string => {
  const text = value === undefined ? "" : String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** The results as a table for spreadsheets: RFC 4180, with a line of names. */
export function toCsv({ results }: BenchReport): string {
  const header = [...COLUMNS, "ratio", "ratio q1", "ratio q3", "note"];
  const rows = results.map((result) => [
    ...COLUMNS.map((column) => result[column]),
    result.ratio?.median,
    result.ratio?.q1,
    result.ratio?.q3,
    result.note,
  ]);
  return [header, ...rows].map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}
