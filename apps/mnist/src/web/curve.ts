/** Training so far, as the charts show it: means over windows that widen when there are many. */
export interface CurveData {
  /** Steps in a point. */
  readonly window: number;
  /** Images that were trained on by then. */
  readonly images: readonly number[];
  readonly loss: readonly number[];
  /** Share of training images that were classified right, 0 to 1. */
  readonly accuracy: readonly number[];
  /** Tests: when, and share of test images that were classified right. */
  readonly tests: readonly { readonly images: number; readonly accuracy: number }[];
}

const MOST_POINTS = 800;

/** Gathers steps into points; two neighbours become one when there are too many. */
export class Curve {
  #images: number[] = [];
  #loss: number[] = [];
  #accuracy: number[] = [];
  readonly #tests: { images: number; accuracy: number }[] = [];
  #window = 1;
  #open = { steps: 0, images: 0, loss: 0, correct: 0 };

  /** Adds a step; `images` counts from the first. */
  add(images: number, step: { readonly images: number; readonly loss: number; readonly correct: number }): void {
    const open = this.#open;
    open.steps++;
    open.images += step.images;
    open.loss += step.loss * step.images;
    open.correct += step.correct;
    if (open.steps < this.#window) return;
    this.#images.push(images);
    this.#loss.push(open.loss / open.images);
    this.#accuracy.push(open.correct / open.images);
    this.#open = { steps: 0, images: 0, loss: 0, correct: 0 };
    if (this.#images.length >= MOST_POINTS) this.#thin();
  }

  /** Adds the result of a test, in place of one of the same weights. */
  addTest(images: number, accuracy: number): void {
    if (this.#tests.at(-1)?.images === images) this.#tests.pop();
    this.#tests.push({ images, accuracy });
  }

  #thin(): void {
    const pairs = (a: number[], join: (x: number, y: number) => number): number[] =>
      Array.from({ length: a.length / 2 }, (_, i) => join(a[2 * i], a[2 * i + 1]));
    this.#images = pairs(this.#images, (_, y) => y);
    this.#loss = pairs(this.#loss, (x, y) => (x + y) / 2);
    this.#accuracy = pairs(this.#accuracy, (x, y) => (x + y) / 2);
    this.#window *= 2;
  }

  /** What was gathered: plain values, for a message or a file. */
  get data(): CurveData {
    return { window: this.#window, images: this.#images, loss: this.#loss, accuracy: this.#accuracy, tests: this.#tests };
  }

  /** A curve that goes on from saved data. */
  static from({ window, images, loss, accuracy, tests }: CurveData): Curve {
    const curve = new Curve();
    curve.#images.push(...images);
    curve.#loss.push(...loss);
    curve.#accuracy.push(...accuracy);
    curve.#tests.push(...tests.map((test) => ({ ...test })));
    curve.#window = window;
    return curve;
  }
}
