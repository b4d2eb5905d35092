import "@sconce/backend-cpu";
import { noGrad } from "@sconce/autograd";
import { memory, randn, scope, type Tensor, tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import { afterEach, describe, expect, it } from "vitest";

/** Holds what it has seen. */
class Probe extends nn.Module {
  seen: Tensor | null = null;
  override forward(x: Tensor): Tensor {
    this.seen = x;
    return x;
  }
}

class Stashing extends nn.Linear {
  seen: Tensor | null = null;
  override forward(x: Tensor): Tensor {
    this.seen = super.forward(x);
    return this.seen.relu();
  }
}

const layers = (): nn.Module[] => [new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 8), new nn.Dropout(), new nn.Linear(8, 2)];

/** Buffers that a call leaves besides its result's. */
function left(net: nn.Sequential, x: Tensor): number {
  const before = memory().buffers;
  const y = noGrad(() => net(x) as Tensor);
  y.dataSync();
  return memory().buffers - before - 1;
}

describe("a forward that the user puts into the prototype of a layer", () => {
  const own = nn.Linear.prototype.forward;
  afterEach(() => {
    nn.Linear.prototype.forward = own;
  });

  it.each([
    [
      "a function",
      (kept: Tensor[]) =>
        function (this: nn.Linear, x: Tensor): Tensor {
          kept.push(own.call(this, x), x);
          return kept[0].mul(2);
        },
    ],
    [
      "a named function",
      (kept: Tensor[]) =>
        function forward(this: nn.Linear, x: Tensor): Tensor {
          kept.push(own.call(this, x), x);
          return kept[0].mul(2);
        },
    ],
    [
      "an arrow",
      (kept: Tensor[]) =>
        (x: Tensor): Tensor => {
          kept.push(x.add(1), x);
          return kept[0].mul(2);
        },
    ],
  ])("may keep what it makes and sees: %s", (_, make) => {
    const kept: Tensor[] = [];
    const net = new nn.Sequential(new nn.Linear(4, 4), new nn.ReLU(), new nn.Linear(4, 4), new nn.ReLU()).eval();
    nn.Linear.prototype.forward = make(kept);
    const y = noGrad(() => net(randn([3, 4])) as Tensor);
    expect(kept.length).toBe(4);
    for (const x of [...kept, y]) expect(x.sum().itemSync()).not.toBeNaN();
  });
});

describe("Sequential for evaluation", () => {
  it("frees at once what its layers hand on to each other, and gives the same results as in training", () => {
    const net = new nn.Sequential(new nn.Flatten(), ...layers());
    net[4].eval();
    const x = randn([3, 2, 2]);
    const expected = noGrad(() => net(x) as Tensor);
    net.eval();
    expect(left(net, x)).toBe(0);
    expect(noGrad(() => net(x) as Tensor).tolistSync()).toEqual(expected.tolistSync());
    expect(noGrad(() => new nn.Sequential(net).eval()(x) as Tensor).tolistSync()).toEqual(expected.tolistSync());
  });

  it("frees what convolution and pooling make", () => {
    const net = new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.BatchNorm2d(2), new nn.ReLU(), new nn.MaxPool2d(2), new nn.AvgPool2d(2));
    net.eval();
    expect(left(net, randn([2, 1, 10, 10]))).toBe(0);
  });

  it("keeps the input, and a result that shares its memory", () => {
    const x = randn([2, 2, 2]);
    const flat = noGrad(() => new nn.Sequential(new nn.Identity(), new nn.Flatten()).eval()(x) as Tensor);
    expect(flat.tolistSync()).toEqual(x.reshape([2, 4]).tolistSync());
    expect(x.isDisposed).toBe(false);
  });

  it("keeps a result that an open scope does not own beyond its end", () => {
    const net = new nn.Sequential(...layers()).eval();
    const y = scope(() => noGrad(() => net(randn([1, 4])) as Tensor));
    expect(y.dataSync()).toHaveLength(2);
  });

  it("keeps what a layer of the user's, a subclass or a hook has seen", () => {
    const [probe, stashing] = [new Probe(), new Stashing(8, 8)];
    noGrad(() => new nn.Sequential(new nn.Linear(4, 8), probe, new nn.ReLU()).eval()(randn([1, 4])));
    noGrad(() => new nn.Sequential(new nn.Linear(4, 8), new nn.Sequential(stashing), new nn.ReLU()).eval()(randn([1, 4])));
    expect(probe.seen?.dataSync()).toHaveLength(8);
    expect(stashing.seen?.dataSync()).toHaveLength(8);
    const hooked = new nn.Sequential(...layers()).eval();
    let seen: Tensor | undefined;
    hooked[0].registerForwardHook((_module, _inputs, output) => {
      seen = output as Tensor;
    });
    noGrad(() => hooked(randn([1, 4])));
    expect(seen?.dataSync()).toHaveLength(8);
    const replaced = new nn.Linear(4, 4);
    let inner: Tensor | undefined;
    replaced.forward = (x: Tensor) => (inner = x.mul(2)).add(1);
    noGrad(() => new nn.Sequential(replaced, new nn.ReLU()).eval()(tensor([[1, 2, 3, 4]])));
    expect(inner?.tolistSync()).toEqual([[2, 4, 6, 8]]);
  });

  it("keeps what gradients need", () => {
    const net = new nn.Sequential(...layers()).eval();
    (net(randn([3, 4])) as Tensor).sum().backward();
    expect(net[0].parameters().every(({ grad }) => grad !== null)).toBe(true);
  });

  it("frees nothing of others when a layer throws", () => {
    const net = new nn.Sequential(new nn.Linear(4, 8), new nn.Linear(4, 8)).eval();
    const x = randn([1, 4]);
    expect(() => noGrad(() => net(x))).toThrow("cannot be multiplied");
    expect(x.isDisposed).toBe(false);
  });
});
