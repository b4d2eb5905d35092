/** First and end of part `i` of `count` of a range, whose parts are about equal and multiples of `unit` but for the last. */
export function rangeOf(size: number, unit: number, i: number, count: number): readonly [first: number, end: number] {
  const units = Math.ceil(size / unit);
  const at = (part: number): number => Math.min(size, Math.floor((part * units) / count) * unit);
  return [at(i), at(i + 1)];
}
