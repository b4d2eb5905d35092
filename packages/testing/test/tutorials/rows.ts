/** Number of checklist rows of each tutorial document. */
const ROWS: Readonly<Record<string, number>> = { S000: 17, S001: 27, S002: 30, S003: 37, S004: 53 };

/** The rows' names: `S000-01` up to `S004-53`. */
export const rowIds: readonly string[] = Object.entries(ROWS).flatMap(([document, count]) =>
  Array.from({ length: count }, (_, i) => `${document}-${String(i + 1).padStart(2, "0")}`),
);
