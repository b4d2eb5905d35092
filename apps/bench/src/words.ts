/** Figures as the page and the reports write them. */
import type { Ratio, Unit } from "./format.js";

/** Three significant digits, never in powers of ten: `0.0123`, `1.23`, `12.3`, `1,234`. */
export function short(value: number): string {
  if (value === 0) return "0";
  const digits = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

const UNITS: { readonly [U in Unit]: string } = { ms: "ms", us: "µs", "GFLOP/s": "GFLOP/s", MB: "MB" };

/** A unit as it is printed. */
export const unitTitle = (unit: Unit): string => UNITS[unit];

/** A value with its unit. */
export const quantity = (value: number, unit: Unit): string => `${short(value)} ${UNITS[unit]}`;

/** A ratio with its quartiles. */
export const ratioText = ({ median, q1, q3 }: Ratio): string => `${median.toFixed(2)} (${q1.toFixed(2)}–${q3.toFixed(2)})`;

/** A share in whole percent. */
export const percent = (share: number): string => `${Math.round(100 * share)} %`;
