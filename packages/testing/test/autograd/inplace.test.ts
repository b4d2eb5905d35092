import "@sconce/backend-cpu";
import "@sconce/autograd";
import { noGrad } from "@sconce/autograd";
import { ones, type Tensor, tensor, zeros } from "@sconce/core";
import { describe, expect, it } from "vitest";

const leaf = (data: number | number[] | number[][]): Tensor => tensor(data, { requiresGrad: true });
const list = (x: Tensor | null | undefined): unknown => x?.tolistSync() ?? null;

describe("leaves that want gradients", () => {
  it("refuse in-place ops while recording (S002-17, S004-42)", () => {
    const x = leaf([
      [1, 2],
      [3, 4],
    ]);
    const refused = "a leaf Variable that requires grad is being used in an in-place operation.";
    expect(() => x.add_(1)).toThrow(refused);
    expect(() => x.copy_(zeros([2, 2]))).toThrow(refused);
    expect(() => x.setAt(0, 5)).toThrow(`a view of ${refused}`);
    expect(() => x.at(0).mul_(2)).toThrow(`a view of ${refused}`);
    expect(list(x)).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it("take them without recording and stay leaves (S001-11)", () => {
    const w = leaf([1, 2]);
    w.square().sum().backward();
    noGrad(() => w.sub_((w.grad as Tensor).mul(0.5)));
    expect([list(w), w.requiresGrad, w.isLeaf, w.gradFn]).toEqual([[0, 0], true, true, null]);
    noGrad(() => w.setAt(0, 7));
    expect(list(w)).toEqual([7, 0]);
  });

  it("lose their leaf to a rebinding (S002-16)", () => {
    let a = leaf([1]);
    a.square().sum().backward();
    a = a.sub((a.grad as Tensor).mul(0.1));
    expect([a.isLeaf, a.requiresGrad]).toEqual([false, true]);
  });
});

describe("results", () => {
  it("take the history of what is written", () => {
    const x = leaf([1, 2]);
    const y = x.mul(2);
    y.mul_(3).add_(x);
    y.sum().backward();
    expect(list(x.grad)).toEqual([7, 7]);
  });

  it("keep gradients right for values that were overwritten later", () => {
    const x = leaf([1, 2]);
    const h = x.mul(1);
    const y = h.square();
    h.add_(100);
    y.sum().backward();
    expect(list(x.grad)).toEqual([2, 4]);
    const e = x.mul(0).exp();
    e.mul_(5);
    x.grad = null;
    e.sum().backward();
    expect(list(x.grad)).toEqual([0, 0]);
  });

  it("send zeros to what was overwritten by a constant", () => {
    const x = leaf([1, 2]);
    const y = x.mul(2);
    y.zero_();
    expect(y.requiresGrad).toBe(true);
    y.sum().backward();
    expect(list(x.grad)).toEqual([0, 0]);
  });

  it("of tensors without history begin one", () => {
    const w = leaf([1, 2]);
    const buffer = zeros([2]);
    buffer.copy_(w);
    expect([buffer.requiresGrad, buffer.isLeaf]).toEqual([true, false]);
    buffer.square().sum().backward();
    expect(list(w.grad)).toEqual([2, 4]);
  });

  it("copy_ of a leaf does not share its hooks", () => {
    const w = leaf([1, 2]);
    const copy = zeros([2]);
    copy.copy_(w);
    copy.registerHook((g) => g.mul(10));
    copy.add(w).sum().backward();
    expect(list(w.grad)).toEqual([11, 11]);
  });
});

describe("views", () => {
  it("see writes to their base and change it, gradients too", () => {
    const x = leaf([
      [1, 2],
      [3, 4],
    ]);
    const y = x.mul(1);
    const row = y.at(0);
    const column = y.at(":", 1);
    row.mul_(10);
    expect(list(column)).toEqual([20, 4]);
    column.square().sum().backward();
    // y01 = 10 x01, y11 = x11
    expect(list(x.grad)).toEqual([
      [0, 400],
      [0, 8],
    ]);
  });

  it("rebuild their gradFn after a write through another view", () => {
    const y = leaf([
      [1, 2],
      [3, 4],
    ]).mul(1);
    const row = y.at(0);
    expect(row.gradFn?.name).toBe("SelectBackward0");
    y.at(1).mul_(2);
    expect(row.gradFn?.name).toBe("AsStridedBackward0");
    expect(row.gradFn?.nextFunctions[0][0]?.name).toBe("CopySlices");
    expect(y.gradFn?.name).toBe("CopySlices");
    expect(row.requiresGrad).toBe(true);
  });

  it("of a base without history begin one for it", () => {
    const w = leaf([5, 6]);
    const base = zeros([3, 2]);
    const before = base.at(1);
    const other = base.at(2);
    before.copy_(w);
    expect([base.requiresGrad, base.gradFn?.name, before.requiresGrad]).toEqual([true, "CopySlices", true]);
    base
      .mul(tensor([[1], [10], [100]]))
      .sum()
      .backward();
    expect(list(w.grad)).toEqual([10, 10]);
    expect(list(other)).toEqual([0, 0]);
  });

  it("written one after the other all count", () => {
    const w = leaf([1, 2, 3]);
    const out = zeros([2, 3]);
    for (let i = 0; i < 2; i++) for (let j = 0; j < 3; j++) out.setAt([i, j], w.at(j).mul(i + 1));
    out.square().sum().backward();
    expect(list(out)).toEqual([
      [1, 2, 3],
      [2, 4, 6],
    ]);
    expect(list(w.grad)).toEqual([10, 20, 30]);
  });

  it("of a transposed tensor and with steps count where they lie", () => {
    const x = leaf([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const y = x.mul(1);
    y.t().at("::2").mul_(10);
    y.at(":", 1).neg_();
    y.sum().backward();
    expect(list(y)).toEqual([
      [10, -2, 30],
      [40, -5, 60],
    ]);
    expect(list(x.grad)).toEqual([
      [10, -1, 10],
      [10, -1, 10],
    ]);
  });

  it("that overlap by expanding pass the sum", () => {
    const x = leaf([1, 2]);
    const y = x.mul(1);
    const wide = y.expand([3, 2]);
    y.mul_(2);
    wide.sum().backward();
    expect(list(x.grad)).toEqual([6, 6]);
  });

  it("made before their base became a leaf refuse recorded writes", () => {
    const x = tensor([1, 2]);
    const view = x.at(0);
    x.requiresGrad_();
    expect(() => view.copy_(leaf(1))).toThrow("a view of a leaf Variable that requires grad");
  });

  it("made without recording refuse recorded writes", () => {
    const y = leaf([1, 2]).mul(1);
    const view = noGrad(() => y.at(0));
    expect(view.requiresGrad).toBe(false);
    expect(() => view.copy_(leaf(1))).toThrow("A view was created in noGrad mode and is being modified inplace with grad mode enabled");
    noGrad(() => view.mul_(5));
    expect(list(y)).toEqual([5, 2]);
  });

  it("of an op with several results refuse recorded writes", () => {
    const [u] = leaf([[1], [2]])
      .mul(1)
      .unbind();
    expect(() => u.mul_(2)).toThrow("Output 0 of UnbindBackward0 is a view and is being modified inplace");
  });
});

describe("detach", () => {
  it("shares memory and no history (S004-12)", () => {
    const x = leaf([1, 2]);
    const y = x.mul(2);
    const d = y.detach();
    expect([d.requiresGrad, d.gradFn, d.isLeaf]).toEqual([false, null, true]);
    d.zero_();
    expect(list(y)).toEqual([0, 0]);
    y.square().sum().backward();
    expect(list(x.grad)).toEqual([0, 0]);
  });

  it("keeps the histories of both apart", () => {
    const w = leaf([1, 2]);
    const x = ones([2]);
    const d = x.detach();
    d.mul_(w);
    expect([d.requiresGrad, x.requiresGrad]).toEqual([true, false]);
    const view = x.at(0);
    x.mul_(w);
    expect([x.gradFn?.name, view.requiresGrad, d.gradFn?.name]).toEqual(["MulBackward0", true, "MulBackward0"]);
  });

  it("of the hazard .data gives the right gradient (S004-17)", () => {
    const x = leaf([1]);
    const y = x.square();
    noGrad(() => x.mul_(100));
    y.backward();
    expect([list(x), list(x.grad)]).toEqual([[100], [2]]);
  });

  it("detach_ makes a leaf of the tensor itself", () => {
    const y = leaf([1, 2]).mul(2);
    expect(y.detach_()).toBe(y);
    expect([y.requiresGrad, y.isLeaf]).toEqual([false, true]);
    y.requiresGrad_();
    y.mul(3).sum().backward();
    expect(list(y.grad)).toEqual([3, 3]);
  });
});

describe("layout changes in place", () => {
  it("keep the history of the tensor", () => {
    const x = leaf([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const y = x.mul(2);
    y.t_();
    expect([y.shape, y.gradFn?.name]).toEqual([[3, 2], "TBackward0"]);
    y.at(0).mul_(10);
    y.mul(tensor([1, 100]))
      .sum()
      .backward();
    expect(list(x.grad)).toEqual([
      [20, 2, 2],
      [2000, 200, 200],
    ]);
  });
});
