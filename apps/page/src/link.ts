/** Settings that stand in the address behind `#`, so that a link carries them. */
import { effect, type Signal, signal } from "@preact/signals";
import { tell } from "./notices.js";

/** What a link asks for: settings, and in words what of it cannot be had. */
export interface Parsed<S> {
  readonly settings: S;
  readonly problems: readonly string[];
}

/** The settings of the page: the address follows them, and they follow a new address, of which `onLink` hears. */
export function linkedSettings<S>(
  parse: (hash: string) => Parsed<S>,
  format: (settings: S) => string,
  onLink: (settings: S) => void = () => {},
): Signal<S> {
  const read = (): S => {
    const { settings: wanted, problems } = parse(location.hash);
    for (const text of problems) tell({ kind: "info", text });
    return wanted;
  };
  const settings = signal(read());
  effect(() => {
    const hash = format(settings.value);
    // In a task of its own: browsers take their time over it.
    if (hash !== location.hash) setTimeout(() => history.replaceState(null, "", hash));
  });
  addEventListener("hashchange", () => {
    settings.value = read();
    onLink(settings.value);
  });
  return settings;
}
