import { type ConvAttrs, convShape, type DType, type ScatterMode, type Spec } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { expectSame, generator, type HostTensor, hostTensor, LAYOUTS, runOn, tensorOf, values } from "./both.js";
import { startDevice } from "./start.js";

const random = generator(5);
const float = (shape: readonly number[], layout: (typeof LAYOUTS)[number] = "contiguous"): HostTensor =>
  hostTensor("float32", shape, layout, values("float32", random, 1));
const indices = (shape: readonly number[], below: number): HostTensor =>
  hostTensor("int32", shape, "contiguous", () => Math.floor(random() * below));
const WITH_NAN = [3, Number.NaN, 1, Infinity, -Infinity, 0, Number.NaN, 3];

interface ConvCase extends ConvAttrs {
  readonly x: readonly number[];
  readonly w: readonly number[];
}
const one = { stride: [1], padding: [0], dilation: [1], groups: 1 };
const two = { stride: [1, 1], padding: [0, 0], dilation: [1, 1], groups: 1 };
const CONVS: readonly ConvCase[] = [
  { x: [2, 3, 9], w: [4, 3, 3], ...one, padding: [1] },
  { x: [2, 3, 8, 7], w: [5, 3, 3, 3], ...two },
  { x: [2, 4, 9, 9], w: [6, 2, 3, 2], stride: [2, 3], padding: [2, 1], dilation: [2, 1], groups: 2 },
  { x: [3, 6, 5, 5], w: [6, 1, 3, 3], ...two, padding: [1, 1], groups: 6 },
  { x: [1, 2, 5, 6, 4], w: [3, 2, 2, 3, 2], stride: [1, 2, 1], padding: [0, 1, 1], dilation: [1, 1, 2], groups: 1 },
  // Large enough to go through columns.
  { x: [2, 6, 20], w: [4, 6, 3], ...one, padding: [1] },
  { x: [4, 8, 9, 9], w: [8, 4, 3, 2], stride: [2, 3], padding: [2, 1], dilation: [2, 1], groups: 2 },
  { x: [6, 8, 6, 6], w: [16, 8, 3, 3], ...two, padding: [1, 1] },
  { x: [2, 3, 5, 6, 4], w: [4, 3, 2, 3, 2], stride: [1, 2, 1], padding: [0, 1, 1], dilation: [1, 1, 2], groups: 1 },
];

for (const software of [true, false]) {
  const backend = await startDevice(software);
  describe.skipIf(backend === null)(`kernels for ${software ? "software adapters" : "hardware"}`, () => {
    const device = backend!;
    it("convolutions and their gradients with stride, padding, dilation and groups", async () => {
      for (const { x, w, ...attrs } of CONVS) {
        const out = convShape(x, w, attrs);
        for (const layout of ["contiguous", "transposed"] as const) {
          const [input, weight, grad] = [float(x, layout), float(w, layout), float(out, layout)];
          await expectSame(device, "conv", [input, weight], [{ shape: out, dtype: "float32" }], attrs, 1e-5);
          await expectSame(device, "conv", [input, weight, float([w[0]])], [{ shape: out, dtype: "float32" }], attrs, 1e-5);
          await expectSame(device, "convInput", [grad, weight], [{ shape: x, dtype: "float32" }], attrs, 1e-5);
          await expectSame(device, "convWeight", [grad, input], [{ shape: w, dtype: "float32" }], attrs, 1e-5);
        }
      }
    });
    it("scatter and indexUpdate in every mode, few and many lanes", async () => {
      for (const mode of ["set", "add", "mul", "max", "min"] as ScatterMode[]) {
        for (const dtype of ["float32", "int32"] as DType[]) {
          for (const [shape, n] of [
            [[6, 5], 4],
            [[40], 200],
            [[3, 70], 100],
          ] as [number[], number][]) {
            const source = shape.map((size, d) => (d === shape.length - 1 ? n : size));
            const self = hostTensor(dtype, shape, "reversed", values(dtype, random, 1));
            const values_ = hostTensor(dtype, source, "transposed", values(dtype, random, 1));
            const dim = shape.length - 1;
            await expectSame(
              device,
              "scatter",
              [self, indices(source, shape[dim]), values_],
              [{ shape, dtype }],
              { dim, mode },
              1e-4,
              `${mode} ${dtype} ${shape}`,
            );
            await expectSame(
              device,
              "indexUpdate",
              [self, indices([n], shape[dim]), values_],
              [{ shape, dtype }],
              { dim, mode },
              1e-4,
              `${mode} ${dtype} ${shape}`,
            );
          }
        }
      }
    });
    it("softmax of short and long rows", async () => {
      for (const log of [false, true])
        for (const [shape, dim] of [
          [[4, 10], 1],
          [[10, 4], 0],
          [[2, 700], 1],
          [[100, 70], 1],
          [[2, 3, 4], 1],
          [[], 0],
        ] as [number[], number][]) {
          await expectSame(device, "softmax", [float(shape, "transposed")], [{ shape, dtype: "float32" }], { dim, log }, 2e-6, `${shape}`);
        }
    });
  });
}

const backend = await startDevice();
describe.skipIf(backend === null)("kernels on WebGPU", () => {
  const device = backend!;
  it("pools with padding and dilation", async () => {
    const attrs = { kernel: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [1, 2] };
    const x = [2, 3, 7, 6];
    const out = [2, 3, 4, 6];
    for (const layout of LAYOUTS) {
      const specs = [
        { shape: out, dtype: "float32" as const },
        { shape: out, dtype: "int32" as const },
      ];
      await expectSame(device, "maxPool", [float(x, layout)], specs, attrs);
      for (const countIncludePad of [true, false])
        for (const divisor of [null, 5]) {
          const average = { kernel: [3, 2], stride: [2, 1], padding: [1, 1], countIncludePad, divisor };
          const size = [2, 3, 4, 7];
          await expectSame(device, "avgPool", [float(x, layout)], [{ shape: size, dtype: "float32" }], average);
          await expectSame(device, "avgPoolGrad", [float(size, layout)], [{ shape: x, dtype: "float32" }], average, 1e-5);
        }
    }
    const nan = tensorOf("float32", [1, 1, 8], WITH_NAN);
    const window = { kernel: [4], stride: [2], padding: [0], dilation: [1] };
    await expectSame(
      device,
      "maxPool",
      [nan],
      [
        { shape: [1, 1, 3], dtype: "float32" },
        { shape: [1, 1, 3], dtype: "int32" },
      ],
      window,
    );
  });
  it("gather and indexSelect", async () => {
    for (const layout of LAYOUTS)
      for (const dim of [0, 1, 2]) {
        const shape = [4, 3, 5];
        const x = float(shape, layout);
        const size = [3, 2, 4];
        await expectSame(device, "gather", [x, indices(size, shape[dim])], [{ shape: size, dtype: "float32" }], { dim });
        const picked = shape.map((n, d) => (d === dim ? 7 : n));
        await expectSame(device, "indexSelect", [x, indices([7], shape[dim])], [{ shape: picked, dtype: "float32" }], { dim });
      }
  });
  it("indices known to the host are checked, others clamped or left out", async () => {
    const [x, bad] = [float([3]), tensorOf("int32", [2], [0, 3])];
    const views = [x, bad].map((t) => ({ ...t, handle: device.upload(t.array, t.dtype) }));
    expect(() => device.run("gather", views, [{ shape: [2], dtype: "float32" }], { dim: 0 })).toThrow(
      "index 3 is out of bounds for dimension 0 with size 3",
    );
  });
  it("updateSlice and concat in any layout and dtype", async () => {
    for (const dtype of ["float32", "int32", "bool", "uint8"] as DType[])
      for (const layout of LAYOUTS) {
        const base = hostTensor(dtype, [4, 6], "contiguous", values(dtype, random));
        const source = hostTensor(dtype, [2, 3], layout, values(dtype, random));
        for (const reuse of [false, true])
          await expectSame(device, "updateSlice", [base, source], [{ shape: [4, 6], dtype }], { strides: [12, 2], offset: 1, reuse });
        await expectSame(
          device,
          "concat",
          [source, base, source].map((t) => (t === base ? hostTensor(dtype, [2, 6], layout, values(dtype, random)) : t)),
          [{ shape: [2, 12], dtype }],
          { dim: 1 },
        );
      }
  });
  it("positions of extremes and running results", async () => {
    for (const layout of LAYOUTS)
      for (const dim of [0, 1, 2])
        for (const dtype of ["float32", "int32"] as DType[]) {
          const shape = [3, 4, 5];
          const x = hostTensor(dtype, shape, layout, values(dtype, random, 2));
          const kept = shape.filter((_, d) => d !== dim);
          for (const op of ["max", "min"] as const) {
            await expectSame(device, "argReduce", [x], [{ shape: kept, dtype: "int32" }], { op, dim });
            await expectSame(
              device,
              "cumulate",
              [x],
              [
                { shape, dtype },
                { shape, dtype: "int32" },
              ],
              { op, dim },
            );
          }
          for (const op of ["sum", "prod"] as const) await expectSame(device, "cumulate", [x], [{ shape, dtype }], { op, dim }, 1e-5);
        }
    const nan = tensorOf("float32", [8], WITH_NAN);
    for (const op of ["max", "min"] as const) {
      await expectSame(device, "argReduce", [nan], [{ shape: [], dtype: "int32" }], { op, dim: 0 });
      await expectSame(
        device,
        "cumulate",
        [nan],
        [
          { shape: [8], dtype: "float32" },
          { shape: [8], dtype: "int32" },
        ],
        { op, dim: 0 },
      );
    }
  });
  it("sort is stable and puts NaN last, by counting and by the network", async () => {
    for (const descending of [false, true]) {
      for (const [shape, dim] of [
        [[3, 50], 1],
        [[50, 3], 0],
        [[2, 1500], 1],
        [[1500, 2], 0],
        [[1], 0],
        [[], 0],
      ] as [number[], number][]) {
        for (const dtype of ["float32", "int32"] as DType[]) {
          const x = hostTensor(dtype, shape, "reversed", values(dtype, random));
          await expectSame(
            device,
            "sort",
            [x],
            [
              { shape, dtype },
              { shape, dtype: "int32" },
            ],
            { dim, descending },
            0,
            `${shape} ${dtype} ${descending}`,
          );
        }
      }
      const nan = tensorOf("float32", [8], WITH_NAN);
      await expectSame(
        device,
        "sort",
        [nan],
        [
          { shape: [8], dtype: "float32" },
          { shape: [8], dtype: "int32" },
        ],
        { dim: 0, descending },
      );
    }
  });
  it("random draws the counter-based stream bit for bit", async () => {
    for (const [seed, offset] of [
      [0, 0],
      [42, 7],
      [2 ** 40 + 3, 2 ** 33 + 1],
    ]) {
      await expectSame(device, "random", [], [{ shape: [1003], dtype: "float32" }], { seed, offset }, 0);
    }
  });
  it("the gradient of softmax and its logarithm, with rows of any length and layout", async () => {
    for (const [shape, dim] of [
      [[4, 3], 1],
      [[3, 5, 2], 1],
      [[2, 300], 1],
      [[100, 70], 1],
      [[6], 0],
    ] as [number[], number][]) {
      for (const layout of ["contiguous", "transposed"] as const) {
        for (const log of [false, true]) {
          const [grad, y] = [float(shape, layout), float(shape, layout)];
          await expectSame(device, "softmaxGrad", [grad, y], [{ shape, dtype: "float32" }], { dim, log }, 2e-5, `${shape} ${log}`);
        }
      }
    }
  });
  it("negative log likelihood and its gradient, with classes along any dimension", async () => {
    const cases: readonly (readonly [readonly number[], number])[] = [
      [[4, 3], 1],
      [[3], 0],
      [[2, 5, 3, 2], 1],
      [[0, 3], 1],
      [[5000, 4], 1],
    ];
    for (const [shape, dim] of cases) {
      for (const layout of ["contiguous", "transposed"] as const) {
        for (const reduction of ["none", "sum", "mean"] as const) {
          const rest = shape.filter((_, d) => d !== dim);
          const target = hostTensor("int32", rest, layout, () => Math.floor(random() * shape[dim]));
          const attrs = { dim, ignoreIndex: 1, reduction };
          const scalar: Spec = { shape: [], dtype: "float32" };
          const losses: Spec = reduction === "none" ? { shape: rest, dtype: "float32" } : scalar;
          await expectSame(device, "nll", [float(shape, layout), target], [losses, scalar], attrs, 1e-5, `${shape} ${reduction}`);
          const count = hostTensor("float32", [], "contiguous", () => 3);
          const grad = float(losses.shape, layout);
          await expectSame(device, "nllGrad", [grad, target, count], [{ shape, dtype: "float32" }], attrs, 1e-6, `${shape} ${reduction}`);
        }
      }
    }
  });
  it("refuses targets that are no class, but for the ignored one", async () => {
    const scalar: Spec = { shape: [], dtype: "float32" };
    const attrs = { dim: 1, ignoreIndex: -100, reduction: "mean" } as const;
    const run = (target: number): Promise<unknown> =>
      runOn(device, "nll", [float([2, 3]), hostTensor("int32", [2], "contiguous", () => target)], [scalar, scalar], attrs);
    await expect(run(3)).rejects.toThrow("index 3 is out of bounds for dimension 1 with size 3");
    expect(Number.isNaN(((await run(-100)) as Float32Array[])[0][0])).toBe(true);
  });
});
