import { computed, type ReadonlySignal } from "@preact/signals";
import { dark } from "@sconce-apps/page/theme";

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
