import { type AvgPoolAttrs, type ConvAttrs, convShape, type DType, type PoolAttrs } from "@sconce/core";
import { describe, it } from "vitest";
import { CpuBackend } from "../backend.js";
import { expectClose, generator, type HostTensor, hostTensor, LAYOUTS, runBoth, values } from "../testing.js";
import { poolOutput } from "../wasm/pool.js";

const backend = new CpuBackend();
const random = generator(21);
const make = (dtype: DType, shape: readonly number[], kind: (typeof LAYOUTS)[number]): HostTensor =>
  hostTensor(dtype, shape, kind, values(dtype, random, 1));

type ConvCase = readonly [x: readonly number[], w: readonly number[], attrs: ConvAttrs];
const same = (n: number, value: number): number[] => new Array<number>(n).fill(value);
const plain = (n: number): ConvAttrs => ({ stride: same(n, 1), padding: same(n, 0), dilation: same(n, 1), groups: 1 });

const CONVOLUTIONS: readonly ConvCase[] = [
  [[2, 3, 9], [4, 3, 3], plain(1)],
  [[2, 4, 11], [6, 2, 4], { stride: [2], padding: [3], dilation: [2], groups: 2 }],
  [[2, 3, 8, 7], [5, 3, 3, 3], { ...plain(2), padding: [1, 1] }],
  [[1, 4, 9, 9], [8, 1, 3, 2], { stride: [2, 3], padding: [1, 0], dilation: [1, 2], groups: 4 }],
  [[2, 2, 4, 5, 6], [3, 2, 2, 3, 2], { stride: [1, 2, 1], padding: [1, 0, 1], dilation: [1, 1, 2], groups: 1 }],
  [[0, 3, 8, 7], [5, 3, 3, 3], plain(2)],
  [[2, 0, 5, 5], [3, 0, 3, 3], plain(2)],
];

describe("convolution and its gradients agree with their references", () => {
  for (const dtype of ["float32", "float64", "int32"] as const) {
    for (const [x, w, attrs] of CONVOLUTIONS) {
      it(`${dtype} [${x}] * [${w}]`, () => {
        const y = convShape(x, w, attrs);
        const tolerance = dtype === "float32" ? 3e-6 : 1e-13;
        for (const layout of LAYOUTS) {
          const [source, weight, bias, grad] = [
            make(dtype, x, layout),
            make(dtype, w, layout),
            make(dtype, [w[0]], layout),
            make(dtype, y, layout),
          ];
          for (const inputs of [
            [source, weight],
            [source, weight, bias],
          ]) {
            const { got, want } = runBoth(backend, "conv", inputs, [{ shape: y, dtype }], attrs);
            expectClose(got[0], want[0], tolerance, `forward ${layout}`);
          }
          const input = runBoth(backend, "convInput", [grad, weight], [{ shape: x, dtype }], attrs);
          expectClose(input.got[0], input.want[0], tolerance, `input ${layout}`);
          const weights = runBoth(backend, "convWeight", [grad, source], [{ shape: w, dtype }], attrs);
          expectClose(weights.got[0], weights.want[0], tolerance, `weight ${layout}`);
        }
      });
    }
  }
});

type PoolCase = readonly [x: readonly number[], attrs: PoolAttrs, ceil: boolean];
const POOLS: readonly PoolCase[] = [
  [[2, 3, 11], { kernel: [3], stride: [2], padding: [1], dilation: [1] }, false],
  [[2, 3, 8, 10], { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] }, false],
  [[1, 2, 9, 7], { kernel: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [1, 1] }, true],
  [[2, 1, 5, 4, 6], { kernel: [2, 2, 3], stride: [2, 1, 2], padding: [1, 0, 1], dilation: [1, 1, 1] }, false],
  [[0, 2, 6, 6], { kernel: [2, 2], stride: [2, 2], padding: [0, 0], dilation: [1, 1] }, false],
];

describe("pooling agrees with its reference", () => {
  for (const dtype of ["float32", "float64"] as const) {
    for (const [x, attrs, ceil] of POOLS) {
      const output = (a: PoolAttrs): number[] =>
        x.slice(2).map((n, d) => poolOutput(n, a.kernel[d], a.stride[d], a.padding[d], a.dilation[d], ceil));

      it(`max ${dtype} [${x}]`, () => {
        for (const dilation of [1, 2]) {
          const dilated = { ...attrs, dilation: same(x.length - 2, dilation) };
          const y = [...x.slice(0, 2), ...output(dilated)];
          for (const layout of LAYOUTS) {
            const source = hostTensor(dtype, x, layout, (i) => (i === 5 ? Number.NaN : Math.round(random() * 9)));
            const { got, want } = runBoth(
              backend,
              "maxPool",
              [source],
              [
                { shape: y, dtype },
                { shape: y, dtype: "int32" },
              ],
              dilated,
            );
            expectClose(got[0], want[0], 0, `values ${layout}`);
            expectClose(got[1], want[1], 0, `positions ${layout}`);
          }
        }
      });

      it(`average ${dtype} [${x}]`, () => {
        const y = [...x.slice(0, 2), ...output(attrs)];
        for (const layout of LAYOUTS) {
          for (const countIncludePad of [true, false]) {
            for (const divisor of [null, 3]) {
              const { kernel, stride, padding } = attrs;
              const average: AvgPoolAttrs = { kernel, stride, padding, countIncludePad, divisor };
              const forward = runBoth(backend, "avgPool", [make(dtype, x, layout)], [{ shape: y, dtype }], average);
              expectClose(forward.got[0], forward.want[0], 3e-7, `forward ${layout}`);
              const back = runBoth(backend, "avgPoolGrad", [make(dtype, y, layout)], [{ shape: x, dtype }], average);
              expectClose(back.got[0], back.want[0], 3e-7, `gradient ${layout}`);
            }
          }
        }
      });
    }
  }
});
