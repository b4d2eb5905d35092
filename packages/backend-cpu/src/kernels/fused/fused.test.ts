import type { DType } from "@sconce/core";
import { describe, it } from "vitest";
import { CpuBackend } from "../../backend.js";
import { expectClose, generator, type HostTensor, hostTensor, LAYOUTS, runBoth, tensorOf, values } from "../../testing.js";

const backend = new CpuBackend();
const random = generator(31);
const make = (dtype: DType, shape: readonly number[], kind: (typeof LAYOUTS)[number]): HostTensor =>
  hostTensor(dtype, shape, kind, values(dtype, random, 2));

describe("the gradient of softmax agrees with its reference", () => {
  for (const dtype of ["float32", "float64"] as const) {
    for (const shape of [[7], [5, 1], [3, 17], [2, 5, 300], [4, 0]]) {
      it(`${dtype} [${shape}]`, () => {
        for (const [dim] of shape.entries()) {
          for (const log of [false, true]) {
            for (const layout of LAYOUTS) {
              const inputs = [make(dtype, shape, layout), make(dtype, shape, layout)];
              const { got, want } = runBoth(backend, "softmaxGrad", inputs, [{ shape, dtype }], { dim, log });
              expectClose(got[0], want[0], dtype === "float32" ? 2e-5 : 1e-13, `${layout} along ${dim}`);
            }
          }
        }
      });
    }
  }
});

describe("long short-term memory agrees with its reference", () => {
  for (const dtype of ["float32", "float64"] as const) {
    for (const [batchSizes, size] of [
      [[1], 1],
      [[3, 3, 3], 5],
      [[6, 6, 4, 1, 1], 8],
      [[9, 2], 13],
    ] as const) {
      it.each([false, true])(`${dtype} [${batchSizes}] x ${size}, reversed: %s`, (reverse) => {
        const [total, sequences] = [batchSizes.reduce((a, b) => a + b, 0), batchSizes[0]];
        const attrs = { batchSizes, reverse };
        const [wide, narrow, state] = [
          { shape: [total, 4 * size], dtype },
          { shape: [total, size], dtype },
          { shape: [sequences, size], dtype },
        ];
        for (const layout of LAYOUTS) {
          const of = ({ shape }: { shape: number[] }): HostTensor => make(dtype, shape, layout);
          const weights = make(dtype, [4 * size, size], layout);
          const outputs = [narrow, state, state, wide, narrow, narrow];
          const { got, want } = runBoth(backend, "lstm", [of(wide), of(state), of(state), weights], outputs, attrs);
          want.forEach((list, i) => expectClose(got[i], list, dtype === "float32" ? 1e-5 : 1e-13, `result ${i} ${layout}`));
          const inputs = [of(narrow), of(state), of(state), of(wide), of(narrow), weights];
          const grad = runBoth(backend, "lstmGrad", inputs, [wide, state, state], attrs);
          grad.want.forEach((list, i) => {
            const scale = Math.max(1, ...[...list].map((x) => Math.abs(Number(x))));
            expectClose(grad.got[i], list, (dtype === "float32" ? 2e-5 : 1e-13) * scale, `gradient ${i} ${layout}`);
          });
        }
      });
    }
  }
});

describe("recurrent layers agree with their references", () => {
  for (const dtype of ["float32", "float64"] as const) {
    for (const [batchSizes, size] of [
      [[1], 1],
      [[3, 3, 3], 5],
      [[6, 6, 4, 1, 1], 8],
      [[9, 2], 13],
    ] as const) {
      it.each([false, true])(`${dtype} [${batchSizes}] x ${size}, reversed: %s`, (reverse) => {
        const [total, sequences] = [batchSizes.reduce((a, b) => a + b, 0), batchSizes[0]];
        const [one, three, four] = [1, 3, 4].map((parts) => ({ shape: [total, parts * size], dtype }));
        const state = { shape: [sequences, size], dtype };
        const closeTo = ({ got, want }: ReturnType<typeof runBoth>, bound: number, what: string): void => {
          for (const [i, list] of want.entries()) {
            const scale = Math.max(1, ...[...list].map((x) => Math.abs(Number(x))));
            expectClose(got[i], list, (dtype === "float32" ? bound : 1e-13) * scale, `${what} ${i}`);
          }
        };
        for (const layout of LAYOUTS) {
          const of = ({ shape }: { shape: readonly number[] }): HostTensor => make(dtype, shape, layout);
          const [attrs, weights, bias] = [{ batchSizes, reverse }, make(dtype, [3 * size, size], layout), make(dtype, [3 * size], layout)];
          for (const given of [[], [bias]]) {
            const inputs = [of(three), of(state), weights, ...given];
            closeTo(runBoth(backend, "gru", inputs, [one, state, four, one], attrs), 1e-5, `GRU ${layout}`);
          }
          const kept = [of(one), of(state), of(four), of(one), weights];
          closeTo(runBoth(backend, "gruGrad", kept, [three, three, state], attrs), 2e-5, `gradient of GRU ${layout}`);
          for (const relu of [false, true]) {
            const square = make(dtype, [size, size], layout);
            const plain = { ...attrs, relu };
            closeTo(runBoth(backend, "rnn", [of(one), of(state), square], [one, state, one], plain), 1e-5, `RNN ${layout}`);
            const inputs = [of(one), of(state), of(one), square];
            closeTo(runBoth(backend, "rnnGrad", inputs, [one, state], plain), 2e-5, `gradient of RNN ${layout}`);
          }
        }
      });
    }
  }
});

describe("attention agrees with its reference", () => {
  for (const dtype of ["float32", "float64"] as const) {
    for (const [batch, queries, keys, size, width] of [
      [[], 1, 1, 1, 1],
      [[2], 5, 7, 4, 3],
      [[2, 3], 70, 9, 8, 8],
      [[1], 9, 300, 5, 17],
      [[2], 130, 270, 6, 4],
      [[2], 150, 40, 6, 5],
    ] as const) {
      it.each([false, true])(`${dtype} [${batch}] ${queries} x ${keys} x ${size}, causal: %s`, (causal) => {
        const [q, k, v, mask] = [
          [queries, size],
          [keys, size],
          [keys, width],
          [queries, keys],
        ].map((shape) => [...batch, ...shape]);
        const y = [...batch, queries, width];
        // Large blocks are about sizes, small ones about layouts.
        for (const layout of queries * keys > 2000 ? (["transposed"] as const) : LAYOUTS) {
          const main = [q, k, v].map((shape) => make(dtype, shape, layout));
          for (const [given, weights] of [
            [[], false],
            [[make(dtype, mask, layout)], false],
            [[make(dtype, mask, layout)], keys % 4 === 0],
          ] as const) {
            const attrs = { scale: 0.3, causal, weights };
            const results = [y, weights ? mask : [...batch, queries]];
            const outputs = results.map((shape) => ({ shape, dtype }));
            const { got, want } = runBoth(backend, "attention", [...main, ...given], outputs, attrs);
            want.forEach((list, i) => expectClose(got[i], list, dtype === "float32" ? 1e-5 : 1e-13, `result ${i} ${layout}`));
            const kept = results.map((shape, i) => tensorOf(dtype, shape, [...want[i]].map(Number)));
            const inputs = [make(dtype, y, layout), ...main, ...kept, ...given];
            const grads = [q, k, v].map((shape) => ({ shape, dtype }));
            const grad = runBoth(backend, "attentionGrad", inputs, grads, attrs);
            grad.want.forEach((list, i) => {
              const scale = Math.max(1, ...[...list].map((x) => Math.abs(Number(x))));
              expectClose(grad.got[i], list, (dtype === "float32" ? 2e-5 : 1e-12) * scale, `gradient ${i} ${layout}`);
            });
          }
        }
      });
    }
  }
});

describe("batch and group normalisation agree with their reference", () => {
  for (const dtype of ["float32", "float64"] as const) {
    for (const [shape, groups] of [
      [[3, 4], 2],
      [[5, 6, 3], 3],
      [[2, 3, 5, 7], 1],
      [[1, 4, 17], 4],
      [[2, 6, 40, 30], 2],
    ] as const) {
      it(`${dtype} [${shape}] in ${groups}`, () => {
        const [batch, channels] = shape;
        const bound = dtype === "float32" ? 3e-5 : 1e-12;
        for (const layout of LAYOUTS) {
          const [x, weight, bias] = [shape, [channels], [channels]].map((own) => make(dtype, own, layout));
          for (const attrs of [
            { groups: null, eps: 1e-3 },
            { groups, eps: 1e-3 },
          ]) {
            const statistics = attrs.groups === null ? [channels] : [batch, groups];
            const outputs = [shape, statistics, statistics].map((own) => ({ shape: own, dtype }));
            for (const inputs of [[x], [x, weight], [x, weight, bias]]) {
              const { got, want } = runBoth(backend, "channelNorm", inputs, outputs, attrs);
              want.forEach((list, i) => expectClose(got[i], list, bound, `result ${i} ${layout} ${attrs.groups}`));
            }
            const means = make(dtype, statistics, layout);
            const variances = hostTensor(dtype, statistics, layout, (i) => 0.5 + (i % 3));
            const sums = [attrs.groups === null ? 1 : batch, channels];
            for (const given of [[], [weight]]) {
              const inputs = [make(dtype, shape, layout), x, means, variances, ...given];
              const grads = [shape, sums, sums].map((own) => ({ shape: own, dtype }));
              const { got, want } = runBoth(backend, "channelNormGrad", inputs, grads, attrs);
              want.forEach((list, i) => {
                const scale = Math.max(1, ...[...list].map((value) => Math.abs(Number(value))));
                expectClose(got[i], list, bound * scale, `gradient ${i} ${layout} ${attrs.groups}`);
              });
            }
          }
        }
      });
    }
  }
});

describe("layer normalisation agrees with its reference", () => {
  for (const dtype of ["float32", "float64"] as const) {
    for (const [shape, dims] of [
      [[1], 1],
      [[7, 3], 1],
      [[2, 5, 33], 1],
      [[3, 4, 6, 5], 2],
      [[2, 1500], 1],
    ] as const) {
      it(`${dtype} [${shape}] over ${dims}`, () => {
        const lead = shape.length - dims;
        const [last, rows] = [shape.slice(lead), shape.map((n, d) => (d < lead ? n : 1))];
        for (const layout of LAYOUTS) {
          const [x, weight, bias] = [shape, last, last].map((own) => make(dtype, own, layout));
          const attrs = { dims, eps: 1e-3 };
          const outputs = [shape, rows, rows].map((own) => ({ shape: own, dtype }));
          for (const inputs of [[x], [x, weight], [x, weight, bias]]) {
            const { got, want } = runBoth(backend, "layerNorm", inputs, outputs, attrs);
            want.forEach((list, i) => expectClose(got[i], list, dtype === "float32" ? 2e-5 : 1e-12, `result ${i} ${layout}`));
          }
          const [means, inverses] = [make(dtype, rows, layout), make(dtype, rows, layout)];
          for (const given of [[], [weight]]) {
            const inputs = [make(dtype, shape, layout), x, means, inverses, ...given];
            const { got, want } = runBoth(backend, "layerNormGrad", inputs, [{ shape, dtype }], attrs);
            expectClose(got[0], want[0], dtype === "float32" ? 2e-5 : 1e-12, `gradient ${layout}`);
          }
        }
      });
    }
  }
});
