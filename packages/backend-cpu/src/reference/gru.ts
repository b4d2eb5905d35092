/**
 * Gated recurrent units and recurrent layers without gates, over a packed batch.
 *
 * @module
 */
import type { ReferenceKernel } from "./array.js";
import { copyInto, read, sigmoid, stepsOf } from "./lstm.js";

const indices = (size: number): number[] => Array.from({ length: size }, (_, j) => j);

export const gru: ReferenceKernel<"gru"> = ([gates, h0, w, bias], [output, h, work, hidden], attrs) => {
  const size = h.shape[1];
  copyInto(h, h0);
  for (const { first, count } of stepsOf(attrs)) {
    for (let r = 0; r < count; r++) {
      const row = first + r;
      const before = indices(size).map((j) => Number(h.data[r * size + j]));
      const own = (g: number): number =>
        before.reduce((sum, x, j) => sum + x * read(w, g, j), bias === undefined ? 0 : bias.data[bias.offset + g * bias.strides[0]]);
      for (const j of indices(size)) {
        const reset = sigmoid(read(gates, row, j) + own(j));
        const update = sigmoid(read(gates, row, size + j) + own(size + j));
        const given = own(2 * size + j);
        const fresh = Math.tanh(read(gates, row, 2 * size + j) + reset * given);
        for (const [k, x] of [reset, update, given, fresh].entries()) work.data[row * 4 * size + k * size + j] = x;
        hidden.data[row * size + j] = before[j];
        output.data[row * size + j] = fresh + update * (before[j] - fresh);
      }
      for (const j of indices(size)) h.data[r * size + j] = output.data[row * size + j];
    }
  }
};

export const gruGrad: ReferenceKernel<"gruGrad"> = ([dOutput, dH, work, hidden, w], [gates, through, h], attrs) => {
  const size = h.shape[1];
  copyInto(h, dH);
  for (const { first, count } of [...stepsOf(attrs)].reverse()) {
    for (let r = 0; r < count; r++) {
      const row = first + r;
      for (const j of indices(size)) {
        const [reset, update, given, fresh] = [0, 1, 2, 3].map((k) => read(work, row, k * size + j));
        const dh = h.data[r * size + j] + read(dOutput, row, j);
        const dUpdate = dh * (read(hidden, row, j) - fresh) * update * (1 - update);
        const dFresh = dh * (1 - update) * (1 - fresh * fresh);
        const dReset = dFresh * given * reset * (1 - reset);
        for (const [k, x] of [dReset, dUpdate, dFresh].entries()) gates.data[row * 3 * size + k * size + j] = x;
        for (const [k, x] of [dReset, dUpdate, dFresh * reset].entries()) through.data[row * 3 * size + k * size + j] = x;
        h.data[r * size + j] = dh * update;
      }
      for (const j of indices(size)) {
        for (let k = 0; k < 3 * size; k++) h.data[r * size + j] += through.data[row * 3 * size + k] * read(w, k, j);
      }
    }
  }
};

export const rnn: ReferenceKernel<"rnn"> = ([gates, h0, w], [output, h, hidden], attrs) => {
  const size = h.shape[1];
  const act = attrs.relu ? (x: number) => Math.max(x, 0) : Math.tanh;
  copyInto(h, h0);
  for (const { first, count } of stepsOf(attrs)) {
    for (let r = 0; r < count; r++) {
      const row = first + r;
      const before = indices(size).map((j) => Number(h.data[r * size + j]));
      for (const j of indices(size)) {
        hidden.data[row * size + j] = before[j];
        output.data[row * size + j] = act(before.reduce((sum, x, k) => sum + x * read(w, j, k), read(gates, row, j)));
      }
      for (const j of indices(size)) h.data[r * size + j] = output.data[row * size + j];
    }
  }
};

export const rnnGrad: ReferenceKernel<"rnnGrad"> = ([dOutput, dH, output, w], [gates, h], attrs) => {
  const size = h.shape[1];
  copyInto(h, dH);
  for (const { first, count } of [...stepsOf(attrs)].reverse()) {
    for (let r = 0; r < count; r++) {
      const row = first + r;
      for (const j of indices(size)) {
        const y = read(output, row, j);
        const slope = attrs.relu ? Number(y > 0) : 1 - y * y;
        gates.data[row * size + j] = (h.data[r * size + j] + read(dOutput, row, j)) * slope;
      }
      for (const j of indices(size)) {
        h.data[r * size + j] = indices(size).reduce((sum, k) => sum + gates.data[row * size + k] * read(w, k, j), 0);
      }
    }
  }
};
