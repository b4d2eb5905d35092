import type { Picture } from "./digit.js";

/** Side of the drawing, in its own pixels. */
export const SIDE = 280;
const PEN = 22;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Where a pointer is on a canvas, in the canvas's own pixels. */
export function pointOf(event: PointerEvent, canvas: HTMLCanvasElement): Point {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return { x: ((event.clientX - left) * SIDE) / width, y: ((event.clientY - top) * SIDE) / height };
}

/** Strokes on a canvas. Ink is what is opaque, so that its colour can be the page's. */
export class Drawing {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  #last: Point | null = null;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d", { willReadFrequently: true }) as CanvasRenderingContext2D;
  }

  /** Draws from the last point to this one; `pressure` is that of a pen, 0.5 for what has none. */
  lineTo(point: Point, pressure = 0.5): void {
    const from = this.#last ?? point;
    const context = this.#context;
    context.strokeStyle = getComputedStyle(this.#canvas).color;
    context.lineCap = "round";
    context.lineJoin = "round";
    context.lineWidth = PEN * (0.6 + 0.8 * pressure);
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(point.x, point.y);
    context.stroke();
    this.#last = point;
  }

  /** Lifts the pen. */
  lift(): void {
    this.#last = null;
  }

  clear(): void {
    this.lift();
    this.#context.clearRect(0, 0, SIDE, SIDE);
  }

  /** Shows an image of 28 x 28 bytes in place of the strokes. */
  show(pixels: Uint8Array): void {
    this.clear();
    const small = new OffscreenCanvas(28, 28);
    const context = small.getContext("2d") as OffscreenCanvasRenderingContext2D;
    context.fillStyle = getComputedStyle(this.#canvas).color;
    context.fillRect(0, 0, 28, 28);
    const image = context.getImageData(0, 0, 28, 28);
    for (let i = 0; i < pixels.length; i++) image.data[4 * i + 3] = pixels[i];
    context.putImageData(image, 0, 0);
    this.#context.drawImage(small, 0, 0, SIDE, SIDE);
  }

  /** The ink, 0 to 255. */
  get picture(): Picture {
    const { data } = this.#context.getImageData(0, 0, SIDE, SIDE);
    return { pixels: Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i + 3]), width: SIDE, height: SIDE };
  }
}
