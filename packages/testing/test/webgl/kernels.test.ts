import { createWebGlBackend } from "@sconce/backend-webgl";
import { type ConvAttrs, convShape, type DType, inputExpr, opExpr, type ReduceOp, type ScatterMode, uniform32 } from "@sconce/core";
import { describe, expect, it } from "vitest";
import { expectSame, generator, type HostTensor, hostTensor, LAYOUTS, runOn, tensorOf, values } from "../webgpu/both.js";

const backend = await createWebGlBackend();
const random = generator(5);
const float = (shape: readonly number[], layout: (typeof LAYOUTS)[number] = "contiguous"): HostTensor =>
  hostTensor("float32", shape, layout, values("float32", random, 1));
const indices = (shape: readonly number[], below: number): HostTensor =>
  hostTensor("int32", shape, "contiguous", () => Math.floor(random() * below));
const spec = (shape: readonly number[], dtype: DType = "float32"): { shape: readonly number[]; dtype: DType } => ({ shape, dtype });

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
];

describe("kernels on WebGL", () => {
  it("elementwise over every layout, alone and mixed, with and without whole texels in a row", async () => {
    const sum = opExpr("add", "float32", [
      inputExpr(0, "float32"),
      opExpr("mul", "float32", [inputExpr(1, "float32"), inputExpr(0, "float32")]),
    ]);
    for (const shape of [[3, 5], [6, 8], [2, 3, 4], [5], [], [2, 1, 12], [7, 1, 3, 2]])
      for (const first of LAYOUTS)
        for (const second of LAYOUTS) {
          const attrs = { exprs: [sum, inputExpr(1, "float32")], numbers: [] };
          const label = `${shape} ${first} ${second}`;
          await expectSame(
            backend,
            "elementwise",
            [float(shape, first), float(shape, second)],
            [spec(shape), spec(shape)],
            attrs,
            1e-6,
            label,
          );
        }
  });

  it("reductions over every set of dimensions, in every layout", async () => {
    for (const op of ["sum", "prod", "max", "min", "any", "all"] as ReduceOp[])
      for (const dtype of ["float32", "int32", "bool"] as DType[]) {
        if (dtype === "bool" && op !== "any" && op !== "all") continue;
        // The smallest and the largest int32 are beyond what a float holds.
        const finite = dtype !== "int32" || (op !== "max" && op !== "min");
        for (const [shape, dims] of [
          [[6, 8], [1]],
          [[6, 8], [0]],
          [
            [3, 5, 4],
            [0, 2],
          ],
          [[3, 5, 4], [1]],
          [[7], [0]],
          ...(finite ? [[[2, 0], [1]]] : []),
        ])
          for (const layout of op === "sum" ? LAYOUTS : (["contiguous", "transposed"] as const)) {
            const x = hostTensor(dtype, shape, layout, () => Math.round(random() * 4 - 2) / (dtype === "float32" ? 2 : 1));
            const kept = shape.filter((_, d) => !dims.includes(d));
            const attrs = { op, dims, shape, expr: inputExpr(0, dtype), numbers: [] };
            const out = spec(kept, op === "any" || op === "all" ? "bool" : dtype);
            await expectSame(backend, "reduce", [x], [out], attrs, 1e-5, `${op} ${dtype} ${shape} over ${dims} ${layout}`);
          }
      }
  });

  it("long reductions in parts", async () => {
    for (const [shape, dims] of [
      [[5000], [0]],
      [[3, 9001], [1]],
      [[9001, 4], [0]],
      [[300001], [0]],
    ]) {
      const attrs = { op: "sum" as const, dims, shape, expr: inputExpr(0, "float32"), numbers: [] };
      const out = spec(shape.filter((_, d) => !dims.includes(d)));
      await expectSame(backend, "reduce", [float(shape)], [out], attrs, 1e-4, `${shape}`);
    }
  });

  it("products of any sizes and layouts, batches and bias", async () => {
    for (const [m, k, n] of [
      [1, 1, 1],
      [3, 5, 7],
      [4, 8, 12],
      [5, 6, 8],
      [9, 16, 10],
      [2, 5000, 4],
      [3, 4101, 2],
    ])
      for (const first of ["contiguous", "transposed", "sliced"] as const)
        for (const second of ["contiguous", "transposed", "reversed"] as const) {
          const inputs = [float([m, k], first), float([k, n], second)];
          const label = `${m} ${k} ${n} ${first} ${second}`;
          await expectSame(backend, "matmul", inputs, [spec([m, n])], { bias: false }, 2e-4, label);
          await expectSame(backend, "matmul", [...inputs, float([m, n], "broadcast")], [spec([m, n])], { bias: true }, 2e-4, label);
        }
    for (const layout of LAYOUTS) {
      const inputs = [float([2, 3, 4, 6], layout), float([2, 3, 6, 8], layout), float([2, 3, 4, 8], layout)];
      await expectSame(backend, "matmul", inputs, [spec([2, 3, 4, 8])], { bias: true }, 1e-5, layout);
      const whole = [
        [3, 4, 5],
        [3, 5, 2],
      ].map((shape) => hostTensor("int32", shape, layout, values("int32", random)));
      await expectSame(backend, "matmul", whole, [spec([3, 4, 2], "int32")], { bias: false }, 0, `int32 ${layout}`);
    }
  });

  it("a product's padding keeps infinity from becoming NaN", async () => {
    const [a, b] = [tensorOf("float32", [1, 3], [1, 2, 3]), tensorOf("float32", [3, 4], [0, 0, 0, 0, 0, 0, 0, 0, Infinity, 1, 2, 3])];
    const [got] = await runOn(backend, "matmul", [a, b], [spec([1, 4])], { bias: false });
    expect([...got]).toEqual([Infinity, 3, 6, 9]);
  });

  it("convolutions and their gradients with stride, padding, dilation and groups", async () => {
    for (const { x, w, ...attrs } of CONVS) {
      const out = convShape(x, w, attrs);
      for (const layout of ["contiguous", "transposed"] as const) {
        const [input, weight, grad] = [float(x, layout), float(w, layout), float(out, layout)];
        const label = `${x} ${w} ${layout}`;
        await expectSame(backend, "conv", [input, weight], [spec(out)], attrs, 1e-5, label);
        await expectSame(backend, "conv", [input, weight, float([w[0]])], [spec(out)], attrs, 1e-5, label);
        await expectSame(backend, "convInput", [grad, weight], [spec(x)], attrs, 1e-5, label);
        await expectSame(backend, "convWeight", [grad, input], [spec(w)], attrs, 1e-5, label);
      }
    }
  });

  it("pools with padding and dilation, NaN first", async () => {
    const attrs = { kernel: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [1, 2] };
    const [x, out, size] = [
      [2, 3, 7, 6],
      [2, 3, 4, 6],
      [2, 3, 4, 7],
    ];
    for (const layout of LAYOUTS) {
      await expectSame(backend, "maxPool", [float(x, layout)], [spec(out), spec(out, "int32")], attrs);
      for (const countIncludePad of [true, false])
        for (const divisor of [null, 5]) {
          const average = { kernel: [3, 2], stride: [2, 1], padding: [1, 1], countIncludePad, divisor };
          await expectSame(backend, "avgPool", [float(x, layout)], [spec(size)], average);
          await expectSame(backend, "avgPoolGrad", [float(size, layout)], [spec(x)], average, 1e-5);
        }
    }
    const nan = tensorOf("float32", [1, 1, 8], [3, Number.NaN, 1, Infinity, -Infinity, 0, Number.NaN, 3]);
    const window = { kernel: [4], stride: [2], padding: [0], dilation: [1] };
    await expectSame(backend, "maxPool", [nan], [spec([1, 1, 3]), spec([1, 1, 3], "int32")], window);
  });

  it("gather, indexSelect, scatter and indexUpdate", async () => {
    for (const layout of LAYOUTS)
      for (const dim of [0, 1, 2]) {
        const [shape, size] = [
          [4, 3, 5],
          [3, 2, 4],
        ];
        await expectSame(backend, "gather", [float(shape, layout), indices(size, shape[dim])], [spec(size)], { dim });
        const picked = shape.map((n, d) => (d === dim ? 7 : n));
        await expectSame(backend, "indexSelect", [float(shape, layout), indices([7], shape[dim])], [spec(picked)], { dim });
        for (const mode of ["set", "add", "mul", "max", "min"] as ScatterMode[]) {
          const label = `${mode} ${dim} ${layout}`;
          const self = float(shape, layout);
          await expectSame(
            backend,
            "scatter",
            [self, indices(size, shape[dim]), float(size, layout)],
            [spec(shape)],
            { dim, mode },
            1e-5,
            label,
          );
          const rows = shape.map((n, d) => (d === dim ? 9 : n));
          await expectSame(
            backend,
            "indexUpdate",
            [self, indices([9], shape[dim]), float(rows, layout)],
            [spec(shape)],
            { dim, mode },
            1e-5,
            label,
          );
        }
      }
  });

  it("adds at the positions that a pooling chose as at any others", async () => {
    const window = { kernel: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [1, 2] };
    const [x, out] = [float([2, 3, 7, 6]), [2, 3, 4, 6]];
    const from = { handle: backend.upload(x.array, "float32"), dtype: x.dtype, shape: x.shape, strides: x.strides, offset: 0 };
    const [, chosen] = backend.run("maxPool", [from], [spec(out), spec(out, "int32")], window);
    const positions = await backend.download(chosen, "int32", 2 * 3 * 24);
    const [self, source] = [float([2, 3, 42], "transposed"), float([2, 3, 24], "reversed")];
    const copied = tensorOf("int32", [2, 3, 24], [...(positions as Int32Array)]);
    const [want] = await runOn(backend, "scatter", [self, copied, source], [spec([2, 3, 42])], { dim: 2, mode: "add" });
    const views = [self, source].map((t) => ({ ...t, handle: backend.upload(t.array, "float32") }));
    const index = { handle: chosen, dtype: "int32" as const, shape: [2, 3, 24], strides: [72, 24, 1], offset: 0 };
    const [sums] = backend.run("scatter", [views[0], index, views[1]], [spec([2, 3, 42])], { dim: 2, mode: "add" });
    expect(await backend.download(sums, "float32", 2 * 3 * 42)).toEqual(want);
  });

  it("updateSlice into nested, reversed and interleaved regions, and concat", async () => {
    for (const dtype of ["float32", "int32", "bool", "uint8"] as DType[])
      for (const layout of LAYOUTS) {
        const base = hostTensor(dtype, [4, 6], "contiguous", values(dtype, random));
        const source = hostTensor(dtype, [2, 3], layout, values(dtype, random));
        for (const attrs of [
          { strides: [6, 1], offset: 8 },
          { strides: [-6, -2], offset: 23 },
          { strides: [1, 7], offset: 2 },
          { strides: [3, 2], offset: 1 },
        ])
          await expectSame(
            backend,
            "updateSlice",
            [base, source],
            [spec([4, 6], dtype)],
            { ...attrs, reuse: false },
            0,
            `${attrs.strides} ${layout}`,
          );
        const parts = Array.from({ length: 11 }, (_, i) => hostTensor(dtype, [3, i % 4], layout, values(dtype, random)));
        const width = parts.reduce((n, x) => n + x.shape[1], 0);
        await expectSame(backend, "concat", parts, [spec([3, width], dtype)], { dim: 1 });
      }
  });

  it("positions of extremes, running results, softmax", async () => {
    const withNan = tensorOf("float32", [2, 4], [3, Number.NaN, 5, Number.NaN, 1, 5, 5, -Infinity]);
    for (const op of ["max", "min"] as const) {
      await expectSame(backend, "argReduce", [withNan], [spec([2], "int32")], { op, dim: 1 });
      await expectSame(backend, "cumulate", [withNan], [spec([2, 4]), spec([2, 4], "int32")], { op, dim: 1 });
    }
    for (const layout of LAYOUTS)
      for (const dim of [0, 1, 2]) {
        const shape = [3, 5, 4];
        await expectSame(
          backend,
          "argReduce",
          [float(shape, layout)],
          [
            spec(
              shape.filter((_, d) => d !== dim),
              "int32",
            ),
          ],
          { op: "max", dim },
        );
        for (const op of ["sum", "prod"] as const)
          await expectSame(backend, "cumulate", [float(shape, layout)], [spec(shape)], { op, dim }, 1e-5);
        for (const log of [false, true]) await expectSame(backend, "softmax", [float(shape, layout)], [spec(shape)], { dim, log }, 2e-6);
      }
  });

  it("negative log likelihood and its gradient, with classes along any dimension", async () => {
    const cases: readonly (readonly [shape: readonly number[], dim: number])[] = [
      [[4, 3], 1],
      [[3], 0],
      [[2, 5, 3, 2], 1],
      [[0, 3], 1],
      [[5000, 4], 1],
    ];
    for (const [shape, dim] of cases)
      for (const layout of ["contiguous", "transposed"] as const)
        for (const reduction of ["none", "sum", "mean"] as const) {
          const rest = shape.filter((_, d) => d !== dim);
          const target = hostTensor("int32", rest, layout, () => Math.floor(random() * shape[dim]));
          const attrs = { dim, ignoreIndex: 1, reduction };
          const losses = spec(reduction === "none" ? rest : []);
          const label = `${shape} ${layout} ${reduction}`;
          await expectSame(backend, "nll", [float(shape, layout), target], [losses, spec([])], attrs, 1e-5, label);
          const count = hostTensor("float32", [], "contiguous", () => 3);
          await expectSame(backend, "nllGrad", [float(losses.shape, layout), target, count], [spec(shape)], attrs, 1e-6, label);
        }
    const outside = [float([2, 3]), tensorOf("int32", [2], [3, 3])];
    const attrs = { dim: 1, ignoreIndex: -100, reduction: "mean" } as const;
    await expect(runOn(backend, "nll", outside, [spec([]), spec([])], attrs)).rejects.toThrow("index 3 is out of bounds for dimension 1");
  });

  it("sorts short and long rows, stable, NaN last", async () => {
    for (const [shape, dim] of [
      [[7], 0],
      [[3, 5, 4], 1],
      [[2, 600], 1],
      [[600, 2], 0],
    ] as [number[], number][])
      for (const descending of [false, true])
        for (const dtype of ["float32", "int32"] as DType[]) {
          const x = hostTensor(dtype, shape, "transposed", () =>
            dtype === "float32" && random() < 0.05 ? Number.NaN : Math.floor(random() * 50),
          );
          await expectSame(
            backend,
            "sort",
            [x],
            [spec(shape, dtype), spec(shape, "int32")],
            { dim, descending },
            0,
            `${shape} ${descending}`,
          );
        }
  });

  it("random numbers are those of the counter's stream", async () => {
    const [seed, offset] = [2 ** 40 + 5, 2 ** 33 + 7];
    const [got] = await runOn(backend, "random", [], [spec([1001])], { seed, offset });
    for (let i = 0; i < 1001; i++) expect(got[i]).toBe(uniform32(seed, offset, i));
  });
});
