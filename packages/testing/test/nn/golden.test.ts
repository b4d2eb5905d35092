import "@sconce/backend-cpu";
import { describe, expect, it } from "vitest";
import { type ModuleCase, ModulesRunner, readGroup } from "../../src/index.js";

const NAMES = `
  GRU GRUCell LSTM LSTMCell RNN RNNCell
  MultiheadAttention Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder TransformerEncoderLayer
  CTCLoss EmbeddingBag LocalResponseNorm MarginRankingLoss AdaptiveLogSoftmaxWithLoss FractionalMaxPool2d FractionalMaxPool3d`
  .trim()
  .split(/\s+/);

const runner = new ModulesRunner("cpu");
const cases = await readGroup<ModuleCase>("modules");

describe("layers over sequences", () => {
  for (const name of NAMES) {
    const list = cases.filter((c) => c.module === name);
    it(`${name} has PyTorch's outputs, gradients and state in all of its ${list.length} cases`, async () => {
      expect(list.length).toBeGreaterThan(0);
      const wrong: string[] = [];
      for (const c of list) {
        const { status, why } = await runner.run(c);
        if (status !== "pass") wrong.push(`${c.id}: ${why}`);
      }
      expect(wrong).toEqual([]);
    });
  }
});
