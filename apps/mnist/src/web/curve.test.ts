import { describe, expect, it } from "vitest";
import { Curve } from "./curve.js";

describe("Curve", () => {
  it("keeps a bounded number of points, whose means are those of the steps", () => {
    const curve = new Curve();
    for (let i = 1; i <= 10_000; i++) curve.add(i * 10, { images: 10, loss: 1 / i, correct: i % 11 });
    const { images, loss, accuracy, window } = curve.data;
    expect(images.length).toBeLessThan(800);
    expect(loss).toHaveLength(images.length);
    expect(images).toEqual([...images].sort((a, b) => a - b));
    expect(images.map((_, i) => (i + 1) * window * 10)).toEqual(images);
    const steps = images.length * window;
    let [sum, correct] = [0, 0];
    for (let i = 1; i <= steps; i++) [sum, correct] = [sum + 1 / i, correct + (i % 11)];
    const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(loss)).toBeCloseTo(sum / steps, 9);
    expect(mean(accuracy)).toBeCloseTo(correct / (10 * steps), 9);
  });

  it("goes on from saved data", () => {
    const [whole, first] = [new Curve(), new Curve()];
    const step = (i: number) => ({ images: 2, loss: i, correct: 1 });
    for (let i = 0; i < 1600; i++) whole.add(i, step(i));
    for (let i = 0; i < 1000; i++) first.add(i, step(i));
    first.addTest(1000, 0.5);
    const second = Curve.from(structuredClone(first.data));
    for (let i = 1000; i < 1600; i++) second.add(i, step(i));
    expect(second.data).toEqual({ ...whole.data, tests: [{ images: 1000, accuracy: 0.5 }] });
  });

  it("has one test for the same weights", () => {
    const curve = new Curve();
    curve.addTest(0, 0.1);
    curve.addTest(10, 0.4);
    curve.addTest(10, 0.5);
    expect(curve.data.tests).toEqual([
      { images: 0, accuracy: 0.1 },
      { images: 10, accuracy: 0.5 },
    ]);
  });
});
