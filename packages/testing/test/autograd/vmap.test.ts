import "@sconce/backend-cpu";
import "@sconce/autograd";
import { detectAnomaly } from "@sconce/autograd";
import { grad, vmap } from "@sconce/autograd/func";
import { arange, manualSeed, ones, rand, randn, stack, type Tensor, tensor, zeros } from "@sconce/core";
import { functional as F } from "@sconce/nn";
import { describe, expect, it } from "vitest";

const numbers = (t: Tensor): unknown => t.tolistSync();

function close(actual: Tensor, expected: Tensor): void {
  expect([...actual.shape]).toEqual([...expected.shape]);
  expect(actual.allcloseSync(expected, { rtol: 1e-5, atol: 1e-6 })).toBe(true);
}

/** One example after the other. */
function loop(fn: (...xs: Tensor[]) => Tensor, ...xs: Tensor[]): Tensor {
  return stack(Array.from({ length: xs[0].shape[0] }, (_, i) => fn(...xs.map((x) => x.select(0, i)))));
}

describe("vmap", () => {
  it("maps over the dimensions that are named", () => {
    const x = arange(6).float().reshape([2, 3]);
    const dot = (a: Tensor, b: Tensor): Tensor => a.mul(b).sum();
    expect(numbers(vmap(dot)(x, x))).toEqual([5, 50]);
    expect(numbers(vmap(dot, { inDims: 1 })(x, x))).toEqual([9, 17, 29]);
    expect(numbers(vmap(dot, { inDims: [-1, null] })(x, ones([2])))).toEqual([3, 5, 7]);
    expect(vmap((a: Tensor) => a.unsqueeze(1), { outDims: -1 })(zeros([2, 3])).shape).toEqual([3, 1, 2]);
    expect(vmap((a: Tensor) => a, { inDims: 1, outDims: 1 })(x).tolistSync()).toEqual(x.tolistSync());
  });

  it("takes and gives structures", () => {
    const fn = ({ a }: { a: Tensor; name: string }, [b, c]: readonly Tensor[]): { sum: Tensor; parts: Tensor[] } => ({
      sum: a.add(b),
      parts: [b.mul(c)],
    });
    const x = tensor([1, 2, 3]);
    const out = vmap(fn, { inDims: [0, [0, null]], outDims: { sum: 0, parts: [0] } })({ a: x, name: "n" }, [x, tensor(10)]);
    expect([numbers(out.sum), numbers(out.parts[0])]).toEqual([
      [2, 4, 6],
      [10, 20, 30],
    ]);
  });

  it("nests", () => {
    const [x, y] = [tensor([1, 2, 3]), tensor([10, 20])];
    const outer = vmap((a: Tensor) => vmap((b: Tensor) => a.mul(b).add(a))(y))(x);
    expect(numbers(outer)).toEqual([
      [11, 21],
      [22, 42],
      [33, 63],
    ]);
    const both = vmap(vmap((a: Tensor) => a.sum()))(ones([2, 3, 4]));
    expect(numbers(both)).toEqual([
      [4, 4, 4],
      [4, 4, 4],
    ]);
  });

  it("gives what does not depend on the example once for each", () => {
    expect(numbers(vmap((_: Tensor) => tensor(7))(zeros([3])))).toEqual([7, 7, 7]);
    expect(vmap((_: Tensor) => tensor(7), { outDims: null })(zeros([3])).shape).toEqual([]);
  });

  it("runs in chunks", () => {
    const x = randn([7, 3]);
    const seen: number[] = [];
    const fn = (a: Tensor): Tensor => {
      seen.push(1);
      return a.softmax(0);
    };
    close(vmap(fn, { chunkSize: 3 })(x), x.softmax(1));
    expect(seen.length).toBe(3);
    close(vmap(fn, { inDims: 1, outDims: 1, chunkSize: 2 })(x), x.softmax(0));
  });

  it("writes in place into what differs between examples, through views too", () => {
    const x = zeros([2, 3]);
    vmap((row: Tensor, value: Tensor) => row.select(0, 1).add_(value))(x, tensor([5, 6]));
    expect(numbers(x)).toEqual([
      [0, 5, 0],
      [0, 6, 0],
    ]);
    vmap((row: Tensor) => row.unsqueeze_(0).fill_(2))(x);
    expect(numbers(x.sum())).toBe(12);
    expect(() => vmap((value: Tensor) => zeros([]).add_(value))(tensor([1, 2]))).toThrow("inplace arithmetic is not possible");
  });

  it("indexes with positions that differ between examples", () => {
    const x = randn([3, 4, 2]);
    const at = tensor([
      [0, 3],
      [2, 2],
      [1, 0],
    ]).int();
    for (const fn of [
      (a: Tensor, i: Tensor): Tensor => a.indexSelect(0, i),
      (a: Tensor, i: Tensor): Tensor => a.at(i),
      (a: Tensor, i: Tensor): Tensor => a.gather(0, i.unsqueeze(1)),
      (a: Tensor, i: Tensor): Tensor => a.at(i.select(0, 1)),
      (a: Tensor, i: Tensor): Tensor => a.indexAdd(0, i, a.narrow(0, 0, 2)),
      (a: Tensor, i: Tensor): Tensor => a.scatterAdd(0, i.unsqueeze(1), a),
    ]) {
      close(vmap(fn)(x, at), loop(fn, x, at));
      close(
        vmap((i: Tensor) => fn(x.select(0, 0), i))(at),
        loop((i) => fn(x.select(0, 0), i), at),
      );
    }
    expect(() => vmap((a: Tensor, i: Tensor) => a.at(i))(x, at.add(9))).toThrow("out of bounds");
  });

  it("convolves with weights of each example", () => {
    const make = (shape: number[]): Tensor => randn(shape, { dtype: "float64" });
    const [x, w, b] = [make([3, 2, 4, 6, 6]), make([3, 6, 2, 3, 3]), make([3, 6])];
    const fn = (a: Tensor, k: Tensor, c: Tensor): Tensor => F.conv2d(a, k, c, { groups: 2, padding: 1, stride: 2 });
    close(vmap(fn)(x, w, b), loop(fn, x, w, b));
    const slope = grad((a: Tensor, k: Tensor, c: Tensor) => fn(a, k, c).sin().sum(), { argnums: [0, 1, 2] }) as unknown as (
      ...xs: Tensor[]
    ) => Tensor[];
    const together = vmap(slope)(x, w, b);
    for (const k of [0, 1, 2])
      close(
        together[k],
        loop((...xs) => slope(...xs)[k], x, w, b),
      );
    const shared = vmap(slope, { inDims: [0, null, null] })(x, w.select(0, 0), b.select(0, 0));
    close(
      shared[1],
      loop((a) => slope(a, w.select(0, 0), b.select(0, 0))[1], x),
    );
  });

  it("lets gradients pass from outside", () => {
    const x = randn([4, 3]).requiresGrad_();
    const w = randn([3]).requiresGrad_();
    vmap((row: Tensor) => row.mul(w).sum().sin())(x)
      .sum()
      .backward();
    const [dx, dw] = [x.grad as Tensor, w.grad as Tensor];
    x.grad = w.grad = null;
    x.mul(w).sum(1).sin().sum().backward();
    close(dx, x.grad as unknown as Tensor);
    close(dw, w.grad as unknown as Tensor);
  });

  it("works in anomaly mode", () => {
    const x = ones([2, 3]).requiresGrad_();
    expect(numbers(detectAnomaly(() => vmap(grad((v: Tensor) => v.square().sum()))(x.detach())))).toEqual([
      [2, 2, 2],
      [2, 2, 2],
    ]);
  });
});

describe("random numbers inside of vmap", () => {
  const x = zeros([3, 4]);

  it("are refused unless their kind is said", () => {
    expect(() => vmap((a: Tensor) => F.dropout(a.add(1)))(x)).toThrow("randomness error mode");
    expect(() => vmap((a: Tensor) => a.add(rand([4])))(x)).toThrow("randomness error mode");
    expect(() => vmap((a: Tensor) => a.add(rand([4])), { randomness: "different" })(x)).toThrow("drawn outside of vmap");
  });

  it("are the same for all, or those of each", () => {
    manualSeed(1);
    const same = vmap((a: Tensor) => F.dropout(a.add(1)), { randomness: "same" })(x.expand([3, 4]));
    expect(numbers(same.select(0, 0))).toEqual(numbers(same.select(0, 1)));
    expect(new Set(numbers(vmap((a: Tensor) => a.sum().add(rand([])), { randomness: "same" })(x)) as number[]).size).toBe(1);
    const wide = zeros([3, 64]);
    const different = vmap((a: Tensor) => F.dropout(a.add(1)), { randomness: "different" })(wide);
    expect(numbers(different.select(0, 0))).not.toEqual(numbers(different.select(0, 1)));
  });
});

describe("what vmap refuses", () => {
  const x = zeros([2, 3]);

  it.each([
    ["reading one element", (a: Tensor) => (a.sum().itemSync() > 0 ? a : a.neg())],
    ["reading elements", (a: Tensor) => tensor(a.dataSync())],
    ["nested arrays", (a: Tensor) => tensor(a.tolistSync())],
    ["a boolean mask", (a: Tensor) => a.at(a.gt(0))],
    ["nonzero", (a: Tensor) => a.nonzero() as Tensor],
  ])("%s", (_, fn) => {
    expect(() => vmap(fn)(x)).toThrow(/not possible inside of vmap.*data-dependent control flow/);
  });

  it("the tape of one example", async () => {
    expect(() => vmap((a: Tensor) => a.requiresGrad_())(x)).toThrow("@sconce/autograd/func");
    expect(() => vmap((a: Tensor) => (a.sum().backward(), a))(x)).toThrow("@sconce/autograd/func");
    await expect(vmap((a: Tensor) => ({ a, read: a.sum().item() }))(x).read).rejects.toThrow("not possible inside of vmap");
  });

  it("arguments that do not fit", () => {
    expect(() => vmap((a: Tensor, b: Tensor) => a.add(b))(zeros([2]), zeros([3]))).toThrow("same size in the mapped dimension");
    expect(() => vmap((a: Tensor) => a)(zeros([]))).toThrow("inDims");
    expect(() => vmap((a: Tensor) => a, { inDims: 2 })(x)).toThrow("inDims");
    expect(() => vmap((a: Tensor) => a, { inDims: [0, 0] })(x)).toThrow("one entry for each argument");
    expect(() => vmap((a: Tensor) => a, { inDims: null })(x)).toThrow("at least one");
    expect(() => vmap((a: Tensor) => a, { outDims: null })(x)).toThrow("outDims null");
    expect(() => vmap((a: Tensor) => a, { outDims: 5 })(x)).toThrow("outDims");
    expect(() => vmap((a: Tensor) => a, { chunkSize: 0 })(x)).toThrow("chunkSize");
    expect(() => vmap((_: Tensor) => 3)(x)).toThrow("return tensors");
  });

  it("elements out of range, of any example", () => {
    const classes = tensor([
      [0, 1],
      [1, 2],
    ]).int();
    expect(() => vmap((a: Tensor) => F.oneHot(a, 2))(classes)).toThrow("Class values must be smaller than num_classes, got 2 for 2");
    expect(vmap((a: Tensor) => F.oneHot(a, 3))(classes).tolistSync()).toEqual([
      [
        [1, 0, 0],
        [0, 1, 0],
      ],
      [
        [0, 1, 0],
        [0, 0, 1],
      ],
    ]);
  });

  it("tensors that outlive it", () => {
    let kept: Tensor | null = null;
    vmap((a: Tensor) => {
      kept = a.mul(2);
      return a;
    })(x);
    expect(() => (kept as unknown as Tensor).add(1)).toThrow("was used after it had ended");
  });

  it("says of a tensor what it is", () => {
    let text = "";
    vmap((a: Tensor) => {
      text = `${a}`;
      return a;
    })(x);
    expect(text).toBe("BatchedTensor(2 x [3], dtype=float32)");
  });
});
