/**
 * Long short-term memory over a packed batch.
 *
 * @module
 */
import type { RecurrentAttrs } from "@sconce/core";
import type { ArrayOutput, ArrayView, ReferenceKernel } from "./array.js";

/** The logistic function. */
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** The steps in the order in which they run: the first row of each and how many there are. */
export function stepsOf({ batchSizes, reverse }: RecurrentAttrs): readonly { readonly first: number; readonly count: number }[] {
  let first = 0;
  const steps = batchSizes.map((count) => {
    const step = { first, count };
    first += count;
    return step;
  });
  return reverse ? steps.reverse() : steps;
}

/** An element of a matrix. */
export const read = ({ data, strides, offset }: ArrayView, row: number, column: number): number =>
  data[offset + row * strides[0] + column * strides[1]];

/** Copies a matrix into a result of its shape. */
export const copyInto = (output: ArrayOutput, x: ArrayView): void => {
  const [rows, columns] = output.shape;
  for (let r = 0; r < rows; r++) for (let j = 0; j < columns; j++) output.data[r * columns + j] = read(x, r, j);
};

export const lstm: ReferenceKernel<"lstm"> = ([gates, h0, c0, w], [output, h, c, activated, hiddens, cells], attrs) => {
  const size = h.shape[1];
  copyInto(h, h0);
  copyInto(c, c0);
  for (const { first, count } of stepsOf(attrs)) {
    for (let r = 0; r < count; r++) {
      const before = Array.from({ length: size }, (_, j) => h.data[r * size + j]);
      const sum = (g: number): number => before.reduce((total, x, j) => total + x * read(w, g, j), read(gates, first + r, g));
      for (let j = 0; j < size; j++) {
        const [i, f, g, o] = [sigmoid(sum(j)), sigmoid(sum(size + j)), Math.tanh(sum(2 * size + j)), sigmoid(sum(3 * size + j))];
        const at = (first + r) * size + j;
        for (const [k, x] of [i, f, g, o].entries()) activated.data[(first + r) * 4 * size + k * size + j] = x;
        hiddens.data[at] = before[j];
        cells.data[at] = c.data[r * size + j];
        const cell = f * c.data[r * size + j] + i * g;
        c.data[r * size + j] = cell;
        output.data[at] = o * Math.tanh(cell);
      }
      for (let j = 0; j < size; j++) h.data[r * size + j] = output.data[(first + r) * size + j];
    }
  }
};

export const lstmGrad: ReferenceKernel<"lstmGrad"> = ([dOutput, dH, dC, activated, cells, w], [gates, h, c], attrs) => {
  const size = h.shape[1];
  copyInto(h, dH);
  copyInto(c, dC);
  for (const { first, count } of [...stepsOf(attrs)].reverse()) {
    for (let r = 0; r < count; r++) {
      for (let j = 0; j < size; j++) {
        const [i, f, g, o] = [0, 1, 2, 3].map((k) => read(activated, first + r, k * size + j));
        const before = read(cells, first + r, j);
        const t = Math.tanh(f * before + i * g);
        const dh = h.data[r * size + j] + read(dOutput, first + r, j);
        const dc = c.data[r * size + j] + dh * o * (1 - t * t);
        const own = [dc * g * i * (1 - i), dc * before * f * (1 - f), dc * i * (1 - g * g), dh * t * o * (1 - o)];
        for (const [k, x] of own.entries()) gates.data[(first + r) * 4 * size + k * size + j] = x;
        c.data[r * size + j] = dc * f;
      }
      for (let j = 0; j < size; j++) {
        let sum = 0;
        for (let k = 0; k < 4 * size; k++) sum += gates.data[(first + r) * 4 * size + k] * read(w, k, j);
        h.data[r * size + j] = sum;
      }
    }
  }
};
