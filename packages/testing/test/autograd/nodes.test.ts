import { conv2d, gelu, maxPool2d } from "@sconce/core/nn";
import "@sconce/backend-cpu";
import "@sconce/autograd";
import { inspect } from "node:util";
import type { Node } from "@sconce/autograd";
import { addmm, cat, randn, type Tensor, tensor, where, zeros } from "@sconce/core";
import { Conv2d, functional as F, Linear, Module, MSELoss } from "@sconce/nn";
import { describe, expect, it } from "vitest";

const leaf = (...shape: number[]): Tensor => randn(shape, { requiresGrad: true });
const nameOf = (x: Tensor): string | undefined => x.gradFn?.name;

/** The nodes behind a tensor's node. */
const inputsOf = (x: Tensor): Node[] => (x.gradFn as Node).nextFunctions.map(([node]) => node as Node);

/** A node's inputs as `[name, output]`. */
const next = (node: Node | null): (readonly [string | null, number])[] =>
  (node?.nextFunctions ?? []).map(([n, output]) => [n?.name ?? null, output] as const);

const NAMES: readonly (readonly [name: string, make: () => Tensor])[] = [
  ["AddBackward0", () => leaf(2).add(leaf(2))],
  ["SubBackward0", () => leaf(2).sub(1)],
  ["MulBackward0", () => leaf(2).mul(2)],
  ["DivBackward0", () => leaf(2).div(leaf(2))],
  ["PowBackward0", () => leaf(2).pow(2)],
  ["NegBackward0", () => leaf(2).neg()],
  ["MmBackward0", () => leaf(2, 3).mm(leaf(3, 2))],
  ["MvBackward0", () => leaf(2, 3).matmul(leaf(3))],
  ["BmmBackward0", () => leaf(2, 2, 3).matmul(leaf(2, 3, 2))],
  ["SumBackward0", () => leaf(2, 3).sum()],
  ["SumBackward1", () => leaf(2, 3).sum(1)],
  ["MeanBackward0", () => leaf(2, 3).mean()],
  ["ViewBackward0", () => leaf(2, 3).view([6])],
  ["TBackward0", () => leaf(2, 3).t()],
  ["ReluBackward0", () => leaf(2).relu()],
  ["ClampBackward1", () => leaf(2).clamp({ min: 0 })],
  ["SigmoidBackward0", () => leaf(2).sigmoid()],
  ["ExpBackward0", () => leaf(2).exp()],
  ["SelectBackward0", () => leaf(2, 3).at(0)],
  ["SliceBackward0", () => leaf(4).at("1:3")],
  ["IndexBackward0", () => leaf(4).at(tensor([0, 2], { dtype: "int32" }))],
  ["ToCopyBackward0", () => leaf(2).double()],
  ["CloneBackward0", () => leaf(2).clone()],
  ["ConvolutionBackward0", () => conv2d(leaf(1, 1, 4, 4), leaf(1, 1, 2, 2))],
  ["AddmmBackward0", () => new Linear(3, 2)(leaf(4, 3))],
  ["MmBackward0", () => new Linear(3, 2, { bias: false })(leaf(4, 3))],
  ["AddBackward0", () => new Linear(3, 2)(leaf(3))],
  ["ViewBackward0", () => new Linear(3, 2)(leaf(2, 4, 3))],
  ["MseLossBackward0", () => F.mseLoss(leaf(2), zeros([2]))],
  ["NllLossBackward0", () => F.crossEntropy(leaf(2, 3), tensor([0, 2], { dtype: "int32" }))],
  ["MaxPool2DWithIndicesBackward0", () => maxPool2d(leaf(1, 1, 4, 4), 2)],
  ["CatBackward0", () => cat([leaf(2), leaf(2)])],
  ["GeluBackward0", () => gelu(leaf(2))],
  ["LogSoftmaxBackward0", () => leaf(2, 3).logSoftmax(1)],
  ["Log2Backward0", () => leaf(2).abs().log2()],
  ["WhereBackward0", () => where(tensor([true, false]), leaf(2), leaf(2))],
];

describe("names of nodes", () => {
  it.each(NAMES)("shows %s", (name, make) => {
    const y = make();
    expect(nameOf(y)).toBe(name);
    expect(y.isLeaf).toBe(false);
    expect(String(y)).toContain(`gradFn=<${name}>`);
    expect([String(y.gradFn), inspect(y.gradFn)]).toEqual([`<${name} object>`, `<${name} object>`]);
  });

  it("shows CopySlices for a tensor that was written by index", () => {
    const x = zeros([2, 3]);
    const w = leaf(3);
    x.setAt(0, w);
    expect(nameOf(x)).toBe("CopySlices");
    expect(next(x.gradFn)).toEqual([
      [null, 0],
      ["AccumulateGrad", 0],
    ]);
  });

  it("shows the node of the op behind an in-place write", () => {
    const y = leaf(2).mul(2);
    y.add_(1).relu_();
    expect(nameOf(y)).toBe("ReluBackward0");
    expect(next(y.gradFn)).toEqual([["AddBackward0", 0]]);
  });
});

describe("edges of nodes", () => {
  it("a + b * x shows a placeholder for the operand that needs none (S002-20, S002-21)", () => {
    const [a, b] = [leaf(1), leaf(1)];
    const yhat = a.add(b.mul(randn([8, 1])));
    expect(next(yhat.gradFn)).toEqual([
      ["AccumulateGrad", 0],
      ["MulBackward0", 0],
    ]);
    const product = yhat.gradFn?.nextFunctions[1][0] as Node;
    expect(next(product)).toEqual([
      ["AccumulateGrad", 0],
      [null, 0],
    ]);
    const untracked = randn([1]).add(b.mul(2));
    expect(next(untracked.gradFn)).toEqual([
      [null, 0],
      ["MulBackward0", 0],
    ]);
  });

  it("a * (a + 2) leads twice to the same AccumulateGrad (S003-33)", () => {
    const a = leaf(1);
    const b = a.mul(a.add(2));
    expect(next(b.gradFn)).toEqual([
      ["AccumulateGrad", 0],
      ["AddBackward0", 0],
    ]);
    const [direct, sum] = inputsOf(b);
    expect(next(sum)).toEqual([
      ["AccumulateGrad", 0],
      [null, 0],
    ]);
    expect(sum.nextFunctions[0][0]).toBe(direct);
    expect(direct.variable).toBe(a);
    expect(a.gradFn).toBe(null);
  });

  it("addmm shows bias, input and the transposed weight (S003-32)", () => {
    class Net extends Module {
      fc1 = new Linear(3, 4);
      fc2 = new Linear(4, 2);
      forward(x: Tensor): Tensor {
        return this.fc2(F.relu(this.fc1(x)));
      }
    }
    const loss = new MSELoss()(new Net()(randn([5, 3])), zeros([5, 2]));
    expect(nameOf(loss)).toBe("MseLossBackward0");
    const [addmmNode] = inputsOf(loss);
    expect(addmmNode.name).toBe("AddmmBackward0");
    expect(next(addmmNode)).toEqual([
      ["AccumulateGrad", 0],
      ["ReluBackward0", 0],
      ["TBackward0", 0],
    ]);
  });

  it("addmm of plain tensors shows its three inputs in PyTorch's order", () => {
    const y = addmm(leaf(2), leaf(4, 3), leaf(3, 2));
    expect(next(y.gradFn)).toEqual([
      ["AccumulateGrad", 0],
      ["AccumulateGrad", 0],
      ["AccumulateGrad", 0],
    ]);
  });

  it("crossEntropy is NllLoss over LogSoftmax", () => {
    const x = leaf(2, 3);
    const loss = F.crossEntropy(x, tensor([0, 2], { dtype: "int32" }));
    const [inner] = inputsOf(loss);
    expect(inner.name).toBe("LogSoftmaxBackward0");
    expect(inner.nextFunctions[0][0]?.variable).toBe(x);
  });

  it("several results of one op share a node and are told apart by their number", () => {
    const [u, v] = leaf(2, 3).mul(1).unbind();
    expect(v.gradFn).toBe(u.gradFn);
    expect(next(u.gradFn)).toEqual([["MulBackward0", 0]]);
    expect(next(u.add(v).gradFn)).toEqual([
      ["UnbindBackward0", 0],
      ["UnbindBackward0", 1],
    ]);
  });

  it("an index and a condition are no inputs", () => {
    expect(next(leaf(3, 2).gather(1, tensor([[0], [1], [0]], { dtype: "int32" })).gradFn)).toHaveLength(1);
    expect(next(where(tensor([true]), leaf(1), leaf(1)).gradFn)).toHaveLength(2);
  });

  it("conv2d shows input, weight and bias", () => {
    const y = new Conv2d(1, 2, 3)(leaf(1, 1, 4, 4));
    expect(nameOf(y)).toBe("ConvolutionBackward0");
    expect(next(y.gradFn)).toHaveLength(3);
  });
});

describe("printing", () => {
  it("adds requiresGrad to a leaf and nothing to its gradient (S000-10, S000-11)", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    expect(String(x)).toBe("tensor([1., 2.], requiresGrad=true)");
    x.square().sum().backward();
    expect(String(x.grad)).toBe("tensor([2., 4.])");
    expect(String(x.mul(2))).toBe("tensor([2., 4.], gradFn=<MulBackward0>)");
    expect(String(x.detach())).toBe("tensor([1., 2.])");
  });
});
