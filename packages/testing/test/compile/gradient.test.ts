import "@sconce/backend-cpu";
import { checkpoint, grad, noGrad } from "@sconce/autograd";
import { compile } from "@sconce/autograd/compile";
import { manualSeed, memory, ones, randint, randn, scope, type Tensor, tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import * as optim from "@sconce/optim";
import { describe, expect, it } from "vitest";

const F = nn.functional;
const values = (x: Tensor | null): number[] => Array.from((x as Tensor).detach().dataSync() as Float32Array);
const net = (): nn.Sequential =>
  new nn.Sequential(new nn.Linear(6, 8), new nn.BatchNorm1d(8), new nn.ReLU(), new nn.Dropout(0.2), new nn.Linear(8, 3));

type Forward = (x: Tensor) => Tensor;

describe("a compiled forward pass", () => {
  it("trains with the loss, backward and the optimizer outside, as eager mode does", () => {
    const run = (wrap: (model: nn.Sequential) => Forward): number[] => {
      manualSeed(4);
      const model = net();
      const optimizer = new optim.Adam(model.parameters(), { lr: 0.01 });
      const forward = wrap(model);
      const found: number[] = [];
      for (let i = 0; i < 7; i++) {
        optimizer.zeroGrad();
        const loss = F.crossEntropy(forward(randn([5, 6])), randint(3, [5]));
        loss.backward();
        optimizer.step();
        found.push(loss.itemSync());
      }
      return [...found, ...model.parameters().flatMap(values), ...model.buffers().flatMap((b) => values(b.float()))];
    };
    let compiled = compile((x: Tensor) => x);
    const found = run((model) => {
      compiled = compile(model);
      return compiled;
    });
    expect(found).toEqual(run((model) => model));
    expect(compiled.info()).toMatchObject({ traces: 2, replays: 5 });
  });

  it("gives the gradients of arguments: leaves, results of ops and views", () => {
    const w = tensor([1, 2, 3], { requiresGrad: true });
    const f = compile((x: Tensor, y: Tensor) => x.mul(w).add(y.square()));
    for (let i = 0; i < 5; i++) {
      w.zeroGrad();
      const leaf = tensor([i, 1, 2], { requiresGrad: true });
      const base = tensor(
        [
          [1, i],
          [2, i],
          [3, i],
        ],
        { requiresGrad: true },
      );
      f(leaf.mul(2), base.select(1, 0))
        .mul(tensor([1, 2, 3]))
        .sum()
        .backward();
      expect(values(leaf.grad)).toEqual([2, 8, 18]);
      expect(values(base.grad)).toEqual([2, 0, 8, 0, 18, 0]);
      expect(values(w.grad)).toEqual([2 * i, 4, 12]);
      expect(f(leaf, base.select(1, 0)).gradFn?.name).toBe(i < 1 ? "AddBackward0" : "CompiledFunctionBackward");
    }
  });

  it("keeps what each call needs: two calls before one backward, and calls without", () => {
    const w = tensor([1, 2], { requiresGrad: true });
    const f = compile((x: Tensor) => [x.mul(w).exp(), x.add(w), x] as const);
    for (let i = 0; i < 3; i++) f(ones([2]));
    const [a] = f(tensor([1, 0]));
    const [b, c] = f(tensor([0, 1]));
    noGrad(() => w.mul_(2));
    a.add(b).sum().backward();
    expect(values(w.grad)[0]).toBeCloseTo(Math.E, 5);
    expect(values(w.grad)[1]).toBeCloseTo(Math.exp(2), 4);
    expect(() => c.sum().backward()).toThrow("second time");
    const [, d] = f(ones([2]));
    expect(values(grad(d.sum(), [w])[0])).toEqual([1, 1]);
    expect(noGrad(() => f(ones([2])))[0].requiresGrad).toBe(false);
  });

  it("has memory that stays flat, with backward and without", () => {
    const model = net();
    const f = compile(model);
    const x = randn([4, 6]);
    const step = (): void =>
      scope(() => {
        model.zeroGrad();
        const y = f(x);
        f(x);
        y.sum().backward();
      });
    for (let i = 0; i < 5; i++) step();
    const before = memory();
    for (let i = 0; i < 50; i++) step();
    expect(memory().buffers).toBe(before.buffers);
    expect(memory().bytes).toBe(before.bytes);
  });

  it("leaves frozen parameters alone, and says what it cannot do", () => {
    const model = net().eval();
    const f = compile(model);
    const x = randn([4, 6]);
    for (let i = 0; i < 3; i++) f(x).sum().backward();
    const { weight } = model.at(0) as nn.Linear;
    weight.requiresGrad = false;
    model.zeroGrad();
    for (let i = 0; i < 3; i++) f(x).sum().backward();
    expect(weight.grad).toBeNull();
    expect((model.at(4) as nn.Linear).weight.grad).not.toBeNull();
    expect(() => grad(f(x).sum(), [(model.at(4) as nn.Linear).weight], { createGraph: true })).toThrow("cannot be differentiated again");
    const w = ones([3], { requiresGrad: true });
    const view = compile(() => w.view(3, 1));
    expect(() => view()).toThrow("clone()");
    const random = compile((y: Tensor) => checkpoint((z: Tensor) => F.dropout(z.mul(w).exp(), { p: 0.5 }).exp(), [y]));
    expect(() => [random(ones([3])), random(ones([3]))]).toThrow("compile the whole step with its backward()");
  });
});
