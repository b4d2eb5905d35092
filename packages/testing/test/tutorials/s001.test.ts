import { Function, type FunctionContext, manualSeed, nn, noGrad, ones, optim, randint, randn, type Tensor, tensor, zeros } from "sconce";
import { describe, expect, it } from "vitest";
import * as byHand from "../../../../docs/tutorials/02-network-by-hand.js";
import * as autograd from "../../../../docs/tutorials/03-autograd.js";
import * as custom from "../../../../docs/tutorials/04-custom-function.js";
import * as sequential from "../../../../docs/tutorials/05-nn.js";
import * as adam from "../../../../docs/tutorials/06-optim.js";
import { TwoLayerNet, train as trainModule } from "../../../../docs/tutorials/07-custom-module.js";
import { DynamicNet, train as trainDynamic } from "../../../../docs/tutorials/08-dynamic-net.js";
import { expectRelative, list } from "./helpers.js";

const leaf = (...values: number[]): Tensor => tensor(values, { requiresGrad: true });

/** The losses of some steps agree with PyTorch's as far as its own orders of addition do: `[loss, relative tolerance]` by step. */
function expectLosses(losses: readonly number[], at: Readonly<Record<number, readonly [loss: number, tolerance: number]>>): void {
  for (const [step, [loss, tolerance]] of Object.entries(at)) expectRelative(losses[Number(step)], loss, tolerance);
}

describe("tutorial 001: a network by hand, autograd, Function, nn, optim, dynamic graphs", () => {
  it("S001-01 randn takes a shape and a dtype, and is standard normal", () => {
    manualSeed(0);
    const x = randn([64, 1000], { dtype: "float64" });
    expect(x.shape).toEqual([64, 1000]);
    expect(x.dtype).toBe("float64");
    expect(x.mean().itemSync()).toBeCloseTo(0, 1);
    expect(x.std().itemSync()).toBeCloseTo(1, 1);
  });

  it("S001-02 a network trains with gradients by hand; the mask keeps the gradient of h = 0", async () => {
    const h = tensor([-1, 0, 2]);
    const grad = ones([3]);
    grad.setAt(h.lt(0), 0);
    expect(list(grad)).toEqual([0, 1, 1]);
    expect(list(h.maximum(0))).toEqual([0, 0, 2]);
    const data = byHand.randomData();
    const before = data.w1;
    const losses = await byHand.train(data, 48);
    expect(data.w1).toBe(before);
    expect(losses[0]).toBeGreaterThan(1e7);
    expect(losses[47]).toBeLessThan(3e4);
  });

  it("S001-03 requiresGrad can be set on float leaves only", () => {
    const x = ones([2]);
    x.requiresGrad = true;
    x.sum().backward();
    expect(list(x.grad)).toEqual([1, 1]);
    expect(() => {
      tensor([1, 2], { dtype: "int32" }).requiresGrad = true;
    }).toThrow(/[Oo]nly Tensors of floating point/);
    expect(() => {
      x.mul(2).requiresGrad = false;
    }).toThrow(/you can only change requires_grad flags of leaf variables/);
  });

  it("S001-05 a device is named when a tensor is made", () => {
    expect(ones([2], { device: "cpu" }).device).toBe("cpu");
  });

  it("S001-06 factories take device, dtype and requiresGrad", () => {
    const x = randn([2, 3], { device: "cpu", dtype: "float32" });
    expect(x.requiresGrad).toBe(false);
    const w = randn([2, 3], { requiresGrad: true });
    expect([w.requiresGrad, w.isLeaf, w.gradFn]).toEqual([true, true, null]);
  });

  it("S001-07 clamp and relu differ in the gradient at 0; mm takes matrices that fit", () => {
    const a = leaf(-1, 0, 2);
    a.clamp({ min: 0 }).sum().backward();
    expect(list(a.grad)).toEqual([0, 1, 1]);
    const b = leaf(-1, 0, 2);
    b.relu().sum().backward();
    expect(list(b.grad)).toEqual([0, 0, 1]);
    const m = ones([2, 3]);
    expect(
      list(
        m
          .mm(ones([3, 2]))
          .clamp({ min: 0 })
          .mm(ones([2, 1])),
      ),
    ).toEqual([[6], [6]]);
    expect(() => m.mm(ones([2, 3]))).toThrow(/mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)/);
    expect(() => m.mm(ones([3]))).toThrow(/mm/);
  });

  it("S001-08 a sum of all elements has no dimensions", () => {
    const loss = tensor([3, 1])
      .sub(tensor([1, 3]))
      .pow(2)
      .sum();
    expect(loss.shape).toEqual([]);
    expect(String(loss)).toBe("tensor(8.)");
  });

  it("S001-09 item() is the float32 value as a number", async () => {
    expect(await tensor(34.1365).item()).toBe(Math.fround(34.1365));
    await expect(ones([2]).item()).rejects.toThrow(/only one element tensors can be converted/);
  });

  it("S001-10 backward fills grad of the leaves that want it, and adds to it", () => {
    const [x, w] = [tensor([2]), leaf(3)];
    x.mul(w).backward();
    x.mul(w).backward();
    expect(list(w.grad)).toEqual([4]);
    expect(x.grad).toBe(null);
  });

  it("S001-11 a leaf can be changed in place under noGrad and stays a leaf", () => {
    const w = leaf(3);
    w.pow(2).backward();
    noGrad(() => w.sub_(w.grad!.mul(0.1)));
    expect(w.itemSync()).toBeCloseTo(2.4, 6);
    expect([w.requiresGrad, w.isLeaf, w.gradFn]).toEqual([true, true, null]);
  });

  it("S001-12 zero_ clears in place and returns the tensor", () => {
    const w = leaf(3);
    w.pow(2).backward();
    const { grad } = w;
    expect(grad!.zero_()).toBe(grad);
    expect(list(w.grad)).toEqual([0]);
  });

  it("S001-13 the autograd loop gives PyTorch's losses from the same seed", async () => {
    const losses = await autograd.train(autograd.randomData(), 200);
    expectLosses(losses, { 0: [29428664, 1e-4], 99: [427.82, 1e-4], 199: [1.44783, 2.2e-4] });
  });

  it("S001-14 a Function has a forward, a backward and a place for tensors", () => {
    let saved: readonly Tensor[] = [];
    class Half extends Function {
      static forward(ctx: FunctionContext, input: Tensor): Tensor {
        ctx.saveForBackward(input);
        return input.div(2);
      }
      static backward(ctx: FunctionContext, grad: Tensor): Tensor {
        saved = ctx.savedTensors;
        return grad.mul(0.5);
      }
    }
    const x = leaf(6);
    Half.apply(x).backward();
    expect(saved).toHaveLength(1);
    expect(list(saved[0])).toEqual([6]);
    expect(list(x.grad)).toEqual([0.5]);
    expect(String(custom.MyRelu.apply(leaf(2)))).toBe("tensor([2.], gradFn=<MyReluBackward>)");
  });

  it("S001-15 a mask clears parts of a cloned gradient and leaves the original alone", () => {
    const x = leaf(-1, 0, 2);
    const upstream = ones([3]);
    custom.MyRelu.apply(x).backward(upstream);
    expect(list(x.grad)).toEqual([0, 1, 1]);
    expect(list(upstream)).toEqual([1, 1, 1]);
  });

  it("S001-16 the loop with the custom function gives the same losses as the built-in one", async () => {
    const losses = await custom.train(autograd.randomData(), 20);
    expect(losses).toEqual(await autograd.train(autograd.randomData(), 20));
    expectLosses(await custom.train(autograd.randomData(), 200), { 99: [427.82, 1e-4], 199: [1.44783, 2.2e-4] });
  });

  it("S001-17 Sequential numbers its layers and prints them", () => {
    const net = new nn.Sequential(new nn.Linear(10, 5), new nn.ReLU(), new nn.Linear(5, 2));
    expect(net.namedChildren().map(([name]) => name)).toEqual(["0", "1", "2"]);
    expect(String(net)).toBe(`Sequential(
  (0): Linear(in_features=10, out_features=5, bias=True)
  (1): ReLU()
  (2): Linear(in_features=5, out_features=2, bias=True)
)`);
  });

  it("S001-18 MSELoss sums, averages or does neither", () => {
    const [x, y] = [tensor([1, 2]), zeros([2])];
    expect(list(new nn.MSELoss({ reduction: "sum" })(x, y))).toBe(5);
    expect(list(new nn.MSELoss()(x, y))).toBe(2.5);
    expect(list(new nn.MSELoss({ reduction: "none" })(x, y))).toEqual([1, 4]);
  });

  it("S001-19 zeroGrad drops gradients, or zeroes them if asked; null stays null", () => {
    const net = new nn.Linear(2, 1);
    net.zeroGrad();
    expect(net.weight.grad).toBe(null);
    net(ones([2])).backward();
    net.zeroGrad({ setToNone: false });
    expect(list(net.weight.grad)).toEqual([[0, 0]]);
    net.zeroGrad();
    expect(net.weight.grad).toBe(null);
  });

  it("S001-20 parameters() gives the live parameters", () => {
    const net = new nn.Linear(2, 1);
    noGrad(() => {
      for (const parameter of net.parameters()) parameter.sub_(parameter);
    });
    expect(list(net(ones([2])))).toEqual([0]);
  });

  it("S001-21 nn with updates by hand gives PyTorch's losses from the same seed", async () => {
    const losses = await sequential.train(sequential.makeTask());
    expectLosses(losses, {
      0: [628.283935546875, 1e-4],
      99: [3.5698513984680176, 1e-4],
      199: [0.108234703540802, 1e-4],
      299: [0.004929729271680117, 1e-4],
      399: [0.0002566450566519052, 2e-4],
      499: [1.4572681720892433e-5, 6e-4],
    });
  });

  it("S001-22 Adam gives PyTorch's losses from the same seed", async () => {
    const losses = await adam.train(sequential.makeTask(), 200);
    expectLosses(losses, { 0: [628.283935546875, 1e-4], 99: [43.0595703125, 1e-4], 199: [1.134468674659729, 8.5e-4] });
  });

  it("S001-23 Adagrad, RMSprop and Adam exist", () => {
    for (const Optimizer of [optim.Adagrad, optim.RMSprop, optim.Adam]) {
      const w = leaf(1);
      const optimizer = new Optimizer([w], { lr: 0.1 });
      w.pow(2).sum().backward();
      optimizer.step();
      expect(w.itemSync()).toBeLessThan(1);
    }
  });

  it("S001-24 a custom module mixes layers and tensor methods", () => {
    const net = new TwoLayerNet(3, 4, 2);
    expect(net(ones([5, 3])).shape).toEqual([5, 2]);
    expect(net.parameters()).toHaveLength(4);
  });

  it("S001-25 a custom module with SGD gives PyTorch's losses from the same seed", async () => {
    manualSeed(0);
    const [x, y] = [randn([64, 1000]), randn([64, 10])];
    const losses = await trainModule({ model: new TwoLayerNet(1000, 100, 10), x, y }, 300);
    expectLosses(losses, { 99: [3.56985, 1e-4], 199: [0.108234, 1e-4], 299: [0.00492968, 1e-4] });
  });

  it("S001-26 the shared layer gets the sum of the gradients of its uses, and none if unused", () => {
    const depths = [0, 2];
    const net = new DynamicNet(1, 1, 1, () => depths.shift()!);
    for (const parameter of net.parameters()) nn.init.constant_(parameter, 2);
    expect(net.parameters()).toHaveLength(6);
    const optimizer = new optim.SGD(net.parameters(), { lr: 1 });
    const { weight } = net.middle_linear;
    net(ones([1, 1])).backward();
    expect(weight.grad).toBe(null);
    optimizer.step();
    expect(list(weight)).toEqual([[2]]);
    for (const parameter of net.parameters()) nn.init.constant_(parameter, 2);
    net(ones([1, 1])).backward(); // h = 4, then 2 h + 2 = 10, then 22: d/dw = 2 (10 + 2 * 4)
    expect(list(weight.grad)).toEqual([[36]]);
  });

  it("S001-27 SGD with momentum trains the dynamic network", async () => {
    manualSeed(0);
    const [x, y] = [randn([64, 1000]), randn([64, 10])];
    const model = new DynamicNet(1000, 100, 10, () => randint(0, 4, [1]).itemSync());
    const losses = await trainDynamic(model, x, y, 400);
    expect(losses[0]).toBeGreaterThan(500);
    expect(Math.min(...losses.slice(-20))).toBeLessThan(5);
  });
});
