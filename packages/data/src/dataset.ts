import { type Generator, optionsOf, randperm, ShapeError, Tensor, tensor, ValueError } from "@sconce/core";

/** Samples by position. Implement `getItem` and `length`; `getItems` too where a whole batch is cheaper at once. */
export abstract class Dataset<Item = unknown> {
  /** Number of samples. */
  abstract readonly length: number;

  /** Sample `index`, 0 up to `length - 1`. */
  abstract getItem(index: number): Item | Promise<Item>;

  /** A collated batch, where the dataset can make one faster than sample by sample. */
  getItems?(indices: readonly number[]): unknown;
}

/** Samples that come in an order of their own, with or without an end. */
export abstract class IterableDataset<Item = unknown> {
  /** Goes through the items in order, as they become ready. */
  abstract [Symbol.asyncIterator](): AsyncIterator<Item>;
}

/** Throws unless `index` is a position in a dataset. */
export function checkIndex(index: number, length: number, op: string): void {
  if (!Number.isInteger(index) || index < 0 || index >= length) {
    throw new ShapeError(`${op}: index ${index} is out of range for a dataset of ${length} samples`);
  }
}

/**
 * Rows of tensors that have the same first size.
 * @throws ShapeError if they do not.
 * @example
 * const dataset = new TensorDataset(randn([100, 3]), randn([100, 1]));
 * dataset.getItem(0); // [Tensor [3], Tensor [1]]
 */
export class TensorDataset<T extends readonly Tensor[]> extends Dataset<{ [K in keyof T]: Tensor }> {
  readonly tensors: T;
  readonly length: number;

  constructor(...tensors: T) {
    super();
    if (tensors.length === 0) throw new ValueError("TensorDataset: expected at least one tensor");
    if (tensors.some((t) => !(t instanceof Tensor))) throw new ValueError("TensorDataset: expected tensors, got something else");
    if (tensors.some((t) => t.ndim === 0)) throw new ShapeError("TensorDataset: expected tensors of samples, got a 0-d tensor");
    this.length = tensors[0].shape[0];
    if (tensors.some((t) => t.shape[0] !== this.length)) {
      throw new ShapeError(`TensorDataset: Size mismatch between tensors, got first sizes ${tensors.map((t) => t.shape[0]).join(", ")}`, {
        shapes: tensors.map((t) => t.shape),
      });
    }
    this.tensors = tensors;
  }

  override getItem(index: number): { [K in keyof T]: Tensor } {
    checkIndex(index, this.length, "TensorDataset");
    return this.tensors.map((t) => t.select(0, index)) as { [K in keyof T]: Tensor };
  }

  override getItems(indices: readonly number[]): { [K in keyof T]: Tensor } {
    for (const index of indices) checkIndex(index, this.length, "TensorDataset");
    const rows = Int32Array.from(indices);
    return this.tensors.map((t) => t.indexSelect(0, tensor(rows, { device: t.device }))) as { [K in keyof T]: Tensor };
  }
}

/** Some samples of another dataset. */
export class Subset<Item> extends Dataset<Item> {
  readonly dataset: Dataset<Item>;
  readonly indices: readonly number[];
  declare getItems?: (indices: readonly number[]) => unknown;

  constructor(dataset: Dataset<Item>, indices: Iterable<number>) {
    super();
    this.dataset = dataset;
    this.indices = [...indices];
    if (dataset.getItems !== undefined) this.getItems = (batch) => dataset.getItems?.(batch.map((i) => this.indices[i]));
  }

  get length(): number {
    return this.indices.length;
  }

  override getItem(index: number): Item | Promise<Item> {
    checkIndex(index, this.length, "Subset");
    return this.dataset.getItem(this.indices[index]);
  }
}

/** Datasets one after the other. */
export class ConcatDataset<Item> extends Dataset<Item> {
  readonly datasets: readonly Dataset<Item>[];
  readonly length: number;

  constructor(datasets: readonly Dataset<Item>[]) {
    super();
    if (datasets.length === 0) throw new ValueError("ConcatDataset: datasets should not be an empty iterable");
    this.datasets = datasets;
    this.length = datasets.reduce((n, d) => n + d.length, 0);
  }

  override getItem(index: number): Item | Promise<Item> {
    checkIndex(index, this.length, "ConcatDataset");
    let rest = index;
    for (const dataset of this.datasets) {
      if (rest < dataset.length) return dataset.getItem(rest);
      rest -= dataset.length;
    }
    throw new ShapeError(`ConcatDataset: a dataset changed its length`);
  }
}

/**
 * Datasets side by side: a sample is an array, or an object, of their samples.
 * @throws ValueError if there is none. @throws ShapeError if their lengths differ.
 * @example
 * const dataset = new StackDataset({ image: new TensorDataset(x), label: new TensorDataset(y) });
 * await dataset.getItem(0); // { image, label }
 */
export class StackDataset<D extends readonly Dataset[] | { readonly [name: string]: Dataset }> extends Dataset<StackedItem<D>> {
  readonly datasets: D;
  readonly length: number;

  constructor(datasets: D) {
    super();
    const [first, ...rest] = Object.values(datasets) as Dataset[];
    if (first === undefined) throw new ValueError("StackDataset: At least one dataset should be passed");
    if (rest.some((d) => d.length !== first.length)) {
      throw new ShapeError(`StackDataset: Size mismatch between datasets, got lengths ${[first, ...rest].map((d) => d.length).join(", ")}`);
    }
    this.datasets = datasets;
    this.length = first.length;
  }

  override async getItem(index: number): Promise<StackedItem<D>> {
    checkIndex(index, this.length, "StackDataset");
    const items = await Promise.all(Object.values(this.datasets).map((d: Dataset) => d.getItem(index)));
    if (Array.isArray(this.datasets)) return items as StackedItem<D>;
    return Object.fromEntries(Object.keys(this.datasets).map((name, i) => [name, items[i]])) as StackedItem<D>;
  }
}

/** A sample of a {@link StackDataset}. */
export type StackedItem<D> = { -readonly [K in keyof D]: D[K] extends Dataset<infer Item> ? Item : never };

/**
 * Samples of another dataset after a function, such as one of `transforms`.
 * @example
 * const augmented = new MapDataset(dataset, ([image, label]) => [transforms.randomHorizontalFlip()(image), label] as const);
 */
export class MapDataset<From, To> extends Dataset<To> {
  readonly dataset: Dataset<From>;
  readonly #transform: (item: From) => To | Promise<To>;

  constructor(dataset: Dataset<From>, transform: (item: From) => To | Promise<To>) {
    super();
    this.dataset = dataset;
    this.#transform = transform;
  }

  get length(): number {
    return this.dataset.length;
  }

  override async getItem(index: number): Promise<To> {
    return this.#transform(await this.dataset.getItem(index));
  }
}

/**
 * Streams one after the other.
 * @throws ValueError for anything but an IterableDataset, when it is reached.
 * @example
 * class Lines extends IterableDataset<string> {
 *   override async *[Symbol.asyncIterator](): AsyncGenerator<string> {
 *     yield* ["a", "b"];
 *   }
 * }
 * for await (const line of new ChainDataset([new Lines(), new Lines()])) console.log(line);
 */
export class ChainDataset<Item> extends IterableDataset<Item> {
  readonly datasets: Iterable<IterableDataset<Item>>;

  constructor(datasets: Iterable<IterableDataset<Item>>) {
    super();
    this.datasets = datasets;
  }

  override async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    for (const dataset of this.datasets) {
      if (!(dataset instanceof IterableDataset)) throw new ValueError("ChainDataset only supports IterableDataset");
      yield* { [Symbol.asyncIterator]: () => dataset[Symbol.asyncIterator]() };
    }
  }
}

/**
 * Splits a dataset at random into parts of the given lengths, or of the given fractions if they sum to 1.
 * @throws ValueError if the lengths do not sum to the dataset's.
 * @example
 * const [train, valid] = randomSplit(dataset, [0.8, 0.2], { generator: new Generator(42) });
 */
export function randomSplit<Item, const Lengths extends readonly number[]>(
  dataset: Dataset<Item>,
  lengths: Lengths,
  options: { generator?: Generator | null } = {},
): { -readonly [I in keyof Lengths]: Subset<Item> } {
  const sizes = splitSizes(dataset.length, lengths);
  const order = [
    ...(randperm(dataset.length, {
      generator: optionsOf("randomSplit", options).generator,
      device: "cpu" as never,
    }).dataSync() as Int32Array),
  ];
  let start = 0;
  const parts: Subset<Item>[] = sizes.map((n) => new Subset(dataset, order.slice(start, (start += n))));
  return parts as { -readonly [I in keyof Lengths]: Subset<Item> };
}

/** Lengths from fractions: floors, and the rest dealt out one by one from the first. */
function splitSizes(total: number, lengths: readonly number[]): number[] {
  if (lengths.some((n) => !(n >= 0))) throw new ValueError(`randomSplit: expected lengths of 0 or more, got [${lengths.join(", ")}]`);
  const sum = lengths.reduce((a, b) => a + b, 0);
  const fractions = Math.abs(sum - 1) < 1e-9 && lengths.every((x) => x >= 0 && x <= 1) && !(total === 1 && lengths.every(Number.isInteger));
  const sizes = fractions ? lengths.map((x) => Math.floor(total * x)) : [...lengths];
  if (fractions) {
    const left = total - sizes.reduce((a, b) => a + b, 0);
    for (let i = 0; i < left; i++) sizes[i % sizes.length]++;
  }
  if (sizes.reduce((a, b) => a + b, 0) !== total || !sizes.every(Number.isInteger)) {
    throw new ValueError(
      `randomSplit: Sum of input lengths does not equal the length of the input dataset! Expected ${total}, got [${lengths.join(", ")}]`,
    );
  }
  return sizes;
}
