import "@sconce/backend-cpu";
import "@sconce/autograd";
import { hessian, hvp, jacobian, jvp, vhp, vjp } from "@sconce/autograd/functional";
import { eye, type Tensor, tensor } from "@sconce/core";
import { describe, expect, it } from "vitest";

const f64 = (data: number | number[] | number[][]): Tensor => tensor(data, { dtype: "float64" });

function close(actual: Tensor, expected: Tensor): void {
  expect([...actual.shape]).toEqual([...expected.shape]);
  expect(actual.allcloseSync(expected, { rtol: 1e-8, atol: 1e-10 })).toBe(true);
}

const x = f64([0.5, -1.5]);
const y = f64([2, 3, 4]);

describe("products with Jacobians", () => {
  it("vjp and jvp of one input and one result", () => {
    const [out, back] = vjp((a) => a.sin(), x, f64([1, 2]));
    close(out, x.sin());
    close(back, x.cos().mul(f64([1, 2])));
    close(jvp((a) => a.sin(), x, f64([1, 2]))[1], x.cos().mul(f64([1, 2])));
    expect([out.requiresGrad, back.requiresGrad]).toEqual([false, false]);
  });

  it("of several inputs and results", () => {
    const fn = (a: Tensor, b: Tensor): Tensor[] => [a.sum().mul(b), a.mul(2)];
    const [, [da, db]] = vjp(fn, [x, y], [f64([1, 1, 1]), f64([0, 1])]);
    close(da, f64([9, 11]));
    close(db, f64([-1, -1, -1]));
    const [, [p, q]] = jvp(fn, [x, y], [f64([1, 0]), f64([0, 0, 1])]);
    close(p, f64([2, 3, 3]));
    close(q, f64([2, 0]));
  });

  it("need no vector for one element", () => {
    close(vjp((a) => a.square().sum(), x)[1], x.mul(2));
    close(jvp((a) => a.mul(y), f64(2))[1], y);
    expect(() => vjp((a) => a.sin(), x)).toThrow("The vector v can only be None");
    expect(() => jvp((a) => a.sin(), x, f64([1]))).toThrow("shapes of what they belong to");
  });
});

describe("jacobian and hessian", () => {
  it("of one input and several", () => {
    close(
      jacobian((a) => a.square(), x),
      x.mul(2).mul(eye(2, { dtype: "float64" })),
    );
    const fn = (a: Tensor, b: Tensor): Tensor => a.sum().mul(b);
    for (const strategy of ["reverse-mode", "forward-mode"] as const) {
      const [ja, jb] = jacobian(fn, [x, y], { strategy });
      close(ja, y.unsqueeze(1).expand([3, 2]));
      close(jb, eye(3, { dtype: "float64" }).neg());
      const rows = jacobian((a: Tensor): Tensor[] => [a.sum(), a.mul(3)], x, { strategy }) as unknown as Tensor[];
      close(rows[0], f64([1, 1]));
      close(rows[1], eye(2, { dtype: "float64" }).mul(3));
    }
  });

  it("of second order", () => {
    close(
      hessian((a) => a.pow(3).sum(), x),
      x.mul(6).mul(eye(2, { dtype: "float64" })),
    );
    for (const outerJacobianStrategy of ["reverse-mode", "forward-mode"] as const) {
      const blocks = hessian((a: Tensor, b: Tensor) => a.sum().mul(b.square().sum()), [x, y], { outerJacobianStrategy });
      close(
        blocks[0][0],
        f64([
          [0, 0],
          [0, 0],
        ]),
      );
      close(blocks[0][1], y.mul(2).expand([2, 3]));
      close(blocks[1][0], y.mul(2).unsqueeze(1).expand([3, 2]));
      close(blocks[1][1], eye(3, { dtype: "float64" }).mul(-2));
    }
    const [out, product] = hvp((a) => a.pow(3).sum(), x, f64([1, 2]));
    close(out, x.pow(3).sum());
    close(product, x.mul(6).mul(f64([1, 2])));
    close(vhp((a) => a.pow(3).sum(), x, f64([1, 2]))[1], product);
    expect(() => hessian((a) => a, x)).toThrow("should contain a single element");
  });

  it("can be differentiated with createGraph", () => {
    const leaf = f64([1, 2]).requiresGrad_();
    jacobian((a) => a.pow(3), leaf, { createGraph: true })
      .sum()
      .backward();
    close(leaf.grad as Tensor, f64([6, 12]));
    expect(jacobian((a) => a.pow(3), leaf).requiresGrad).toBe(false);
    leaf.grad = null;
    hvp((a) => a.pow(3).sum(), leaf, f64([1, 1]), { createGraph: true })[1]
      .sum()
      .backward();
    close(leaf.grad as unknown as Tensor, f64([6, 6]));
  });

  it("in strict mode refuse what does not depend", () => {
    expect(() => jacobian((_) => y, x, { strict: true })).toThrow("Output 0 of the user-provided function is independent of input 0");
    expect(() => vjp((a, _) => a, [x, y], f64([1, 1]), { strict: true })).toThrow("independent of input 1");
    expect(
      jacobian((_) => y, x)
        .abs()
        .sum()
        .itemSync(),
    ).toBe(0);
  });
});
