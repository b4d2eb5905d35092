import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Red, green, blue, 0 to 255. */
type Colour = readonly [number, number, number];

const dark = (): boolean => matchMedia("(prefers-color-scheme: dark)").matches;

/** Ink of 0 to 255 on paper, in the page's colours. */
export function ink(value: number): Colour {
  const [paper, full] = dark() ? [32, 245] : [255, 25];
  const grey = paper + ((full - paper) * value) / 255;
  return [grey, grey, grey];
}

/** A weight of -1 to 1: blue below zero, orange above, paper at zero. */
export function weight(value: number): Colour {
  const paper: Colour = dark() ? [32, 30, 27] : [255, 255, 255];
  const [below, above]: readonly Colour[] = dark()
    ? [
        [96, 165, 250],
        [251, 146, 60],
      ]
    : [
        [37, 99, 235],
        [234, 88, 12],
      ];
  const full = value < 0 ? below : above;
  const share = Math.min(1, Math.abs(value));
  return [0, 1, 2].map((i) => paper[i] + (full[i] - paper[i]) * share) as unknown as Colour;
}

interface PixelsProps {
  readonly width: number;
  readonly height: number;
  readonly values: ArrayLike<number>;
  readonly colour: (value: number) => Colour;
  readonly label: string;
}

/** A picture of one value per pixel. */
export function Pixels({ width, height, values, colour, label }: PixelsProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const draw = (): void => {
      const context = (canvas.current as HTMLCanvasElement).getContext("2d") as CanvasRenderingContext2D;
      const image = context.createImageData(width, height);
      for (let i = 0; i < width * height; i++) {
        image.data.set(colour(values[i]), 4 * i);
        image.data[4 * i + 3] = 255;
      }
      context.putImageData(image, 0, 0);
    };
    draw();
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => scheme.removeEventListener("change", draw);
  }, [values, colour, width, height]);
  return <canvas ref={canvas} width={width} height={height} class="pixels" role="img" aria-label={label} />;
}
