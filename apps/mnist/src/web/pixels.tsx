import type { ReadonlySignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface PixelsProps {
  readonly width: number;
  readonly height: number;
  /** One entry of the palette for each pixel. */
  readonly values: Uint8Array | Uint16Array;
  readonly palette: ReadonlySignal<Uint32Array>;
  readonly label: string;
}

/** A picture of one value per pixel. */
export function Pixels({ width, height, values, palette, label }: PixelsProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const colours = palette.value;
  useEffect(() => {
    const image = new ImageData(width, height);
    const words = new Uint32Array(image.data.buffer);
    for (let i = 0; i < words.length; i++) words[i] = colours[values[i]];
    canvas.current?.getContext("2d")?.putImageData(image, 0, 0);
  }, [values, colours, width, height]);
  return <canvas ref={canvas} width={width} height={height} class="pixels" role="img" aria-label={label} />;
}
