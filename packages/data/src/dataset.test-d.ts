import { type Dataset, randomSplit, type Subset } from "./index.js";

declare const dataset: Dataset<number>;
declare const lengths: number[];

// One part for each length, where it is known how many there are.
export const two: [Subset<number>, Subset<number>] = randomSplit(dataset, [0.8, 0.2]);
export const many: Subset<number>[] = randomSplit(dataset, lengths);
// @ts-expect-error: two lengths make two parts.
export const three: [Subset<number>, Subset<number>, Subset<number>] = randomSplit(dataset, [0.8, 0.2]);
