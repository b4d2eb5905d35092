import { data, empty, manualSeed, nn, noGrad, optim, rand, randint, randn, type Tensor, tensor } from "sconce";
import { functional as F } from "sconce/nn";
import { describe, expect, it } from "vitest";
import { MyNet } from "../../../../docs/tutorials/10-first-net.js";
import { expectClose, list, otherDevice } from "./helpers.js";

const x = (): Tensor => tensor([1, 2, 3, 4]);

describe("tutorial 000: layers, modules, backward, devices", () => {
  it("S000-01 a linear layer has a weight [out, in] and a bias, uniform within 1 / sqrt(in)", () => {
    for (const [inputs, outputs] of [
      [4, 5],
      [5, 3],
      [3, 1],
    ]) {
      const layer = new nn.Linear(inputs, outputs);
      expect(layer.weight.shape).toEqual([outputs, inputs]);
      expect(layer.bias!.shape).toEqual([outputs]);
    }
    manualSeed(0);
    const wide = new nn.Linear(16, 4000);
    for (const values of [wide.weight.abs(), wide.bias!.abs()]) {
      const most = values.max().itemSync();
      expect(most).toBeLessThanOrEqual(0.25);
      expect(most).toBeGreaterThan(0.249);
      expect(values.mean().itemSync()).toBeCloseTo(0.125, 2);
    }
    expect(new nn.Linear(2, 3, { bias: false }).parameters()).toHaveLength(1);
  });

  it("S000-02 activations are function values; gelu is the exact form", () => {
    const [f1, f2, f3] = [F.relu, F.gelu, F.sigmoid];
    expectClose(f1(tensor([-1, 0, 1])), [0, 0, 1]);
    expectClose(f2(tensor([-1, 0, 1])), [-0.15865525, 0, 0.84134475], 6);
    expectClose(f3(tensor([0, 100])), [0.5, 1], 6);
  });

  it("S000-03 a tensor of whole numbers is float32; sizes alone make an uninitialised one", () => {
    expect(String(x())).toBe("tensor([1., 2., 3., 4.])");
    expect(x().dtype).toBe("float32");
    expect(empty(2, 3).shape).toEqual([2, 3]);
    expect(tensor([]).shape).toEqual([0]);
  });

  it("S000-04 a linear layer takes an input without a batch dimension", () => {
    expect(new nn.Linear(4, 5)(x()).shape).toEqual([5]);
  });

  it("S000-05 parameters() of a layer lists weight and bias, which print as parameters", () => {
    manualSeed(0);
    const layer = new nn.Linear(4, 5);
    const [weight, bias, ...rest] = layer.parameters();
    expect(weight).toBe(layer.weight);
    expect(bias).toBe(layer.bias);
    expect(rest).toEqual([]);
    expect(String(weight)).toBe(`Parameter containing:
tensor([[-0.0037,  0.2682, -0.4115, -0.3680],
        [-0.1926,  0.1341, -0.0099,  0.3964],
        [-0.0444,  0.1323, -0.1511, -0.0983],
        [-0.4777, -0.3311, -0.2061,  0.0185],
        [ 0.1977,  0.3000, -0.3390, -0.2177]], requiresGrad=true)`);
  });

  it("S000-06 a module finds the parameters of its fields in the order of assignment", () => {
    const names = new MyNet().namedParameters().map(([name, parameter]) => `${name} ${parameter.shape}`);
    expect(names).toEqual([
      "hidden_layer_1.weight 5,4",
      "hidden_layer_1.bias 5",
      "hidden_layer_2.weight 3,5",
      "hidden_layer_2.bias 3",
      "output_layer.weight 1,3",
      "output_layer.bias 1",
    ]);
    class Early extends nn.Module {
      layer: nn.Linear;
      // biome-ignore lint/correctness/noUnreachableSuper: this is what fails
      constructor() {
        // @ts-expect-error: the compiler refuses it too
        this.layer = new nn.Linear(1, 1);
        super();
      }
      override forward(): void {}
    }
    expect(() => new Early()).toThrow(ReferenceError);
  });

  it("S000-07 modules in a plain array or object are not found", () => {
    class Hidden extends nn.Module {
      readonly list = [new nn.Linear(1, 1)];
      readonly dict = { a: new nn.Linear(1, 1) };
      override forward(input: Tensor): Tensor {
        return this.dict.a(this.list[0](input));
      }
    }
    expect(new Hidden().parameters()).toHaveLength(0);
  });

  it("S000-08 calling a module is calling its forward; without one it throws", () => {
    const net = new MyNet();
    expect(net(x()).equalSync(net.forward(x()))).toBe(true);
    class Empty extends nn.Module {
      declare forward: () => Tensor;
    }
    expect(() => new Empty()()).toThrow('Module [Empty] is missing the required "forward" function');
  });

  it("S000-09 products and sums have the derivatives of the book", () => {
    const [a, b, c] = [3, 5, 7].map((value) => tensor(value, { requiresGrad: true }));
    a.mul(2).backward();
    expect(a.grad!.itemSync()).toBe(2);
    a.grad = null;
    a.mul(b).add(c).backward();
    expect([a, b, c].map((t) => t.grad!.itemSync())).toEqual([5, 3, 1]);
  });

  it("S000-10 backward needs no argument for one element, whatever its shape", () => {
    const net = new MyNet();
    const y = net(x());
    expect(y.shape).toEqual([1]);
    y.backward();
    const grad = net.output_layer.weight.grad!;
    expect(grad.shape).toEqual([1, 3]);
    expect(String(grad)).not.toMatch(/gradFn|requiresGrad/);
  });

  it("S000-11 a result prints the name of its function, a leaf that it wants gradients", () => {
    const layer = new nn.Linear(1, 1);
    nn.init.constant_(layer.weight, 0);
    nn.init.constant_(layer.bias!, 0);
    expect(String(F.sigmoid(layer(tensor([1]))))).toBe("tensor([0.5000], gradFn=<SigmoidBackward0>)");
    expect(String(tensor([1], { requiresGrad: true }))).toBe("tensor([1.], requiresGrad=true)");
  });

  it("S000-12 grad is null until backward, and then has the tensor's shape", () => {
    const net = new MyNet();
    const y = net(x());
    expect(net.parameters().every((p) => p.grad === null)).toBe(true);
    y.backward();
    for (const p of net.parameters()) expect(p.grad!.shape).toEqual(p.shape);
  });

  it("S000-13 losses make one number of many", () => {
    const output = randn([3, 4]);
    expect(new nn.MSELoss()(output, randn([3, 4])).shape).toEqual([]);
    expect(new nn.CrossEntropyLoss()(output, randint(0, 4, [3])).shape).toEqual([]);
  });

  it("S000-14 descent goes against the gradient; momentum keeps going", () => {
    const moves = (momentum: number): number[] => {
      const w = tensor([1], { requiresGrad: true });
      const optimizer = new optim.SGD([w], { lr: 0.1, momentum });
      return [0, 1].map(() => {
        optimizer.zeroGrad();
        w.mul(2).sum().backward();
        optimizer.step();
        return w.itemSync();
      });
    };
    expect(moves(0)[1]).toBeCloseTo(0.6, 6);
    expect(moves(0.9)[1]).toBeCloseTo(0.42, 6); // 0.8 - 0.1 (2 + 0.9 * 2)
  });

  it("S000-15 a module moves its parameters and stays the same object; a missing device throws", () => {
    const device = otherDevice();
    const net = new MyNet();
    const [weight] = net.parameters();
    expect(net.to(device)).toBe(net);
    expect(net.parameters()[0]).toBe(weight);
    expect(weight.device).toBe(device);
    expect(() => net.to("nowhere" as Tensor["device"])).toThrow(/nowhere/);
  });

  it("S000-16 to() converts dtype and device; with nothing to do it returns the tensor itself", () => {
    const t = tensor([1.5]);
    expect(t.to("float64").dtype).toBe("float64");
    expect(t.to("cpu", "int32").dtype).toBe("int32");
    expect(t.to("cpu")).toBe(t);
    expect(t.to("cpu", "float32")).toBe(t);
    const copy = t.to({ dtype: "float32", copy: true });
    expect(copy).not.toBe(t);
    expect(list(copy)).toEqual([1.5]);
  });

  it("S000-17 a loop trains a classifier of images and measures it", async () => {
    manualSeed(0);
    const labels = randint(0, 2, [64]);
    const images = rand([64, 1, 8, 8])
      .mul(0.5)
      .add(labels.view(64, 1, 1, 1).mul(0.5));
    const net = new nn.Sequential(new nn.Conv2d(1, 4, 3), new nn.ReLU(), new nn.MaxPool2d(2), new nn.Flatten(), new nn.Linear(36, 2));
    const loader = new data.DataLoader(new data.TensorDataset(images, labels), { batchSize: 16, shuffle: true });
    const optimizer = new optim.Adam(net.parameters(), { lr: 0.01 });
    net.train();
    for (let epoch = 0; epoch < 10; epoch++) {
      for await (const [input, target] of loader) {
        optimizer.zeroGrad();
        F.crossEntropy(net(input), target).backward();
        optimizer.step();
      }
    }
    net.eval();
    const correct = noGrad(() => net(images).argmax(1).eq(labels).sum());
    expect(await correct.item()).toBe(64);
  });
});
