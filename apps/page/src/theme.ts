/** Colours of the visitor's system. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";

const query = matchMedia("(prefers-color-scheme: dark)");

/** Whether the visitor's system is dark. */
export const dark: Signal<boolean> = signal(query.matches);

query.addEventListener("change", () => {
  dark.value = query.matches;
});

/** Colours of the style sheet that charts draw with. */
export interface Colours {
  readonly ink: string;
  readonly soft: string;
  readonly line: string;
  readonly accent: string;
  readonly second: string;
}

/** They follow the visitor's system. */
export const colours: ReadonlySignal<Colours> = computed(() => {
  // The style sheet follows the same query.
  void dark.value;
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return { ink: read("--ink"), soft: read("--soft"), line: read("--line"), accent: read("--accent"), second: read("--second") };
});
