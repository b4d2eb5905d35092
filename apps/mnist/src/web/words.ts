/** Numbers as the page writes them. */

// One formatter: making one takes longer than the rest of a redraw.
const integers = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** 60000 to `60,000`. */
export const whole = (n: number): string => integers.format(n);

/** 0.9234 to `92.3 %`; a dash for what is not known. */
export const percent = (share: number | null | undefined): string =>
  share == null ? "–" : `${(100 * share).toFixed(share > 0.995 ? 2 : 1)} %`;

/** Bytes to `10.4 MB`. */
export const size = (bytes: number): string => (bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** Where the largest number stands, or -1 where one is not a number. */
export function argmax(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}
