import {
  add,
  arange,
  empty,
  fromTypedArray,
  manualSeed,
  matmul,
  nn,
  noGrad,
  ones,
  onesLike,
  optim,
  rand,
  randn,
  type Tensor,
  tensor,
  zeros,
} from "sconce";
import * as sconceNn from "sconce/nn";
import { functional as F } from "sconce/nn";
import { describe, expect, it, vi } from "vitest";
import { Net, train } from "../../../../docs/tutorials/11-lenet.js";
import { expectClose, expectRelative, list } from "./helpers.js";

const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });

function lenet(): { readonly net: Net; readonly input: Tensor; readonly target: Tensor } {
  manualSeed(0);
  const net = new Net();
  const input = randn([1, 1, 32, 32]);
  return { net, input, target: randn([10]).view(1, -1) };
}

describe("tutorial 003: tensors, autograd from inside, LeNet", () => {
  it("S003-03 a plain loop repeats a step as often as it likes", () => {
    const [w, b] = [
      tensor([
        [0, 1],
        [1, 0],
      ]),
      tensor([1, 0]),
    ];
    w.requiresGrad = true;
    for (const times of [1, 3]) {
      let h: Tensor = tensor([1, 2]);
      for (let t = 0; t < times; t++) h = matmul(w, h).add(b);
      expect(h.shape).toEqual([2]);
      expect(list(h)).toEqual(times === 1 ? [3, 1] : [4, 2]);
    }
    expect(matmul(w, tensor([1, 2])).gradFn!.name).toBe("MvBackward0");
  });

  it("S003-05 empty has the shape; its content is open", () => {
    expect(empty([5, 3]).shape).toEqual([5, 3]);
  });

  it("S003-06 rand prints PyTorch's numbers for the seed, with four decimals", () => {
    manualSeed(0);
    expect(String(rand([5, 3]))).toBe(`tensor([[0.4963, 0.7682, 0.0885],
        [0.1320, 0.3074, 0.6341],
        [0.4901, 0.8964, 0.4556],
        [0.6323, 0.3489, 0.4017],
        [0.0223, 0.1689, 0.2939]])`);
  });

  it("S003-07 whole and broken numbers together are float32", () => {
    expect(String(tensor([5.5, 3]))).toBe("tensor([5.5000, 3.0000])");
  });

  it("S003-08 size() is the shape, an array", () => {
    const x = zeros([5, 3]);
    expect(x.size()).toEqual([5, 3]);
    expect(x.size()).toBe(x.shape);
    const [rows, columns] = x.size();
    expect([rows, columns, x.size(1), x.shape.slice(1)]).toEqual([5, 3, 3, [3]]);
  });

  it("S003-09 add is a method and a function", () => {
    const [x, y] = [tensor([1, 2]), tensor([3, 5])];
    expect(list(x.add(y))).toEqual([4, 7]);
    expect(list(add(x, y))).toEqual([4, 7]);
  });

  it("S003-11 add_ changes the tensor and returns it", () => {
    const y = tensor([1, 2]);
    expect(y.add_(tensor([3, 5]))).toBe(y);
    expect(list(y)).toEqual([4, 7]);
  });

  it("S003-12 a column is a view of the same memory", () => {
    const x = arange(16).view(4, 4);
    const column = x.at(":", 1);
    expect([column.shape, column.stride(), column.storageOffset()]).toEqual([[4], [4], 1]);
    column.setAt(0, 99);
    expect(list(x.at(0, 1))).toBe(99);
  });

  it("S003-13 view works out one size and refuses what does not fit", () => {
    const x = randn([4, 4]);
    expect(x.view(16).shape).toEqual([16]);
    expect(x.view(-1, 8).shape).toEqual([2, 8]);
    expect(() => x.view(-1, -1)).toThrow(/only one dimension can be inferred/);
    expect(() => x.view(-1, 7)).toThrow(/shape '\[-1, 7\]' is invalid for input of size 16/);
    expect(() => x.t().view(16)).toThrow(/view size is not compatible with input tensor's size and stride.*Use \.reshape/);
  });

  it("S003-14 item() is the whole float32 number, printing shows four decimals", async () => {
    manualSeed(0);
    const x = randn([1]);
    expect(String(x)).toBe("tensor([1.5410])");
    expect(await x.item()).toBe(1.5409960746765137);
  });

  it("S003-15 typedArray() shares the memory of a tensor", () => {
    const a = ones([5]);
    expect(String(a)).toBe("tensor([1., 1., 1., 1., 1.])");
    const b = a.typedArray();
    a.add_(1);
    expect([...(b as Float32Array)]).toEqual([2, 2, 2, 2, 2]);
    b[0] = 7;
    expect(list(a.at(0))).toBe(7);
  });

  it("S003-16 fromTypedArray shares both ways, and float64 is printed", () => {
    const a = new Float64Array(5).fill(1);
    const b = fromTypedArray(a);
    for (let i = 0; i < a.length; i++) a[i] += 1;
    expect(String(b)).toBe("tensor([2., 2., 2., 2., 2.], dtype=float64)");
    b.add_(1);
    expect([...a]).toEqual([3, 3, 3, 3, 3]);
  });

  it("S003-17 requiresGrad_ turns gradients on unless told otherwise", () => {
    const x = ones([1]);
    expect(x.requiresGrad).toBe(false);
    expect(x.requiresGrad_().requiresGrad).toBe(true);
    expect(x.requiresGrad_(false).requiresGrad).toBe(false);
  });

  it("S003-18 backward of many elements takes a weight for each", () => {
    const [x, y] = [leaf(2, 3), leaf(5, 7)];
    const z = x.pow(2).add(y.pow(3));
    expect(() => z.backward()).toThrow(/grad can be implicitly created only for scalar outputs/);
    z.backward(onesLike(x));
    expect([list(x.grad), list(y.grad)]).toEqual([
      [4, 6],
      [75, 147],
    ]);
  });

  it("S003-19 nothing is recorded under noGrad", () => {
    const [x, y] = [leaf(1), leaf(2)];
    expect(noGrad(() => x.add(y.mul(2))).requiresGrad).toBe(false);
  });

  it("S003-20 backward frees the graph unless it is kept", () => {
    const x = leaf(3);
    const y = x.pow(2);
    y.backward(null, { retainGraph: true });
    y.backward();
    expect(list(x.grad)).toEqual([12]);
    expect(() => y.backward()).toThrow(/Trying to backward through the graph a second time/);
  });

  it("S003-21 backward(v) is the product of v and the Jacobian", () => {
    const x = leaf(1, 2);
    const j = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    j.mv(x).backward(tensor([1, 10, 100]));
    expect(list(x.grad)).toEqual([531, 642]);
  });

  it("S003-22 nn and its functional part can be imported", () => {
    expect(sconceNn.Linear).toBe(nn.Linear);
    expect(list(F.relu(tensor([-1, 1])))).toEqual([0, 1]);
  });

  it("S003-23 Conv2d takes channels and kernel, prints them and refuses other channels", () => {
    const conv = new nn.Conv2d(1, 6, 5);
    expect(conv.weight.shape).toEqual([6, 1, 5, 5]);
    expect(new nn.Conv2d(6, 16, 5).weight.shape).toEqual([16, 6, 5, 5]);
    expect(String(conv)).toBe("Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))");
    expect(() => conv(randn([1, 3, 32, 32]))).toThrow(
      "Given groups=1, weight of size [6, 1, 5, 5], expected input[1, 3, 32, 32] to have 1 channels, but got 3 channels instead",
    );
  });

  it("S003-24 maxPool2d takes one size or two, and moves by it", () => {
    const x = arange(16).float().view(1, 1, 4, 4);
    expect(list(F.maxPool2d(x, 2))).toEqual([
      [
        [
          [5, 7],
          [13, 15],
        ],
      ],
    ]);
    expect(F.maxPool2d(x, [2, 2]).equalSync(F.maxPool2d(x, 2))).toBe(true);
  });

  it("S003-25 part of a shape is an array of numbers to multiply", () => {
    const x = zeros([2, 16, 5, 5]);
    const n = x
      .size()
      .slice(1)
      .reduce((a, b) => a * b, 1);
    expect(n).toBe(400);
    expect(x.view(-1, n).shape).toEqual([2, 400]);
  });

  it("S003-26 a network prints its layers", () => {
    expect(String(new Net())).toBe(`Net(
  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
  (conv2): Conv2d(6, 16, kernel_size=(5, 5), stride=(1, 1))
  (fc1): Linear(in_features=400, out_features=120, bias=True)
  (fc2): Linear(in_features=120, out_features=84, bias=True)
  (fc3): Linear(in_features=84, out_features=10, bias=True)
)`);
  });

  it("S003-27 LeNet has ten parameter tensors", () => {
    expect(new Net().parameters()).toHaveLength(10);
  });

  it("S003-28 LeNet maps an image to ten numbers, PyTorch's for the seed", () => {
    const { net, input } = lenet();
    const out = net(input);
    expect(String(out)).toBe(`tensor([[-0.1007, -0.0902,  0.0364,  0.0591, -0.0421,  0.0203,  0.0314,  0.0724,
         -0.0276,  0.1233]], gradFn=<AddmmBackward0>)`);
  });

  it("S003-29 MSELoss prints its function, and warns of shapes that only stretch", () => {
    const { net, input, target } = lenet();
    expect(String(new nn.MSELoss()(net(input), target))).toBe("tensor(0.7947, gradFn=<MseLossBackward0>)");
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    new nn.MSELoss()(zeros([1, 3]), zeros([3]));
    expect(String(warn.mock.calls[0][0])).toMatch(
      /Using a target size \(torch\.Size\(\[3\]\)\) that is different to the input size \(torch\.Size\(\[1, 3\]\)\)/,
    );
    warn.mockRestore();
  });

  it("S003-30 nextFunctions are pairs of a node and an output number", () => {
    const x = leaf(1, 5);
    expect(x.gradFn).toBe(null);
    const { values, indices } = x.max(0);
    expect(values.gradFn!.nextFunctions.map(([node, output]) => [node!.name, output])).toEqual([["AccumulateGrad", 0]]);
    expect(indices.requiresGrad).toBe(false);
    const [, second] = x.split(1);
    expect(second.add(1).gradFn!.nextFunctions[0][0]!.name).toBe("SplitBackward0");
  });

  it("S003-31 leaves keep their gradient, results only if asked", () => {
    const x = leaf(2);
    const [y, z] = [x.mul(3), x.mul(5)];
    z.retainGrad();
    y.mul(z).backward();
    expect(list(x.grad)).toEqual([60]);
    expect(y.grad).toBe(null);
    expect(list(z.grad)).toEqual([6]);
  });

  it("S003-32 the graph of LeNet starts with loss, addmm, and its bias, input and weight", () => {
    const { net, input, target } = lenet();
    const mse = new nn.MSELoss()(net(input), target).gradFn!;
    expect(mse.name).toBe("MseLossBackward0");
    const addmm = mse.nextFunctions[0][0]!;
    expect(addmm.name).toBe("AddmmBackward0");
    expect(addmm.nextFunctions.map(([node]) => node!.name)).toEqual(["AccumulateGrad", "ReluBackward0", "TBackward0"]);
    expect(addmm.nextFunctions[0][0]!.variable).toBe(net.fc3.bias);
  });

  it("S003-33 a tensor used twice has one AccumulateGrad; a constant has none", () => {
    const a = leaf(1.5);
    const b = a.mul(a.add(2));
    const [[first], [sum]] = b.gradFn!.nextFunctions;
    expect([first!.name, sum!.name]).toEqual(["AccumulateGrad", "AddBackward0"]);
    expect(sum!.nextFunctions).toEqual([
      [first, 0],
      [null, 0],
    ]);
    expect(sum!.nextFunctions[0][0]).toBe(first);
    expect(first!.variable).toBe(a);
  });

  it("S003-34 zeroGrad leaves no gradient; backward fills it", () => {
    const { net, input, target } = lenet();
    net.zeroGrad();
    expect(net.conv1.bias!.grad).toBe(null);
    new nn.MSELoss()(net(input), target).backward();
    expectClose(net.conv1.bias!.grad, [-0.0041, -0.0112, 0.0024, -0.0076, -0.0033, 0.0027]);
  });

  it("S003-35 SGD, Nesterov, Adam and RMSprop exist; Nesterov needs momentum", () => {
    const make = (): Tensor[] => [leaf(1)];
    new optim.SGD(make(), { lr: 0.1 });
    new optim.SGD(make(), { lr: 0.1, momentum: 0.9, nesterov: true });
    new optim.Adam(make());
    new optim.RMSprop(make());
    expect(() => new optim.SGD(make(), { lr: 0.1, nesterov: true })).toThrow(/Nesterov momentum requires a momentum and zero dampening/);
  });

  it("S003-36 zeroGrad, backward and step train LeNet as PyTorch does from the same seed", async () => {
    const { net, input, target } = lenet();
    const losses = await train(net, input, target);
    expectRelative(losses[0], 0.794664204120636, 1e-5);
    expectRelative(losses[19], 0.45752325654029846, 1e-4);
  });
});
