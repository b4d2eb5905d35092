import "@sconce/backend-cpu";
import { detectAnomaly } from "@sconce/autograd";
import { compile } from "@sconce/autograd/compile";
import { ones, quantile, randn, type Tensor, tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import * as optim from "@sconce/optim";
import { describe, expect, it } from "vitest";

const F = nn.functional;
const values = (x: Tensor): number[] => Array.from(x.float().detach().dataSync() as Float32Array);

/** Results of calls with 1 to 4. */
const calls = (fn: (n: number) => Tensor): number[] => [1, 2, 3, 4].map((n) => fn(n).itemSync());

describe("objects among the arguments of a compiled function", () => {
  class Box<T> {
    readonly inside: T;
    constructor(inside: T) {
      this.inside = inside;
    }
  }
  const x = tensor([1]);

  it("tensors in maps, sets and instances are inputs", () => {
    const inMap = compile((a: Tensor, map: Map<string, Tensor>) => a.add(map.get("n") as Tensor));
    const inSet = compile((a: Tensor, set: Set<Tensor>) => a.add([...set][0]));
    const inBox = compile((a: Tensor, box: Box<Box<Tensor>>) => a.add(box.inside.inside));
    expect(calls((n) => inMap(x, new Map([["n", tensor([n])]])))).toEqual([2, 3, 4, 5]);
    expect(calls((n) => inSet(x, new Set([tensor([n])])))).toEqual([2, 3, 4, 5]);
    expect(calls((n) => inBox(x, new Box(new Box(tensor([n])))))).toEqual([2, 3, 4, 5]);
    for (const f of [inMap, inSet, inBox]) expect(f.info()).toMatchObject({ traces: 2, replays: 2 });
  });

  it("numbers in them are part of the form, though the object is the same", () => {
    const box = new Box([0]);
    const map = new Map([["n", 0]]);
    const f = compile((a: Tensor, b: Box<number[]>, m: Map<string, number>) => a.add(b.inside[0]).add(m.get("n") as number));
    const call = (n: number): Tensor => {
      box.inside[0] = n;
      map.set("n", 10 * n);
      return f(x, box, map);
    };
    expect([...calls(call), ...calls(call)]).toEqual([12, 23, 34, 45, 12, 23, 34, 45]);
    expect(f.info()).toMatchObject({ traces: 5, programs: 4 });
    expect(
      calls((n) =>
        f(
          x,
          box,
          new Map([
            [n === 4 ? "n" : `${n}`, n],
            ["n", 1],
          ]),
        ),
      ),
    ).toEqual([6, 6, 6, 5 + 1]);
  });

  it("maps, sets and instances come back from replays", () => {
    const f = compile((a: Tensor) => ({ map: new Map([["y", a.mul(2)]]), set: new Set([a.mul(3)]), box: new Box(a.mul(4)) }));
    for (let n = 1; n < 5; n++) {
      const { map, set, box } = f(tensor([n]));
      expect([values(map.get("y") as Tensor), values([...set][0]), values(box.inside)]).toEqual([[2 * n], [3 * n], [4 * n]]);
      expect(box).toBeInstanceOf(Box);
    }
  });

  it("an optimizer is read as it is then; what shows nothing, and what holds itself, is refused", () => {
    const w = tensor([8], { requiresGrad: true });
    const sgd = new optim.SGD([w], { lr: 1 });
    const step = compile((optimizer: optim.SGD) => {
      optimizer.zeroGrad();
      w.sum().backward();
      optimizer.step();
    });
    for (const lr of [1, 2, 3, 0.5]) {
      sgd.paramGroups[0].lr = lr;
      step(sgd);
    }
    expect(w.itemSync()).toBe(1.5);
    expect(step.info().replays).toBe(2);
    const f = compile((a: Tensor, _: unknown) => a.mul(2));
    expect(() => f(x, new Date())).toThrow("compile: Date among the arguments would be frozen; pass what it holds");
    const loop: unknown[] = [];
    loop.push(loop);
    expect(() => f(x, loop)).toThrow("does one hold itself?");
    const returnsLoop = compile(() => loop);
    expect(() => returnsLoop()).toThrow("does one hold itself?");
  });
});

describe("what a compiled function must not pass over in silence", () => {
  it.each<[string, (x: Tensor, at: Tensor) => Tensor, number[], RegExp]>([
    ["embedding", (x, at) => F.embedding(at, x.view(4, 1)), [0, 7], /index 7 is out of bounds for dimension 0 with size 4/],
    ["indexSelect", (x, at) => x.indexSelect(0, at), [9, 0], /index 9 is out of bounds for dimension 0 with size 4/],
    ["gather", (x, at) => x.gather(0, at), [0, -1], /index -1 is out of bounds for dimension 0 with size 4/],
    ["scatter", (x, at) => x.scatter(0, at, 1), [0, 4], /index 4 is out of bounds for dimension 0 with size 4/],
    ["at", (x, at) => x.at(at), [0, 4], /index 4 is out of bounds for dimension 0 with size 4/],
    ["oneHot", (_, at) => F.oneHot(at, 4), [0, 4], /oneHot: Class values must be smaller than num_classes, got 4 for 4/],
    ["nllLoss", (x, at) => F.nllLoss(x.view(2, 2), at), [0, 2], /Target 2 is out of bounds; expected classes from 0 to 1/],
    ["crossEntropy", (x, at) => F.crossEntropy(x.view(2, 2), at), [-1, 1], /Target -1 is out of bounds; expected classes from 0 to 1/],
    ["binaryCrossEntropy", (_, at) => F.binaryCrossEntropy(at.float(), at.float()), [0, 2], /elements of input should be between 0 and 1/],
    ["gaussianNllLoss", (_, at) => F.gaussianNllLoss(at.float(), at.float(), at.float()), [0, -1], /var has negative entry/],
    ["quantile", (x, at) => quantile(x, at.float()), [0, 2], /q values must be in the range \[0, 1\], got 2/],
  ])("elements out of range in a replay of %s are the error of eager mode, and the next call is right", (_, fn, bad, message) => {
    const x = randn([4]);
    const good = tensor([1, 0], { dtype: "int32" });
    const f = compile(fn);
    for (let i = 0; i < 3; i++) expect(values(f(x, good))).toEqual(values(fn(x, good)));
    expect(f.info().replays).toBe(1);
    const wrong = tensor(bad, { dtype: "int32" });
    expect(() => fn(x, wrong).dataSync()).toThrow(message);
    expect(() => f(x, wrong).dataSync()).toThrow(message);
    expect(values(f(x, good))).toEqual(values(fn(x, good)));
    expect(f.info().traces).toBe(2);
  });

  it("gradients that it returns live on, those of its traces as well", () => {
    const w = tensor([1, 1], { requiresGrad: true });
    const f = compile((x: Tensor) => {
      w.zeroGrad();
      w.mul(x).sum().backward();
      return w.grad as Tensor;
    });
    const grads = [1, 2, 3, 4].map((n) => f(tensor([n, n])));
    expect(grads.map(values)).toEqual([1, 2, 3, 4].map((n) => [n, n]));
    expect(f.info().replays).toBe(2);
  });

  it("hooks of modules and of tensors that come and go", () => {
    const net = new nn.Sequential(new nn.Linear(1, 1, { bias: false }));
    const { weight } = net.at(0) as nn.Linear;
    const f = compile((x: Tensor) => {
      net.zeroGrad();
      const y = net(x) as Tensor;
      y.sum().backward();
      return weight.grad as Tensor;
    });
    const x = tensor([[3]]);
    for (let i = 0; i < 3; i++) expect(f(x).itemSync()).toBe(3);
    const onTensor = weight.registerHook((g) => g.mul(10));
    for (let i = 0; i < 3; i++) expect(f(x).itemSync()).toBe(30);
    const onModule = net.at(0).registerForwardHook((_module, _inputs, output) => (output as Tensor).mul(2));
    for (let i = 0; i < 3; i++) expect(f(x).itemSync()).toBe(60);
    onTensor.remove();
    for (let i = 0; i < 3; i++) expect(f(x).itemSync()).toBe(6);
    onModule.remove();
    expect(f(x).itemSync()).toBe(3);
    expect(f.info().programs).toBeGreaterThan(3);
  });

  it("modules that are exchanged, and values within fields", () => {
    class Scaled extends nn.Module {
      readonly options: { scale: number; more: number[] } = { scale: 2, more: [1] };
      inner: nn.Module = new nn.Identity();
      forward(x: Tensor): Tensor {
        return (this.inner(x) as Tensor).mul(this.options.scale).add(this.options.more[0]);
      }
    }
    const net = new Scaled();
    const f = compile(net);
    const x = tensor([3]);
    for (let i = 0; i < 3; i++) expect(f(x).itemSync()).toBe(7);
    net.options.scale = 5;
    expect(f(x).itemSync()).toBe(16);
    net.options.more[0] = 2;
    expect(f(x).itemSync()).toBe(17);
    net.inner = new nn.ReLU6();
    expect(f(tensor([30])).itemSync()).toBe(32);

    const chain = new nn.Sequential(new nn.Identity(), new nn.Identity());
    const g = compile(chain);
    for (let i = 0; i < 3; i++) expect(g(tensor([-3])).itemSync()).toBe(-3);
    chain.setSubmodule("0", new nn.Softsign());
    expect(g(tensor([-3])).itemSync()).toBe(-0.75);

    class Named extends nn.Module {
      given: { a?: undefined; b?: undefined } = { a: undefined };
      forward(x: Tensor): Tensor {
        return x.add("b" in this.given ? 1 : 0);
      }
    }
    const named = new Named();
    const h = compile(named);
    for (let i = 0; i < 3; i++) expect(h(x).itemSync()).toBe(3);
    delete named.given.a;
    named.given.b = undefined;
    expect(h(x).itemSync()).toBe(4);
  });

  it("arrays with holes among the fields, and what fills them", () => {
    class Holed extends nn.Module {
      readonly weights: Tensor[] = [tensor([1])];
      forward(x: Tensor): Tensor {
        return this.weights.reduce((sum, weight) => sum.add(weight), x);
      }
    }
    const net = new Holed();
    net.weights[2] = tensor([2]);
    const f = compile(net);
    for (let i = 0; i < 4; i++) expect(f(tensor([i])).itemSync()).toBe(i + 3);
    expect(f.info()).toMatchObject({ traces: 2, programs: 1, replays: 2 });
    net.weights[1] = tensor([4]);
    expect(f(tensor([0])).itemSync()).toBe(7);
  });

  it("lists and tables of modules that grow, whoever goes through them", () => {
    const [list, table] = [new nn.ModuleList([new nn.Identity()]), new nn.ModuleDict({ first: new nn.Identity() })];
    const f = compile((x: Tensor) => {
      let y = x;
      for (const layer of list) y = layer(y) as Tensor;
      for (const layer of table.values()) y = layer(y) as Tensor;
      return y.add(list.length);
    });
    const x = tensor([-3]);
    for (let i = 0; i < 3; i++) expect(f(x).itemSync()).toBe(-2);
    list.append(new nn.Softsign());
    expect(f(x).itemSync()).toBe(1.25);
    table.update({ last: new nn.Softsign() });
    expect(f(x).itemSync()).toBeCloseTo(2 - 3 / 7, 6);
    list[0] = new nn.ReLU();
    expect(f(x).itemSync()).toBe(2);
  });

  it("parameter groups that are added", () => {
    const [v, w] = [tensor([1], { requiresGrad: true }), tensor([1], { requiresGrad: true })];
    const sgd = new optim.SGD([v], { lr: 1 });
    const step = compile(() => {
      sgd.zeroGrad();
      v.add(w).sum().backward();
      sgd.step();
    });
    for (let i = 0; i < 3; i++) step();
    w.zeroGrad();
    sgd.addParamGroup({ params: [w], lr: 0.5 });
    step();
    expect([v.itemSync(), w.itemSync()]).toEqual([-3, 0.5]);
  });

  it("gradients with NaN in anomaly mode, which runs the function itself", () => {
    const w = tensor([-1], { requiresGrad: true });
    const f = compile((x: Tensor) => x.mul(w).sqrt().sum());
    for (let i = 0; i < 3; i++) f(ones([1]));
    expect(() => detectAnomaly(() => f(ones([1])).backward())).toThrow("Function 'SqrtBackward0' returned nan values");
    expect(f.info()).toMatchObject({ traces: 2, replays: 1 });
  });
});
