/** Turns a drawing into an image as MNIST's were made. */

const SIDE = 28;
const BOX = 20;

/** A grey picture: 0 is paper, 255 is ink. */
export interface Picture {
  readonly pixels: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Smallest box that holds all ink, or null where there is none. */
function inkBox({ pixels, width, height }: Picture): Box | null {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (pixels[y * width + x] === 0) continue;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      bottom = y;
    }
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** How much of the pixel `i` lies between `from` and `to`. */
const overlap = (i: number, from: number, to: number): number => Math.max(0, Math.min(i + 1, to) - Math.max(i, from));

/** Mean grey of a part of a picture; its edges may cut pixels. */
function mean({ pixels, width, height }: Picture, x0: number, y0: number, x1: number, y1: number): number {
  let sum = 0;
  for (let y = Math.max(0, Math.floor(y0)); y < Math.min(height, y1); y++) {
    for (let x = Math.max(0, Math.floor(x0)); x < Math.min(width, x1); x++) {
      sum += pixels[y * width + x] * overlap(x, x0, x1) * overlap(y, y0, y1);
    }
  }
  return sum / ((x1 - x0) * (y1 - y0));
}

const within = (x: number, least: number, most: number): number => Math.min(Math.max(x, least), most);

/** Where the ink of a box has its centre of mass, in pixels of the picture. */
function centreOfMass({ pixels, width }: Picture, box: Box): readonly [x: number, y: number] {
  let [mass, sx, sy] = [0, 0, 0];
  for (let y = box.top; y < box.top + box.height; y++) {
    for (let x = box.left; x < box.left + box.width; x++) {
      const ink = pixels[y * width + x];
      mass += ink;
      sx += ink * (x + 0.5);
      sy += ink * (y + 0.5);
    }
  }
  return [sx / mass, sy / mass];
}

/**
 * Scales a drawing so that its longer side fills 20 pixels, and lays its centre of mass on the centre of 28 x 28, as the makers of MNIST
 * did; ink that would lie outside is kept inside. Null where nothing is drawn.
 *
 * Source: http://yann.lecun.com/exdb/mnist/
 */
export function toMnist(picture: Picture): Uint8Array | null {
  const box = inkBox(picture);
  if (box === null) return null;
  const scale = Math.max(box.width, box.height) / BOX; // Pixels of the drawing in one of the image.
  const [cx, cy] = centreOfMass(picture, box);
  const left = within(cx - (SIDE / 2) * scale, box.left + box.width - SIDE * scale, box.left);
  const top = within(cy - (SIDE / 2) * scale, box.top + box.height - SIDE * scale, box.top);
  const image = new Uint8Array(SIDE * SIDE);
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const [x0, y0] = [left + x * scale, top + y * scale];
      image[y * SIDE + x] = Math.round(mean(picture, x0, y0, x0 + scale, y0 + scale));
    }
  }
  return image;
}
