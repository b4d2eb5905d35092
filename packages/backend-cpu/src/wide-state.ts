let wide = false;

/** True after `configureCpu({ wide: true })`. */
export function isWide(): boolean {
  return wide;
}

/** Switches wide vectors on or off. */
export function useWide(on: boolean): void {
  wide = on;
}
