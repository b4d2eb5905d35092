const said = new Set<string>();

/** Tells the user something once. */
export function warn(message: string): void {
  if (said.has(message)) return;
  said.add(message);
  console.warn(`UserWarning: ${message}`);
}
