import {
  arange,
  data,
  einsum,
  empty,
  fromTypedArray,
  getDefaultDType,
  manualSeed,
  mm,
  nn,
  noGrad,
  normal,
  ones,
  onesLike,
  rand,
  randn,
  setDefaultDType,
  type Tensor,
  tensor,
  zeros,
  zerosLike,
} from "sconce";
import * as sconceData from "sconce/data";
import { describe, expect, it } from "vitest";
import { FlattenLayer, namedLayers } from "../../../../docs/tutorials/12-building-blocks.js";
import { l2Penalty } from "../../../../docs/tutorials/13-regularisation.js";
import { LinearNet, Sentences } from "../../../../docs/tutorials/15-data.js";
import { list, otherDevice } from "./helpers.js";

const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });

describe("tutorial 004: tensors and autograd", () => {
  it("S004-01 empty has the shape; its content is open", () => {
    expect(empty(5, 3).shape).toEqual([5, 3]);
  });

  it("S004-02 views and parts share memory", () => {
    const b = zeros([3, 5]);
    const a = b.view(15);
    a.setAt(0, 99);
    expect(list(b.at(0, 0))).toBe(99);
    const s = b.at(1);
    s.setAt(0, -7);
    expect(list(b.at(1, 0))).toBe(-7);
  });

  it("S004-03 t_ transposes the tensor itself", () => {
    const x = arange(6).view(2, 3);
    expect(x.t_()).toBe(x);
    expect([x.shape, x.stride()]).toEqual([
      [3, 2],
      [1, 3],
    ]);
  });

  it("S004-04 add_ of a number changes every element in the same memory", () => {
    const x = zeros([2, 2]);
    const row = x.at(0);
    expect(x.add_(1)).toBe(x);
    expect(list(row)).toEqual([1, 1]);
  });

  it("S004-05 sizes of 1 stretch; in place they may not grow, and others do not fit", () => {
    expect(list(tensor([[1, 2]]).add(zeros([3, 1])))).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    expect(() => zeros([1, 3]).add_(zeros([2, 3]))).toThrow(/output with shape \[1, 3\] doesn't match the broadcast shape \[2, 3\]/);
    expect(() => zeros([3]).add(zeros([2]))).toThrow(
      /The size of tensor a \(3\) must match the size of tensor b \(2\) at non-singleton dimension 0/,
    );
    expect(() => zeros([2, 3]).add(zeros([2, 2]))).toThrow(
      /The size of tensor a \(3\) must match the size of tensor b \(2\) at non-singleton dimension 1/,
    );
  });

  it("S004-06 pow(2) is the elementwise product with itself", () => {
    const x = tensor([1, -2, 3]);
    expect(list(x.pow(2))).toEqual(list(x.mul(x)));
  });

  it("S004-07 einsum writes a matrix product", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(list(mm(x, x))).toEqual([
      [7, 10],
      [15, 22],
    ]);
    expect(list(einsum("ij,jk->ik", x, x))).toEqual(list(mm(x, x)));
  });

  it("S004-08 clone has memory of its own and stays in the graph", () => {
    const x = leaf(1);
    const copy = x.clone();
    expect(copy.gradFn!.name).toBe("CloneBackward0");
    noGrad(() => x.add_(1));
    expect(list(copy)).toEqual([1]);
  });

  it("S004-09 fromTypedArray and typedArray share memory, tensor copies", () => {
    const d = new Float32Array([1, 2]);
    const [shared, copied] = [fromTypedArray(d), tensor(d)];
    d[0] = 5;
    expect([list(shared), list(copied)]).toEqual([
      [5, 2],
      [1, 2],
    ]);
    expect(shared.typedArray()).toBe(d);
    const again = tensor(shared);
    shared.add_(1);
    expect(list(again)).toEqual([5, 2]);
  });

  it("S004-10 onesLike takes another device and dtype", () => {
    const device = otherDevice();
    const y = onesLike(zeros([2]), { device, dtype: "float64" });
    expect([y.device, y.dtype, y.shape]).toEqual([device, "float64", [2]]);
  });

  it("S004-11 to() takes a device and a dtype", () => {
    const y = ones([2]).to(otherDevice()).to("cpu", "float64");
    expect([y.device, y.dtype]).toEqual(["cpu", "float64"]);
  });

  it("S004-12 detach stops recording and shares memory", () => {
    const x = leaf(1);
    const y = x.mul(2);
    const d = y.detach();
    expect([d.requiresGrad, d.gradFn]).toEqual([false, null]);
    d.add_(5);
    expect(list(y)).toEqual([7]);
    expect(noGrad(() => x.mul(2)).requiresGrad).toBe(false);
  });

  it("S004-13 gradFn is null for leaves", () => {
    const x = leaf(1);
    expect([x.gradFn, x.isLeaf, ones([1]).isLeaf]).toEqual([null, true, true]);
    expect(x.mul(2).isLeaf).toBe(false);
  });

  it("S004-14 gradients add up over backward calls", () => {
    const x = leaf(3);
    for (let i = 0; i < 3; i++) x.pow(2).sum().backward();
    expect(list(x.grad)).toEqual([18]);
  });

  it("S004-15 a part under noGrad counts as a constant", () => {
    const x = tensor(2, { requiresGrad: true });
    const y2 = noGrad(() => x.pow(3));
    const y3 = x.pow(2).add(y2);
    y3.backward();
    expect([y2.requiresGrad, y2.gradFn]).toEqual([false, null]);
    expect(String(y3)).toBe("tensor(12., gradFn=<AddBackward0>)");
    expect(String(x.grad)).toBe("tensor(4.)");
  });

  it("S004-16 backward of a tensor without history throws", () => {
    expect(() => ones([1]).backward()).toThrow(/element 0 of tensors does not require grad and does not have a grad_?[fF]n/);
  });

  it("S004-18 randn is a standard normal matrix of a dtype", () => {
    manualSeed(0);
    const x = randn([100, 50], { dtype: "float32" });
    expect([x.shape, x.dtype]).toEqual([[100, 50], "float32"]);
    expect(x.std().itemSync()).toBeCloseTo(1, 1);
  });

  it("S004-19 normal takes the standard deviation, not the variance", () => {
    manualSeed(0);
    const x = normal(3, 2, [100, 100]);
    expect(x.mean().itemSync()).toBeCloseTo(3, 1);
    expect(x.std().itemSync()).toBeCloseTo(2, 1);
  });

  it("S004-20 the default dtype is that of later tensors, and has to be a float", () => {
    try {
      setDefaultDType("float64");
      expect([ones([1]).dtype, tensor([1]).dtype, rand([1]).dtype]).toEqual(["float64", "float64", "float64"]);
      expect(() => setDefaultDType("int32")).toThrow(/only floating-point types are supported as the default type/);
    } finally {
      setDefaultDType("float32");
    }
    expect(getDefaultDType()).toBe("float32");
  });

  it("S004-21 Dataset and DataLoader have an import of their own", () => {
    expect(sconceData.Dataset).toBe(data.Dataset);
    expect(sconceData.DataLoader).toBe(data.DataLoader);
  });

  it("S004-22 a loader gives every sample once an epoch, in a new order each time", async () => {
    manualSeed(0);
    const dataset = new data.TensorDataset(arange(7));
    const loader = new data.DataLoader(dataset, { batchSize: 2, shuffle: true });
    const epochs: number[][] = [];
    for (let epoch = 0; epoch < 2; epoch++) {
      const batches: number[][] = [];
      for await (const [batch] of loader) batches.push(list(batch) as number[]);
      expect(batches.map((batch) => batch.length)).toEqual([2, 2, 2, 1]);
      expect(batches.flat().sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
      epochs.push(batches.flat());
    }
    expect(epochs[0]).not.toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(epochs[0]).not.toEqual(epochs[1]);
    expect(new data.DataLoader(dataset, { batchSize: 2, dropLast: true }).length).toBe(3);
  });

  it("S004-23 samples that are objects become an object of batches; lists one tensor per position", async () => {
    class Numbers extends data.Dataset<{ input_ids: number }> {
      readonly length = 2;
      override getItem(index: number): { input_ids: number } {
        return { input_ids: index + 1 };
      }
    }
    for await (const batch of new data.DataLoader(new Numbers(), { batchSize: 2 })) expect(list(batch.input_ids)).toEqual([1, 2]);
    const sentences = new Sentences([
      [1, 2],
      [3, 4],
    ]);
    for await (const { inputIds } of new data.DataLoader(sentences, { batchSize: 2 })) {
      expect(inputIds.map(list)).toEqual([
        [1, 3],
        [2, 4],
      ]);
    }
  });

  it("S004-24 a line of n features maps [N, n] to [N, 1]", () => {
    expect(new LinearNet(3)(ones([5, 3])).shape).toEqual([5, 1]);
  });

  it("S004-25 Sequential can be a base class", () => {
    class SequentialNet extends nn.Sequential {}
    const net = new SequentialNet(new nn.Linear(2, 3), new nn.ReLU());
    expect(net).toBeInstanceOf(SequentialNet);
    expect(net(ones([1, 2])).shape).toEqual([1, 3]);
    expect(String(net)).toMatch(/^SequentialNet\(/);
  });

  it("S004-26 a flatten layer joins all but the first dimension", () => {
    expect(new FlattenLayer()(zeros([2, 3, 4])).shape).toEqual([2, 12]);
  });

  it("S004-27 named layers are reached by name and by position", () => {
    const net = namedLayers();
    expect(String(net)).toBe(`Sequential(
  (flatten): FlattenLayer()
  (linear): Linear(in_features=784, out_features=10, bias=True)
)`);
    expect(net.at(1)).toBe(net.getSubmodule("linear"));
    expect((net as unknown as { linear: nn.Linear }).linear).toBe(net.at(-1));
    expect(net.length).toBe(2);
    expect(net.slice(0, 1)).toBeInstanceOf(nn.Sequential);
    expect(net.slice(0, 1).length).toBe(1);
    expect(Object.keys(net.stateDict())).toEqual(["linear.weight", "linear.bias"]);
  });

  it("S004-28 init fills a parameter in place, and it stays a leaf", () => {
    const net = new nn.Linear(100, 100);
    expect(nn.init.normal_(net.weight, 0, 0.01)).toBe(net.weight);
    expect(net.weight.std().itemSync()).toBeCloseTo(0.01, 3);
    expect([net.weight.isLeaf, net.weight.requiresGrad]).toEqual([true, true]);
  });

  it("S004-29 half the sum of squares is the L2 penalty", () => {
    expect(String(l2Penalty(tensor([1, 2, 3])))).toBe("tensor(7.)");
  });

  it("S004-30 zerosLike keeps shape, dtype and device", () => {
    const x = zerosLike(ones([2, 3], { dtype: "float64" }));
    expect([x.shape, x.dtype, x.device, list(x.sum())]).toEqual([[2, 3], "float64", "cpu", 0]);
  });
});
