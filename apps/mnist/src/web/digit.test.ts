import { describe, expect, it } from "vitest";
import { type Picture, toMnist } from "./digit.js";

/** A picture with ink in a rectangle. */
function rectangle(side: number, left: number, top: number, width: number, height: number): Picture {
  const pixels = new Uint8Array(side * side);
  for (let y = top; y < top + height; y++) pixels.fill(255, y * side + left, y * side + left + width);
  return { pixels, width: side, height: side };
}

/** Rows and columns that hold ink, and the ink's centre of mass. */
function measure(image: Uint8Array): { left: number; right: number; top: number; bottom: number; centre: [number, number] } {
  const inked = [...image.keys()].filter((i) => image[i] > 0);
  const [xs, ys] = [inked.map((i) => i % 28), inked.map((i) => Math.floor(i / 28))];
  const mass = image.reduce((a, b) => a + b, 0);
  const mean = (of: (i: number) => number): number => inked.reduce((sum, i) => sum + image[i] * (of(i) + 0.5), 0) / mass;
  return {
    left: Math.min(...xs),
    right: Math.max(...xs),
    top: Math.min(...ys),
    bottom: Math.max(...ys),
    centre: [mean((i) => i % 28), mean((i) => Math.floor(i / 28))],
  };
}

describe("toMnist", () => {
  it("is null for an empty picture", () => {
    expect(toMnist({ pixels: new Uint8Array(100), width: 10, height: 10 })).toBeNull();
  });

  it.each([
    ["tall", rectangle(280, 30, 20, 40, 200)],
    ["wide", rectangle(280, 60, 200, 160, 16)],
    ["small", rectangle(280, 270, 270, 10, 10)],
    ["large", rectangle(280, 0, 0, 280, 280)],
    ["tiny in a tiny picture", rectangle(5, 1, 1, 2, 3)],
  ])("fills 20 pixels with the longer side of a %s drawing, and centres it", (_, picture) => {
    const { left, right, top, bottom, centre } = measure(toMnist(picture)!);
    expect(Math.max(right - left, bottom - top) + 1).toBe(20);
    expect(centre[0]).toBeCloseTo(14, 5);
    expect(centre[1]).toBeCloseTo(14, 5);
  });

  it("keeps the shape", () => {
    const { left, right, top, bottom } = measure(toMnist(rectangle(280, 30, 20, 50, 200))!);
    expect([right - left, bottom - top]).toEqual([5, 19]); // 5 pixels wide, centred between two columns
  });

  /** Rows of ink from the left edge of a box of 160 pixels. */
  function rows(length: (y: number) => number): Picture {
    const pixels = new Uint8Array(200 * 200);
    for (let y = 0; y < 160; y++) pixels.fill(255, (y + 20) * 200 + 20, (y + 20) * 200 + 20 + length(y));
    return { pixels, width: 200, height: 200 };
  }

  it("lays the centre of mass, not of the box, on the centre", () => {
    const { top, bottom, centre } = measure(toMnist(rows((y) => 160 - y))!);
    // An edge that cuts a pixel weighs at its middle.
    expect(Math.hypot(centre[0] - 14, centre[1] - 14)).toBeLessThan(0.1);
    expect([top, bottom]).toEqual([7, 27]);
  });

  it("cuts nothing off where the centre of mass lies far from the middle", () => {
    const picture = rows((y) => (y < 50 ? 160 : 10));
    const image = toMnist(picture)!;
    const { top, bottom } = measure(image);
    expect([top, bottom]).toEqual([8, 27]);
    const ink = (pixels: ArrayLike<number>): number => Array.from(pixels).reduce((a, b) => a + b, 0);
    expect((ink(image) * 64) / ink(picture.pixels)).toBeCloseTo(1, 2);
  });

  it("leaves an image of MNIST's own making as it is", () => {
    const image = new Uint8Array(784);
    for (let y = 4; y < 24; y++) image.fill(200, y * 28 + 12, y * 28 + 16);
    expect(toMnist({ pixels: image, width: 28, height: 28 })).toEqual(image);
  });
});
