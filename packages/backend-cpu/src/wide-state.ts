let wide = false;

/** Counts the changes of settings that what was made for earlier calls of kernels may depend on. */
export let settingsVersion = 0;

/** To be called when such a setting changes. */
export function settingsChanged(): void {
  settingsVersion++;
}

/** True after `configureCpu({ wide: true })`. */
export function isWide(): boolean {
  return wide;
}

/** Switches wide vectors on or off. */
export function useWide(on: boolean): void {
  wide = on;
  settingsChanged();
}
