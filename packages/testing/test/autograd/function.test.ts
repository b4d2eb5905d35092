import "@sconce/backend-cpu";
import "@sconce/autograd";
import { Function, type FunctionContext, grad, gradcheck, gradgradcheck, noGrad } from "@sconce/autograd";
import { type Tensor, tensor } from "@sconce/core";
import { describe, expect, it } from "vitest";

const leaf = (data: number | number[]): Tensor => tensor(data, { requiresGrad: true });
const list = (x: Tensor | null | undefined): unknown => x?.tolistSync() ?? null;

class MyRelu extends Function {
  static forward(ctx: FunctionContext, x: Tensor): Tensor {
    ctx.saveForBackward(x);
    return x.clamp({ min: 0 });
  }
  static backward(ctx: FunctionContext, gradOutput: Tensor): Tensor {
    const [x] = ctx.savedTensors;
    const gradInput = gradOutput.clone();
    gradInput.setAt([x.lt(0)], 0);
    return gradInput;
  }
}

class Scaled extends Function {
  static forward(ctx: FunctionContext, x: Tensor, factor: number, y: Tensor): Tensor {
    ctx.saveForBackward(x, y);
    ctx.factor = factor;
    return x.mul(y).mul(factor);
  }
  static backward(ctx: FunctionContext, g: Tensor): [Tensor | null, null, Tensor | null] {
    const [x, y] = ctx.savedTensors;
    const scaled = g.mul(ctx.factor as number);
    return [ctx.needsInputGrad[0] ? scaled.mul(y) : null, null, ctx.needsInputGrad[2] ? scaled.mul(x) : null];
  }
}

class SplitSquare extends Function {
  static forward(ctx: FunctionContext, x: Tensor): [Tensor, Tensor, Tensor] {
    const square = x.square();
    const sign = x.sign();
    ctx.saveForBackward(x, square);
    ctx.markNonDifferentiable(sign);
    return [square, x.mul(3), sign];
  }
  static backward(ctx: FunctionContext, square: Tensor, triple: Tensor): Tensor {
    const [x] = ctx.savedTensors;
    return square.mul(x).mul(2).add(triple.mul(3));
  }
}

describe("Function", () => {
  it("puts one node with the class's name on the tape (S001-14)", () => {
    const x = leaf([-1, 0, 2]);
    const y = MyRelu.apply(x);
    expect(String(y)).toBe("tensor([0., 0., 2.], gradFn=<MyReluBackward>)");
    expect(y.gradFn?.nextFunctions.map(([node]) => node?.variable)).toEqual([x]);
    y.sum().backward();
    expect(list(x.grad)).toEqual([0, 1, 1]);
  });

  it("does not write into the gradient that others read (S001-15)", () => {
    const x = leaf([-1, 2]);
    const seed = tensor([5, 6]);
    MyRelu.apply(x).backward(seed);
    expect([list(seed), list(x.grad)]).toEqual([
      [5, 6],
      [0, 6],
    ]);
  });

  it("takes plain arguments and says which gradients are needed", () => {
    const [x, y] = [leaf([1, 2]), tensor([3, 4])];
    const z = Scaled.apply(x, 10, y);
    expect(z.gradFn?.nextFunctions.map(([node]) => node?.name ?? null)).toEqual(["AccumulateGrad", null, null]);
    z.sum().backward();
    expect([list(x.grad), y.grad]).toEqual([[30, 40], null]);
  });

  it("may have several results, with zeros for those that nothing uses", () => {
    const x = leaf([2, 3]);
    const [square, triple, sign] = SplitSquare.apply(x);
    expect([square.requiresGrad, triple.gradFn === square.gradFn, sign.requiresGrad]).toEqual([true, true, false]);
    square.sum().backward({ retainGraph: true });
    expect(list(x.grad)).toEqual([4, 6]);
    x.grad = null;
    square.add(triple).sum().backward();
    expect(list(x.grad)).toEqual([7, 9]);
  });

  it("frees what it saved", () => {
    const x = leaf([1, 2]);
    const y = MyRelu.apply(x).sum();
    y.backward();
    expect(() => y.backward()).toThrow("Trying to backward through the graph a second time");
  });

  it("is differentiable again where its backward is", () => {
    const x = tensor([0.5, -1.5], { dtype: "float64", requiresGrad: true });
    const y = tensor([1.2, 0.3], { dtype: "float64", requiresGrad: true });
    const f = (a: Tensor, b: Tensor): Tensor => Scaled.apply(a, 2, b);
    expect(gradcheck(f, [x, y])).toBe(true);
    expect(gradgradcheck(f, [x, y])).toBe(true);
    const [dx] = grad(Scaled.apply(x, 2, y).sum(), x, { createGraph: true });
    expect(list(grad(dx.sum(), y)[0])).toEqual([2, 2]);
  });

  it("runs without a node where nothing is recorded", () => {
    expect(MyRelu.apply(tensor([1])).gradFn).toBe(null);
    expect(noGrad(() => MyRelu.apply(leaf([1]))).gradFn).toBe(null);
  });

  it("checks what backward returns", () => {
    class Wrong extends Function {
      static forward(_ctx: FunctionContext, x: Tensor, y: Tensor): Tensor {
        return x.add(y);
      }
      static backward(_ctx: FunctionContext, g: Tensor): readonly Tensor[] {
        return g.numel() === 2 ? [g] : [g.sum(), g];
      }
    }
    expect(() =>
      Wrong.apply(leaf([1, 2]), leaf([1, 2]))
        .sum()
        .backward(),
    ).toThrow("expected 2, got 1");
    expect(() =>
      Wrong.apply(leaf([1, 2, 3]), leaf([1, 2, 3]))
        .sum()
        .backward(),
    ).toThrow("Function WrongBackward returned an invalid gradient - got [] but expected shape compatible with [3]");
  });

  it("gives an argument back as a result of its own", () => {
    class Pass extends Function {
      static forward(_ctx: FunctionContext, x: Tensor): Tensor {
        return x;
      }
      static backward(_ctx: FunctionContext, g: Tensor): Tensor {
        return g.mul(-1);
      }
    }
    const x = leaf([1, 2]);
    const y = Pass.apply(x);
    expect([y.gradFn?.name, x.isLeaf]).toEqual(["PassBackward", true]);
    y.sum().backward();
    expect(list(x.grad)).toEqual([-1, -1]);
  });

  it("may keep the gradients it is given", () => {
    const kept: Tensor[] = [];
    class Keep extends Function {
      static forward(_ctx: FunctionContext, x: Tensor): Tensor {
        return x.mul(1);
      }
      static backward(_ctx: FunctionContext, g: Tensor): Tensor {
        kept.push(g, g.mul(2));
        return g;
      }
    }
    Keep.apply(leaf([1, 2]))
      .square()
      .sum()
      .backward();
    expect(kept.map(list)).toEqual([
      [2, 4],
      [4, 8],
    ]);
  });
});

describe("gradcheck", () => {
  it("names the element that is wrong", () => {
    class Bent extends Function {
      static forward(ctx: FunctionContext, x: Tensor): Tensor {
        ctx.saveForBackward(x);
        return x.square();
      }
      static backward(ctx: FunctionContext, g: Tensor): Tensor {
        const [x] = ctx.savedTensors;
        return g.mul(x.mul(2)).mul(tensor([1, 1.1], { dtype: "float64" }));
      }
    }
    const x = tensor([1, 2], { dtype: "float64", requiresGrad: true });
    expect(() => gradcheck((t) => Bent.apply(t), [x])).toThrow(
      /Jacobian mismatch for output 0 with respect to input 0: the derivative of element \[1\] by element \[1\] is 4\.0.* by differences and 4\.4/,
    );
  });

  it("wants float64 and something to check", () => {
    expect(() => gradcheck((x) => x, [leaf(1)])).toThrow("expected float64 inputs");
    expect(() => gradcheck((x) => x, [tensor(1, { dtype: "float64" })])).toThrow("at least one input that requires gradients");
  });
});
