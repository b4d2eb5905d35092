import type { Spec } from "@sconce/core";
import { describe, it } from "vitest";
import { expectSame, generator, type HostTensor, hostTensor, LAYOUTS, tensorOf, values } from "./both.js";
import { startDevice } from "./start.js";

const random = generator(31);
type Layout = (typeof LAYOUTS)[number];
const make = (shape: readonly number[], layout: Layout, scale = 1): HostTensor =>
  hostTensor("float32", shape, layout, values("float32", random, scale));
const spec = (shape: readonly number[]): Spec => ({ shape, dtype: "float32" });

for (const software of [true, false]) {
  const backend = await startDevice(software);
  describe.skipIf(backend === null)(`fused kernels for ${software ? "software adapters" : "hardware"}`, () => {
    const device = backend!;
    it("layer normalisation and its gradient, over any number of last dimensions", async () => {
      for (const [shape, dims] of [
        [[1], 1],
        [[7, 3], 1],
        [[2, 5, 33], 1],
        [[3, 4, 6, 5], 2],
        [[2, 1500], 1],
        [[70, 100], 1],
        [[0, 4], 1],
      ] as const) {
        const lead = shape.length - dims;
        const [last, rows] = [shape.slice(lead), shape.map((n, d) => (d < lead ? n : 1))];
        for (const layout of LAYOUTS) {
          const [x, weight, bias] = [shape, last, last].map((own) => make(own, layout, 2));
          const attrs = { dims, eps: 1e-3 };
          const label = `[${shape}] over ${dims} ${layout}`;
          for (const inputs of [[x], [x, weight], [x, weight, bias]])
            await expectSame(device, "layerNorm", inputs, [shape, rows, rows].map(spec), attrs, 2e-5, label);
          const [means, inverses] = [make(rows, layout), make(rows, layout)];
          for (const given of [[], [weight]])
            await expectSame(
              device,
              "layerNormGrad",
              [make(shape, layout), x, means, inverses, ...given],
              [spec(shape)],
              attrs,
              2e-5,
              label,
            );
        }
      }
    });
    it("batch and group normalisation and their gradients, in parts where rows are long", async () => {
      for (const [shape, groups] of [
        [[1, 1], null],
        [[5, 3], null],
        [[70, 33], null],
        [[3, 6, 5], null],
        [[2, 5, 4, 6], null],
        [[2, 3, 53, 100], null],
        [[3, 2, 9, 401], null],
        [[3, 300, 4], null],
        [[2, 200, 12], 200],
        [[3, 6, 5], 3],
        [[3, 6, 5], 1],
        [[2, 6, 4, 3, 2], 6],
        [[1, 4, 41, 150], 2],
        [[1, 2, 103, 90], 1],
        [[2, 8], 4],
        [[0, 3, 4], null],
        [[0, 4, 2], 2],
        [[2, 4, 0], 2],
        [[2, 4, 0], null],
        [[2, 0, 3], null],
      ] as const) {
        const statistics = groups === null ? [shape[1]] : [shape[0], groups];
        const sums = [groups === null ? 1 : shape[0], shape[1]];
        // Large shapes are about sizes, small ones about layouts.
        for (const layout of shape.reduce<number>((n, d) => n * d, 1) > 200 ? (["contiguous", "transposed"] as const) : LAYOUTS) {
          const [x, weight, bias] = [shape, [shape[1]], [shape[1]]].map((own) => make(own, layout, 2));
          const attrs = { groups, eps: 1e-3 };
          const label = `[${shape}] in ${groups ?? "all"} ${layout}`;
          for (const inputs of [[x], [x, weight], [x, weight, bias]])
            await expectSame(device, "channelNorm", inputs, [shape, statistics, statistics].map(spec), attrs, 2e-5, label);
          const means = make(statistics, layout);
          const variances = hostTensor("float32", statistics, layout, () => 0.5 + random());
          for (const given of [[], [weight]]) {
            const inputs = [make(shape, layout), x, means, variances, ...given];
            await expectSame(device, "channelNormGrad", inputs, [shape, sums, sums].map(spec), attrs, 1e-4, label);
          }
        }
      }
    });
    it("normalisation of channels far from zero, and of equal elements", async () => {
      for (const [shape, groups] of [
        [[4, 3, 25], null],
        [[2, 3, 80, 81], null],
        [[2, 6, 40, 90], 3],
      ] as const) {
        const statistics = groups === null ? [shape[1]] : [shape[0], groups];
        for (const near of [() => 1000 + random(), () => 0.1]) {
          const x = hostTensor("float32", shape, "contiguous", near);
          const results = [shape, statistics, statistics].map(spec);
          await expectSame(device, "channelNorm", [x], results, { groups, eps: 1e-5 }, 5e-4, `[${shape}] in ${groups ?? "all"}`);
        }
      }
    });
    it("recurrent layers and their gradients, for sequences of any lengths in both directions", async () => {
      for (const [batchSizes, size] of [
        [[1], 1],
        [[3, 3, 3], 5],
        [[6, 6, 4, 1, 1], 8],
        [[40, 33, 20], 24],
      ] as const) {
        const [total, sequences] = [batchSizes.reduce((a, b) => a + b, 0), batchSizes[0]];
        const [wide, narrow, state] = [
          [total, 4 * size],
          [total, size],
          [sequences, size],
        ] as const;
        for (const layout of size > 20 ? (["transposed"] as const) : LAYOUTS) {
          for (const reverse of [false, true]) {
            const attrs = { batchSizes, reverse };
            const label = `[${batchSizes}] x ${size} ${layout}`;
            const weights = make([4 * size, size], layout);
            const outputs = [narrow, state, state, wide, narrow, narrow].map(spec);
            const inputs = [make(wide, layout), make(state, layout), make(state, layout), weights];
            await expectSame(device, "lstm", inputs, outputs, attrs, 1e-5, label);
            const kept = [narrow, state, state, wide, narrow].map((shape) => make(shape, layout));
            await expectSame(device, "lstmGrad", [...kept, weights], [wide, state, state].map(spec), attrs, 1e-4, label);
            const three = [total, 3 * size];
            const [others, square, bias] = [make([3 * size, size], layout), make([size, size], layout), make([3 * size], layout)];
            for (const given of [[], [bias]]) {
              const own = [make(three, layout), make(state, layout), others, ...given];
              await expectSame(device, "gru", own, [narrow, state, wide, narrow].map(spec), attrs, 1e-5, label);
            }
            const work = [narrow, state, wide, narrow].map((shape) => make(shape, layout));
            await expectSame(device, "gruGrad", [...work, others], [three, three, state].map(spec), attrs, 1e-4, label);
            for (const relu of [false, true]) {
              const own = [make(narrow, layout), make(state, layout), square];
              await expectSame(device, "rnn", own, [narrow, state, narrow].map(spec), { ...attrs, relu }, 1e-5, label);
              const back = [narrow, state, narrow].map((shape) => make(shape, layout));
              await expectSame(device, "rnnGrad", [...back, square], [narrow, state].map(spec), { ...attrs, relu }, 1e-4, label);
            }
          }
        }
      }
    });
    for (const causal of [false, true]) {
      it(`attention and its gradient, with masks and in blocks, causal: ${causal}`, async () => {
        for (const [batch, queries, keys, size, width] of [
          [[], 1, 1, 1, 1],
          [[2], 5, 7, 4, 3],
          [[2, 3], 70, 9, 8, 8],
          [[2, 3], 70, 12, 8, 8],
          [[1], 9, 300, 5, 17],
          [[2], 130, 270, 6, 4],
          [[1], 200, 130, 4, 4],
          [[2], 0, 3, 2, 2],
        ] as const) {
          const matrix = (rows: number, columns: number): number[] => [...batch, rows, columns];
          const [q, k, v, y] = [matrix(queries, size), matrix(keys, size), matrix(keys, width), matrix(queries, width)];
          // Large blocks are about sizes, small ones about layouts.
          for (const layout of queries * keys > 2000 ? (["transposed"] as const) : LAYOUTS) {
            const main = [q, k, v].map((shape) => make(shape, layout, 2));
            for (const [given, weights] of [
              [[], false],
              [[make(matrix(queries, keys), layout, 2)], false],
              [[], keys % 4 === 0],
            ] as const) {
              const attrs = { scale: 0.3, causal, weights };
              const results = [y, weights ? matrix(queries, keys) : [...batch, queries]];
              const label = `[${batch}] ${queries} x ${keys} ${layout} ${weights}`;
              const want = await expectSame(device, "attention", [...main, ...given], results.map(spec), attrs, 1e-5, label);
              const kept = results.map((shape, i) => tensorOf("float32", shape, [...want[i]].map(Number)));
              const inputs = [make(y, layout), ...main, ...kept, ...given];
              await expectSame(device, "attentionGrad", inputs, [q, k, v].map(spec), attrs, 1e-4, label);
            }
          }
        }
      });
    }
  });
}
