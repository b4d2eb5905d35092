import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";

const query = matchMedia("(prefers-color-scheme: dark)");

/** Whether the visitor's system is dark. */
const dark: Signal<boolean> = signal(query.matches);

query.addEventListener("change", () => {
  dark.value = query.matches;
});

/** Red, green, blue, 0 to 255. */
type Colour = readonly [number, number, number];

const mix = (a: Colour, b: Colour, share: number): Colour => [0, 1, 2].map((i) => a[i] + (b[i] - a[i]) * share) as unknown as Colour;

/** Colours as canvases keep them, one word a pixel. */
function palette(length: number, colour: (i: number) => Colour): Uint32Array {
  const bytes = new Uint8ClampedArray(4 * length);
  for (let i = 0; i < length; i++) bytes.set([...colour(i), 255], 4 * i);
  return new Uint32Array(bytes.buffer);
}

/** Ink of 0 to 255 on paper. */
export const ink: ReadonlySignal<Uint32Array> = computed(() => {
  const [paper, full]: readonly Colour[] = dark.value
    ? [
        [32, 30, 27],
        [245, 240, 232],
      ]
    : [
        [255, 255, 255],
        [25, 22, 18],
      ];
  return palette(256, (i) => mix(paper, full, i / 255));
});

/** Weights from the least, 0, over zero, 128, to the largest, 256: blue, paper, orange. */
export const weight: ReadonlySignal<Uint32Array> = computed(() => {
  const [paper, below, above]: readonly Colour[] = dark.value
    ? [
        [32, 30, 27],
        [96, 165, 250],
        [251, 146, 60],
      ]
    : [
        [255, 255, 255],
        [37, 99, 235],
        [234, 88, 12],
      ];
  return palette(257, (i) => mix(paper, i < 128 ? below : above, Math.abs(i - 128) / 128));
});

/** Colours of the style sheet that charts draw with. */
export const chartColours: ReadonlySignal<{
  readonly soft: string;
  readonly line: string;
  readonly accent: string;
  readonly second: string;
}> = computed(() => {
  // The style sheet follows the same query.
  void dark.value;
  const style = getComputedStyle(document.documentElement);
  const read = (name: string): string => style.getPropertyValue(name).trim();
  return { soft: read("--soft"), line: read("--line"), accent: read("--accent"), second: read("--second") };
});
