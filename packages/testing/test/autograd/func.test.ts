import "@sconce/backend-cpu";
import "@sconce/autograd";
import { noGrad } from "@sconce/autograd";
import { type Argnums, grad, gradAndValue, hessian, jacfwd, jacrev, jvp, linearize, valueAndGrad, vjp, vmap } from "@sconce/autograd/func";
import { eye, manualSeed, randn, type Tensor, tensor } from "@sconce/core";
import { describe, expect, it } from "vitest";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });

function close(actual: Tensor, expected: Tensor): void {
  expect([...actual.shape]).toEqual([...expected.shape]);
  expect(actual.allcloseSync(expected, { rtol: 1e-6, atol: 1e-9 })).toBe(true);
}

describe("grad of a function", () => {
  it("is the gradient, and leaves the argument alone", () => {
    const x = f64([1, 2]);
    close(grad((v: Tensor) => v.pow(3).sum())(x), f64([3, 12]));
    expect([x.requiresGrad, x.grad]).toEqual([false, null]);
  });

  it("takes a parameter without a type for a tensor, as the other transforms do", () => {
    const x = f64([1, 2]);
    close(grad((v) => v.pow(2).sum())(x), f64([2, 4]));
    close(grad((v, w) => v.dot(w), { argnums: [0, 1] })(x, f64([3, 4]))[1], x);
    close(gradAndValue((v) => v.sum())(x)[1], f64(3));
    close(valueAndGrad((v) => v.sum())(x)[0], f64(3));
    close(jacrev((v) => v.square())(x), f64([2, 4]).diag());
    close(jacfwd((v) => v.square(), { chunkSize: 1 })(x), jacrev((v) => v.square())(x));
    close(hessian((v) => v.square().sum())(x), eye(2, { dtype: "float64" }).mul(2));
    close(vmap((v) => v.mul(2))(x), f64([2, 4]));
  });

  it("nests to any order", () => {
    const sin = (x: Tensor): Tensor => x.sin();
    const third = grad(grad(grad(sin)));
    close(third(f64(0.7)), f64(-Math.cos(0.7)));
  });

  it("does not confuse an outer variable with an inner one", () => {
    const outer = grad((x: Tensor) => x.mul(grad((y: Tensor) => x.add(y))(f64(1))));
    close(outer(f64(3)), f64(1));
    const product = grad((x: Tensor) => x.mul(grad((y: Tensor) => x.mul(y))(f64(2))));
    close(product(f64(3)), f64(6));
  });

  it("takes structures and several arguments", () => {
    const loss = ({ w, b }: { w: Tensor; b: Tensor }, x: Tensor): Tensor => w.mul(x).add(b).square().sum();
    const [params, dx] = grad(loss, { argnums: [0, 1] })({ w: f64(2), b: f64(1) }, f64(3));
    expect([params.w.itemSync(), params.b.itemSync(), dx.itemSync()]).toEqual([42, 14, 28]);
  });

  it("hands out values and other results", () => {
    const fn = (x: Tensor): [Tensor, Tensor] => [x.square().sum(), x.mul(10)];
    const [dx, aux] = grad(fn, { hasAux: true })(f64([1, 2]));
    close(dx, f64([2, 4]));
    close(aux, f64([10, 20]));
    expect(aux.requiresGrad).toBe(false);
    const [again, [y, other]] = gradAndValue(fn, { hasAux: true })(f64([1, 2]));
    expect([again.tolistSync(), y.itemSync(), other.tolistSync()]).toEqual([[2, 4], 5, [10, 20]]);
    const [value, g] = valueAndGrad((x: Tensor) => x.square().sum())(f64([1, 2]));
    expect([value.itemSync(), g.tolistSync(), value.requiresGrad, g.requiresGrad]).toEqual([5, [2, 4], false, false]);
  });

  it("can be differentiated by tensors outside", () => {
    const w = f64(3).requiresGrad_();
    const g = grad((x: Tensor) => x.square().mul(w))(f64(5));
    g.backward();
    expect([g.itemSync(), w.grad?.itemSync()]).toEqual([30, 10]);
    const x = f64(2).requiresGrad_();
    grad((v: Tensor) => v.pow(3))(x).backward();
    expect(x.grad?.itemSync()).toBe(12);
  });

  it("works inside of noGrad, and is then a plain value", () => {
    const w = f64(3).requiresGrad_();
    const g = noGrad(() => grad((x: Tensor) => x.square().mul(w))(f64(5)));
    expect([g.itemSync(), g.requiresGrad]).toEqual([30, false]);
  });

  it("of the identity is 1, and of what does not depend is 0", () => {
    expect(grad((x: Tensor) => x)(f64(4)).itemSync()).toBe(1);
    close(grad((_: Tensor) => f64(1))(f64([4, 5])), f64([0, 0]));
  });

  it("refuses results that are no single number, integers and wrong numbers", () => {
    expect(() => grad((x: Tensor) => x.mul(2))(f64([1, 2]))).toThrow("expected the function to return a tensor without dimensions");
    expect(() => grad((x: Tensor) => x.sum())(tensor([1, 2], { dtype: "int32" }))).toThrow("expected floating-point tensors");
    expect(() => grad((x: Tensor) => x.sum(), { argnums: 1 as Argnums as 0 })(f64(1))).toThrow("argnums");
    expect(() => grad((_: number) => f64(1))(1)).toThrow("expected tensors in the arguments");
  });
});

describe("vjp, jvp and linearize", () => {
  it("vjp can be called again and again", () => {
    const [y, pull] = vjp((x: Tensor) => x.sin(), f64([0, 1]));
    expect(y.requiresGrad).toBe(false);
    for (const scale of [1, 2]) close(pull(f64([scale, scale]))[0], f64([scale, scale * Math.cos(1)]));
    expect(() => pull(f64([1]))).toThrow("expected tensors of the shapes of what they belong to");
  });

  it("jvp is the derivative in a direction", () => {
    const [y, dy] = jvp((a: Tensor, b: Tensor) => a.mul(b).sin(), [f64(2), f64(3)], [f64(1), f64(10)]);
    close(y, f64(Math.sin(6)));
    close(dy, f64(23 * Math.cos(6)));
  });

  it("jvp of several results and of what does not depend", () => {
    const [, [a, b]] = jvp((x: Tensor): Tensor[] => [x.square(), f64([7, 8])], [f64([1, 2])], [f64([1, 1])]);
    close(a, f64([2, 4]));
    close(b, f64([0, 0]));
  });

  it("linearize gives a linear function", () => {
    const [, push] = linearize((x: Tensor) => x.pow(3), f64([1, 2]));
    close(push(f64([1, 0])), f64([3, 0]));
    close(push(f64([0, 2])), f64([0, 24]));
  });

  it("compose with grad both ways", () => {
    const fn = (x: Tensor): Tensor => x.pow(3).sum();
    const forwardOverReverse = jvp(grad(fn), [f64([1, 2])], [f64([1, 1])])[1];
    close(forwardOverReverse, f64([6, 12]));
    const reverseOverForward = grad((x: Tensor) => jvp(fn, [x], [f64([1, 1])])[1])(f64([1, 2]));
    close(reverseOverForward, f64([6, 12]));
    const byDirection = grad((t: Tensor) => jvp(fn, [f64([1, 2])], [t])[1])(f64([1, 1]));
    close(byDirection, f64([3, 12]));
    const byCotangent = grad((u: Tensor) => vjp(fn, f64([1, 2]))[1](u)[0].sum())(f64(1));
    close(byCotangent, f64(15));
  });
});

describe("Jacobians and Hessians", () => {
  const fn = (x: Tensor, y: Tensor): Tensor => x.unsqueeze(1).mul(y.square()).sin(); // [2], [3] -> [2, 3]
  const x = f64([0.3, -0.8]);
  const y = f64([0.5, 1.1, -0.4]);

  it("jacrev and jacfwd agree, block by block", () => {
    const [rx, ry] = jacrev(fn, { argnums: [0, 1] })(x, y);
    const [fx, fy] = jacfwd(fn, { argnums: [0, 1] })(x, y);
    expect([rx.shape, ry.shape]).toEqual([
      [2, 3, 2],
      [2, 3, 3],
    ]);
    close(rx, fx);
    close(ry, fy);
    const slope = y.square().mul(x.unsqueeze(1).mul(y.square()).cos()); // [2, 3]
    close(rx, eye(2, { dtype: "float64" }).unsqueeze(1).mul(slope.unsqueeze(2)));
    close(jacrev(fn, { argnums: [0, 1], chunkSize: 4 })(x, y)[1], ry);
    close(jacfwd(fn, { argnums: [0, 1], chunkSize: 2 })(x, y)[1], ry);
  });

  it("hessian is symmetric and right", () => {
    const h = hessian((v: Tensor) => v.prod())(f64([2, 3, 5]));
    close(
      h,
      f64([
        [0, 5, 3],
        [5, 0, 2],
        [3, 2, 0],
      ]),
    );
    close(jacrev(jacrev((v: Tensor) => v.prod()) as (v: Tensor) => Tensor)(f64([2, 3, 5])), h);
  });

  it("keep structures of results and other results", () => {
    const both = (v: Tensor): [{ a: Tensor; b: Tensor }, string] => [{ a: v.sum(), b: v.mul(2) }, "aux"];
    const [{ a, b }, aux] = jacrev(both as (v: Tensor) => unknown, { hasAux: true })(f64([1, 2])) as [{ a: Tensor; b: Tensor }, string];
    close(a, f64([1, 1]));
    close(b, eye(2, { dtype: "float64" }).mul(2));
    expect(aux).toBe("aux");
  });

  it("map over examples", () => {
    const rows = f64([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    close(
      vmap(jacrev((v: Tensor) => v.square()))(rows),
      rows
        .mul(2)
        .unsqueeze(2)
        .mul(eye(2, { dtype: "float64" })),
    );
    close(
      vmap(hessian((v: Tensor) => v.pow(3).sum()))(rows),
      rows
        .mul(6)
        .unsqueeze(2)
        .mul(eye(2, { dtype: "float64" })),
    );
    close(
      vmap(jacfwd((v: Tensor) => v.square()))(rows),
      rows
        .mul(2)
        .unsqueeze(2)
        .mul(eye(2, { dtype: "float64" })),
    );
  });
});

describe("per-sample gradients", () => {
  manualSeed(0);
  const w = randn([4, 3], { dtype: "float64" });
  const b = randn([4], { dtype: "float64" });
  const x = randn([5, 3], { dtype: "float64" });
  const target = tensor([0, 3, 1, 2, 3]);
  const loss = (params: { w: Tensor; b: Tensor }, input: Tensor, t: Tensor): Tensor => {
    const scores = input.unsqueeze(0).matmul(params.w.T).add(params.b).logSoftmax(1);
    return scores
      .gather(1, t.long().reshape([1, 1]))
      .neg()
      .sum();
  };

  it("are those of each sample alone", () => {
    const all = vmap(grad(loss), { inDims: [null, 0, 0] })({ w, b }, x, target);
    expect([all.w.shape, all.b.shape]).toEqual([
      [5, 4, 3],
      [5, 4],
    ]);
    for (let i = 0; i < 5; i++) {
      const one = grad(loss)({ w, b }, x.select(0, i), target.select(0, i));
      close(all.w.select(0, i), one.w);
      close(all.b.select(0, i), one.b);
    }
  });

  it("add up to the gradient of the sum", () => {
    const all = vmap(grad(loss), { inDims: [null, 0, 0] })({ w, b }, x, target);
    const total = grad((params: { w: Tensor; b: Tensor }) => vmap(loss, { inDims: [null, 0, 0] })(params, x, target).sum())({ w, b });
    close(all.w.sum(0), total.w);
    close(all.b.sum(0), total.b);
  });
});

describe("a function without results", () => {
  it("has a Jacobian without rows", () => {
    const none = (x: Tensor): Tensor => x.narrow(0, 0, 0);
    expect(jacrev(none)(f64([1, 2])).shape).toEqual([0, 2]);
    expect(jacfwd(none)(f64([1, 2])).shape).toEqual([0, 2]);
  });
});
