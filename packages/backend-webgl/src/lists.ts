/** Numbers from 0 below n. */
export function range(n: number): number[] {
  return Array.from({ length: n }, (_, i) => i);
}

/** `a + b + ...`, or 0. */
export function sum(terms: readonly string[]): string {
  return terms.length === 0 ? "0" : terms.join(" + ");
}
