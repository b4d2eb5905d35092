import "@sconce/backend-cpu";
import "@sconce/autograd";
import { backward, enableGrad, grad, noGrad } from "@sconce/autograd";
import { DTypeError, ones, ShapeError, scope, type Tensor, tensor, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

const leaf = (data: number | number[] | number[][]): Tensor => tensor(data, { requiresGrad: true });
const list = (x: Tensor | null | undefined): unknown => x?.tolistSync() ?? null;

describe("leaves", () => {
  it("ask for gradients by option, property and method", () => {
    const x = tensor([1, 2]);
    expect([x.requiresGrad, x.isLeaf, x.gradFn, x.grad]).toEqual([false, true, null, null]);
    x.requiresGrad = true;
    expect(x.requiresGrad_()).toBe(x);
    expect([x.requiresGrad, x.isLeaf, x.gradFn]).toEqual([true, true, null]);
    expect(x.requiresGrad_(false).requiresGrad).toBe(false);
    expect(zeros([2], { requiresGrad: true }).requiresGrad).toBe(true);
  });

  it("are floating-point (S001-03)", () => {
    const message = /only Tensors of floating point dtype can require gradients, got int32/;
    expect(() => tensor([1], { dtype: "int32", requiresGrad: true })).toThrow(message);
    expect(() => tensor([1], { dtype: "int32" }).requiresGrad_()).toThrow(DTypeError);
    expect(tensor([1], { dtype: "int32" }).requiresGrad_(false).requiresGrad).toBe(false);
  });

  it("are the only tensors whose flag can change", () => {
    const y = leaf([1]).mul(2);
    expect(() => y.requiresGrad_(false)).toThrow("you can only change requires_grad flags of leaf variables");
    expect(y.requiresGrad_().requiresGrad).toBe(true);
  });

  it("add up what several walks bring (S002-14)", () => {
    const w = leaf(3);
    w.square().backward();
    const { grad: first } = w;
    w.square().backward();
    expect(list(w.grad)).toBe(12);
    expect(w.grad).toBe(first);
    w.zeroGrad();
    expect(w.grad).toBe(null);
  });

  it("get gradients of their own, which later writes do not mix", () => {
    const [x, y] = [leaf([1, 2]), leaf([3, 4])];
    const seed = ones([2]);
    x.add(y).backward(seed);
    x.grad?.mul_(5);
    expect([list(x.grad), list(y.grad), list(seed)]).toEqual([
      [5, 5],
      [1, 1],
      [1, 1],
    ]);
  });

  it("can be the root themselves", () => {
    const x = leaf(2);
    x.backward();
    expect(list(x.grad)).toBe(1);
  });

  it("take a gradient that fits and no other", () => {
    const x = leaf([1, 2]);
    x.grad = tensor([3, 4]);
    x.sum().backward();
    expect(list(x.grad)).toEqual([4, 5]);
    expect(() => (x.grad = tensor([1]))).toThrow("expected another tensor of [2] float32");
    x.zeroGrad({ setToNone: false });
    expect(list(x.grad)).toEqual([0, 0]);
  });

  it("get nothing once they no longer ask", () => {
    const x = leaf([1, 2]);
    const y = x.mul(2).sum();
    x.requiresGrad_(false);
    y.backward();
    expect(x.grad).toBe(null);
  });
});

describe("backward", () => {
  it("needs a gradient for more than one element", () => {
    const x = leaf([1, 2]);
    expect(() => x.mul(2).backward()).toThrow("grad can be implicitly created only for scalar outputs, got [2]");
    expect(() => x.mul(2).backward(ones([3]))).toThrow(ShapeError);
    expect(() => x.mul(2).backward(tensor([1, 2], { dtype: "int32" }))).toThrow(DTypeError);
    x.mul(2).backward(tensor([1, 10]));
    expect(list(x.grad)).toEqual([2, 20]);
    leaf([[5]])
      .mul(2)
      .backward();
  });

  it("needs a tensor that was recorded (S004-16)", () => {
    const message = /element 0 of tensors does not require grad and does not have a gradFn/;
    expect(() => tensor(1).backward()).toThrow(message);
    expect(() => noGrad(() => leaf(1).mul(2)).backward()).toThrow(message);
  });

  it("frees the graph, so that a second walk throws unless it was kept (S003-20)", () => {
    const x = leaf([1, 2]);
    const y = x.exp().sum();
    y.backward({ retainGraph: true });
    y.backward();
    expect(() => y.backward()).toThrow("Trying to backward through the graph a second time");
    expect(() => y.backward()).toThrow("{ retainGraph: true }");
  });

  it("can be repeated where nothing was kept", () => {
    const x = leaf([1, 2]);
    const y = x.mul(3).sum();
    y.backward();
    y.backward();
    expect(list(x.grad)).toEqual([6, 6]);
  });

  it("fills only the given inputs", () => {
    const [x, y] = [leaf(2), leaf(3)];
    const h = x.mul(y);
    h.square().backward({ inputs: [x, h] });
    expect([list(x.grad), list(y.grad), list(h.grad)]).toEqual([36, null, 12]);
  });

  it("starts from several tensors", () => {
    const x = leaf([1, 2]);
    backward([x.mul(2).sum(), x.square()], [null, tensor([1, 1])]);
    expect(list(x.grad)).toEqual([4, 6]);
  });

  it("records gradients on demand", () => {
    const x = leaf(3);
    x.pow(3).backward({ createGraph: true });
    expect(list(x.grad)).toBe(27);
    const first = x.grad as Tensor;
    x.grad = null;
    first.backward();
    expect(list(x.grad)).toBe(18);
  });

  it("walks a chain of 100,000 nodes", () => {
    const x = leaf([1, 2]);
    let y: Tensor = x;
    for (let i = 0; i < 100_000; i++) y = y.neg();
    y.sum().backward();
    expect(list(x.grad)).toEqual([1, 1]);
  });

  it("sums the gradients of a tensor that is used often", () => {
    const x = leaf([1, 2]);
    const h = x.mul(2);
    let y = h;
    for (let i = 0; i < 999; i++) y = y.add(h);
    y.sum().backward();
    expect(list(x.grad)).toEqual([2000, 2000]);
  });

  it("runs a whole graph that branches and joins", () => {
    const x = leaf(0.5);
    let y: Tensor = x;
    for (let i = 0; i < 60; i++) y = y.add(y).mul(0.5);
    y.backward();
    expect(list(x.grad)).toBe(1);
  });

  it("reaches leaves that share memory with a scope's tensors, and outlives the scope", () => {
    const w = leaf([1, 2]);
    scope(() => {
      w.mul(tensor([3, 4]))
        .sum()
        .backward();
    });
    expect(list(w.grad)).toEqual([3, 4]);
  });

  it("keeps what a scope frees while the graph needs it", () => {
    const w = leaf([1, 2]);
    const y = scope(() => w.mul(2).exp().sum());
    y.backward();
    expect((w.grad as Tensor).dataSync()[0]).toBeCloseTo(2 * Math.exp(2), 4);
  });
});

describe("retainGrad", () => {
  it("keeps the gradient of a result (S003-31)", () => {
    const x = leaf([1, 2]);
    const h = x.mul(2);
    expect(h.retainsGrad).toBe(false);
    h.retainGrad();
    h.square().sum().backward();
    expect([h.retainsGrad, list(h.grad), list(x.grad)]).toEqual([true, [4, 8], [8, 16]]);
  });

  it("refuses a tensor that needs no gradient", () => {
    expect(() => tensor(1).retainGrad()).toThrow("can't retainGrad on Tensor that has requiresGrad=false");
  });

  it("follows an in-place write", () => {
    const x = leaf([1, 2]);
    const h = x.mul(2);
    h.retainGrad();
    h.add_(1);
    h.square().sum().backward();
    expect(list(h.grad)).toEqual([6, 10]);
  });
});

describe("grad", () => {
  it("returns gradients and leaves grad alone", () => {
    const [x, y] = [leaf([1, 2]), leaf([3, 4])];
    const [dx, dy] = grad(x.mul(y).sum(), [x, y]);
    expect([list(dx), list(dy), x.grad, y.grad]).toEqual([[3, 4], [1, 2], null, null]);
  });

  it("refuses unused inputs unless they are allowed", () => {
    const [x, y] = [leaf(1), leaf(2)];
    expect(() => grad(x.mul(2), [x, y])).toThrow("appears to not have been used in the graph. Set allowUnused: true");
    const [dx, dy] = grad(x.mul(2), [x, y], { allowUnused: true });
    expect([list(dx), dy]).toEqual([2, null]);
    expect(() => grad(x.mul(2), tensor(1))).toThrow("One of the differentiated Tensors does not require grad");
  });

  it("differentiates again and again", () => {
    const x = leaf(2);
    let y: Tensor = x.pow(4);
    const found: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      [y] = grad(y, x, { createGraph: true });
      found.push(list(y));
    }
    expect(found).toEqual([32, 48, 48, 24]);
  });

  it("takes gradients of outputs and results on the way", () => {
    const x = leaf([1, 2]);
    const h = x.mul(3);
    const [dh, dx] = grad(h.square(), [h, x], { gradOutputs: tensor([1, 10]) });
    expect([list(dh), list(dx)]).toEqual([
      [6, 120],
      [18, 360],
    ]);
  });

  it("gives a Hessian-vector product", () => {
    const x = leaf([1, 2]);
    const [g] = grad(
      x
        .pow(3)
        .sum()
        .add(x.at(0).mul(x.at(1))),
      x,
      { createGraph: true },
    );
    const [hv] = grad(g.mul(tensor([1, -1])).sum(), x);
    expect(list(hv)).toEqual([5, -11]);
  });
});

describe("hooks", () => {
  it("see and replace gradients, in order, until they are removed", () => {
    const x = leaf([1, 2]);
    const h = x.mul(2);
    const seen: unknown[] = [];
    h.registerHook((g) => void seen.push(list(g)));
    const handle = h.registerHook((g) => g.mul(10));
    h.sum().backward({ retainGraph: true });
    expect([seen, list(x.grad)]).toEqual([[[1, 1]], [20, 20]]);
    handle.remove();
    x.grad = null;
    h.sum().backward();
    expect(list(x.grad)).toEqual([2, 2]);
  });

  it("of a leaf see the whole gradient once", () => {
    const x = leaf(3);
    const seen: unknown[] = [];
    x.registerHook((g) => void seen.push(list(g)));
    x.mul(x).backward();
    expect(seen).toEqual([6]);
  });

  it("may keep what they see and make", () => {
    const x = leaf([1, 2]);
    const kept: Tensor[] = [];
    x.mul(2)
      .exp()
      .registerHook((g) => void kept.push(g, g.mul(2)));
    const h = x.mul(2);
    h.registerHook((g) => void kept.push(g, g.neg()));
    h.square().sum().backward();
    expect(kept.map(list)).toEqual([
      [4, 8],
      [-4, -8],
    ]);
  });

  it("must return what fits", () => {
    const x = leaf([1, 2]);
    x.registerHook((g) => g.sum());
    expect(() => x.mul(2).sum().backward()).toThrow("returned an invalid gradient - got [] but expected shape compatible with [2]");
    expect(() => tensor(1).registerHook(() => {})).toThrow("cannot register a hook on a tensor that doesn't require gradient");
  });

  it("may walk another graph", () => {
    const [x, y] = [leaf(2), leaf(3)];
    x.registerHook(() => enableGrad(() => y.square().backward()));
    x.square().backward();
    expect([list(x.grad), list(y.grad)]).toEqual([4, 6]);
  });
});

describe("gradients at special points", () => {
  const slope = (at: number[], fn: (x: Tensor) => Tensor): unknown => {
    const x = leaf(at);
    fn(x).sum().backward();
    return list(x.grad);
  };

  it("relu is 0 at 0, clamp passes at its bounds, abs is 0 at 0 (S001-07)", () => {
    expect(slope([-1, 0, 1], (x) => x.relu())).toEqual([0, 0, 1]);
    expect(slope([-1, 0, 1], (x) => x.clamp({ min: 0 }))).toEqual([0, 1, 1]);
    expect(slope([-1, 0, 1], (x) => x.clamp({ min: 0, max: 1 }))).toEqual([0, 1, 1]);
    expect(slope([-1, 0, 1], (x) => x.abs())).toEqual([-1, 0, 1]);
  });

  it("equals share the gradient of maximum, max and amax", () => {
    expect(slope([1, 2], (x) => x.maximum(tensor([1, 1])))).toEqual([0.5, 1]);
    expect(slope([3, 3, 1], (x) => x.max())).toEqual([0.5, 0.5, 0]);
    expect(slope([3, 3, 1], (x) => x.amax(0))).toEqual([0.5, 0.5, 0]);
    expect(slope([3, 3, 1], (x) => x.max(0).values)).toEqual([1, 0, 0]);
  });

  it("powers of zero have finite slopes", () => {
    expect(slope([0, 2], (x) => x.pow(1))).toEqual([1, 1]);
    expect(slope([0, 2], (x) => x.pow(0))).toEqual([0, 0]);
    expect(slope([0, 2], (e) => tensor([0, 1]).pow(e))).toEqual([0, 0]);
  });

  it("a product knows its zeros", () => {
    expect(slope([2, 0, 3], (x) => x.prod())).toEqual([0, 6, 0]);
    expect(slope([0, 0, 3], (x) => x.prod())).toEqual([0, 0, 0]);
    expect(slope([2, 0, 3], (x) => x.cumprod(0))).toEqual([1, 8, 0]);
  });

  it("a reused value of x.sub(x) is 0", () => {
    expect(slope([1, 2], (x) => x.sub(x))).toEqual([0, 0]);
  });
});
