import "@sconce/backend-cpu";
import { setMatrixProducts } from "@sconce/backend-cpu/outside";
import "@sconce/autograd";
import { type Blas, useBlas } from "@sconce/blas";
import { NotSupportedError, type Tensor, tensor, ValueError } from "@sconce/core";
import { conv1d, conv2d, linear } from "@sconce/core/nn";
import { afterEach, describe, expect, it } from "vitest";

const missing: string | null = await useBlas().then(
  (blas) => {
    blas.stop();
    return null;
  },
  (error: Error) => error.message,
);

/** Numbers between -1 and 1 without order. */
function spread(shape: readonly number[], seed: number, dtype: "float32" | "float64" = "float32"): Tensor {
  const size = shape.reduce((n, d) => n * d, 1);
  const data = Float64Array.from(
    { length: size },
    (_, i) => 2 * Math.abs((Math.sin(78.233 * (i + 1) + 12.9898 * seed) * 43758.5453) % 1) - 1,
  );
  return tensor([...data], { dtype }).reshape([...shape]);
}

/** The result of a function and the gradients of its inputs. */
function valueAndGrads(run: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): number[][] {
  const leaves = inputs.map((x) => x.detach().requiresGrad_());
  const out = run(...leaves);
  out
    .mul(spread(out.shape, 9, out.dtype as "float32"))
    .sum()
    .backward();
  return [out, ...leaves.map((x) => x.grad as Tensor)].map((x) => [...x.dataSync()].map(Number));
}

const CASES: readonly (readonly [string, readonly (readonly number[])[], (...inputs: Tensor[]) => Tensor])[] = [
  [
    "a product",
    [
      [33, 50],
      [50, 40],
    ],
    (a, b) => a.matmul(b),
  ],
  [
    "a product of transposed matrices",
    [
      [50, 33],
      [40, 50],
    ],
    (a, b) => a.t().matmul(b.t()),
  ],
  [
    "a product of every other row",
    [
      [66, 50],
      [50, 40],
    ],
    (a, b) => a.at("::2").matmul(b),
  ],
  [
    "a product of turned round columns",
    [
      [33, 50],
      [50, 40],
    ],
    (a, b) => a.flip(1).matmul(b),
  ],
  [
    "batches with a matrix that they share",
    [
      [3, 20, 30],
      [30, 25],
    ],
    (a, b) => a.matmul(b),
  ],
  [
    "batches",
    [
      [2, 3, 20, 30],
      [3, 30, 25],
    ],
    (a, b) => a.matmul(b),
  ],
  ["a layer with a bias", [[30, 40], [20, 40], [20]], (x, w, b) => linear(x, w, b)],
  [
    "a bias for each element",
    [
      [30, 20],
      [30, 40],
      [40, 20],
    ],
    (c, a, b) => c.addmm(a, b),
  ],
  ["a convolution", [[2, 32, 12, 11], [32, 32, 3, 3], [32]], (x, w, bias) => conv2d(x, w, bias, { padding: 1 })],
  [
    "a convolution with steps",
    [
      [2, 3, 13, 12],
      [32, 3, 3, 2],
    ],
    (x, w) => conv2d(x, w, null, { stride: [2, 3], padding: [2, 1], dilation: [1, 2] }),
  ],
  [
    "a convolution in groups",
    [
      [2, 64, 9, 8],
      [64, 32, 3, 3],
    ],
    (x, w) => conv2d(x, w, null, { groups: 2, padding: 3 }),
  ],
  ["a convolution along one dimension", [[3, 8, 50], [32, 8, 5], [32]], (x, w, bias) => conv1d(x, w, bias, { padding: 2 })],
];

describe.skipIf(missing !== null)("OpenBLAS", () => {
  let blas: Blas | undefined;
  afterEach(() => blas?.stop());

  it.each(CASES)("computes %s as the backend does, with gradients", async (_, shapes, run) => {
    for (const dtype of ["float32", "float64"] as const) {
      const inputs = shapes.map((shape, i) => spread(shape, i, dtype));
      blas?.stop();
      const own = valueAndGrads(run, inputs);
      blas = await useBlas({ threads: 1 });
      const other = valueAndGrads(run, inputs);
      for (const [i, list] of own.entries()) {
        expect(other[i].length).toBe(list.length);
        const bound = dtype === "float32" ? 2e-5 : 1e-12;
        for (const [k, x] of list.entries()) expect(Math.abs(other[i][k] - x)).toBeLessThan(bound * Math.max(1, Math.abs(x)));
      }
    }
  });

  it("says what it is", async () => {
    blas = await useBlas();
    expect(blas.library).toMatch(/openblas/i);
    expect(blas.config).toMatch(/OpenBLAS|unknown/);
  });
});

describe("useBlas", () => {
  it("names the library that is missing", async () => {
    const error = await useBlas({ library: "libno-such-blas.so" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NotSupportedError);
    expect((error as Error).message).toContain("expected the library libno-such-blas.so, got none");
  });

  it("refuses a number of threads that is none", async () => {
    await expect(useBlas({ threads: 0 })).rejects.toThrow(ValueError);
  });
});

describe("products that something else computes", () => {
  afterEach(() => setMatrixProducts(null));

  it("are the large ones whose matrices a library can read, with the sizes and strides of the tensors", () => {
    const calls: (readonly unknown[])[] = [];
    setMatrixProducts({
      multiply: (_, dtype, { m, n, k, a, b, accumulate }) =>
        void calls.push([dtype, m, n, k, a.leading, a.transposed, b.leading, b.transposed, accumulate]),
    });
    const [x, w] = [spread([32, 64], 1), spread([16, 64], 2)];
    x.matmul(w.t());
    spread([16], 3).addmm(x, w.t());
    x.at("::2").matmul(w.t());
    x.flip(1).matmul(w.t());
    spread([2, 3], 4).matmul(spread([3, 2], 5));
    expect(calls).toEqual([
      ["float32", 32, 16, 64, 64, false, 64, true, false],
      ["float32", 32, 16, 64, 64, false, 64, true, true],
      ["float32", 16, 16, 64, 128, false, 64, true, false],
      ["float32", 32, 16, 64, 64, false, 64, true, false],
    ]);
  });

  it("give the gradients of convolutions at stride 1 as convolutions of three products for each image", () => {
    let count = 0;
    setMatrixProducts({ multiply: () => void count++ });
    valueAndGrads((x, w) => conv2d(x, w, null, { padding: 1 }), [spread([5, 32, 7, 7], 1), spread([32, 32, 3, 3], 2)]);
    expect(count).toBe(15);
  });
});
