import "@sconce/backend-cpu";
import { checkpoint, grad, noGrad } from "@sconce/autograd";
import { compile } from "@sconce/autograd/compile";
import { vmap } from "@sconce/autograd/func";
import {
  autocast,
  DisposedError,
  eye,
  manualSeed,
  memory,
  NotSupportedError,
  ones,
  rand,
  randint,
  randn,
  randperm,
  scalar,
  scope,
  type Tensor,
  tensor,
  zerosLike,
} from "@sconce/core";
import { cholesky } from "@sconce/core/linalg";
import * as nn from "@sconce/nn";
import * as optim from "@sconce/optim";
import { describe, expect, it } from "vitest";

const F = nn.functional;
const values = (x: Tensor): number[] => Array.from(x.float().detach().dataSync() as Float32Array);

describe("compile", () => {
  it("traces once per shape, dtype and form of the arguments", () => {
    const f = compile(({ a, list }: { a: Tensor; list: Tensor[] }) => list.reduce((sum, x) => sum.add(x), a.mul(2)));
    const call = (n: number, count: number): number[] =>
      values(f({ a: ones([n]), list: Array.from({ length: count }, (_, i) => ones([n]).mul(i + 1)) }));
    for (let i = 0; i < 4; i++) expect(call(3, 2)).toEqual([5, 5, 5]);
    expect(f.info()).toMatchObject({ traces: 2, replays: 2, programs: 1, kernels: 1 });
    expect(call(2, 2)).toEqual([5, 5]);
    expect(call(2, 2)).toEqual([5, 5]);
    expect(call(2, 3)).toEqual([8, 8]);
    expect(call(2, 3)).toEqual([8, 8]);
    expect(call(3, 2)).toEqual([5, 5, 5]);
    expect(f.info()).toMatchObject({ traces: 4, replays: 5, programs: 3 });
    expect(values(f({ a: tensor([1, 2], { dtype: "int32" }), list: [] }))).toEqual([2, 4]);
    expect(f.info().traces).toBe(5);
  });

  it("gives results that later calls leave alone", () => {
    const f = compile((x: Tensor) => ({ y: x.mul(2).add(1), z: x.sum() }));
    const results = [1, 2, 3, 4, 5].map((k) => f(ones([3]).mul(k)));
    expect(results.map(({ y, z }) => [...values(y), ...values(z)])).toEqual(
      [1, 2, 3, 4, 5].map((k) => [2 * k + 1, 2 * k + 1, 2 * k + 1, 3 * k]),
    );
  });

  it("returns arguments, cells and shared memory as they are", () => {
    const w = ones([2]);
    const f = compile((x: Tensor) => {
      const y = x.mul(3);
      return [x, w, y, y.view(2, 1), w.view(2, 1), x.clone(), 7, null] as const;
    });
    for (let i = 0; i < 4; i++) {
      const x = tensor([i, 1]);
      const [sameX, sameW, y, view, viewW, copy, seven, nothing] = f(x);
      expect(sameX).toBe(x);
      expect(sameW).toBe(w);
      expect(view.storage).toBe(y.storage);
      expect(viewW.storage).toBe(w.storage);
      expect([seven, nothing]).toEqual([7, null]);
      x.add_(1);
      expect(values(copy)).toEqual([i, 1]);
      expect(values(view)).toEqual([3 * i, 3]);
    }
    expect(f.info().replays).toBe(2);
  });

  it("takes views of any offset as one form, and refuses to write to them", () => {
    const data = randn([8, 3]);
    const f = compile((x: Tensor) => x.square().sum(1));
    const rows = Array.from({ length: 4 }, (_, i) => data.narrow(0, 2 * i, 2));
    for (const x of rows) expect(values(f(x))).toEqual(values(x.square().sum(1)));
    expect(values(f(data.t().narrow(0, 0, 2)))).toHaveLength(2);
    expect(f.info()).toMatchObject({ programs: 2, replays: 2 });
    const g = compile((x: Tensor) => x.add_(1));
    expect(() => g(rows[0])).toThrow("pass the whole tensor");
  });

  it("writes to arguments and to what it finds outside", () => {
    const count = tensor([0, 0]);
    const f = compile((x: Tensor) => {
      count.add_(x);
      x.mul_(2);
      return count.sum();
    });
    const sums: number[] = [];
    for (let i = 1; i <= 5; i++) {
      const x = tensor([i, 1]);
      sums.push(f(x).itemSync());
      expect(values(x)).toEqual([2 * i, 2]);
    }
    expect(sums).toEqual([2, 5, 9, 14, 20]);
    expect(values(count)).toEqual([15, 5]);
    count.zero_();
    expect(f(tensor([1, 1])).itemSync()).toBe(2);
    expect(f.info().replays).toBe(4);
  });

  it("takes a number among the arguments as part of their form, and a tensor without dimensions as an input", () => {
    const f = compile((x: Tensor, k: number | Tensor) => x.mul(k));
    for (const k of [2, 2, 3, 3, 2]) expect(values(f(ones([1]), k))).toEqual([k]);
    expect(f.info()).toMatchObject({ traces: 3, replays: 2 });
    for (const k of [2, 3, 4, 5]) expect(values(f(ones([1]), scalar(k)))).toEqual([k]);
    expect(f.info()).toMatchObject({ traces: 4, replays: 5 });
  });

  it("tells arguments apart by their places", () => {
    const f = compile((a: Tensor | null, b: Tensor | null) => (a === null ? (b as Tensor).mul(2) : a.mul(3)));
    const x = ones([1]);
    const y = tensor([1], { requiresGrad: true });
    for (let i = 0; i < 3; i++) {
      expect(values(f(x, null))).toEqual([3]);
      expect(values(f(null, x))).toEqual([2]);
      expect(values(noGrad(() => f(null, y)))).toEqual([2]);
    }
    const add = compile((a: Tensor, b: Tensor) => a.add_(1).add(b));
    for (let i = 0; i < 3; i++) {
      expect(values(add(ones([1]), ones([1])))).toEqual([3]);
      const both = ones([1]);
      expect(values(add(both, both))).toEqual([4]);
    }
    expect(add.info()).toMatchObject({ programs: 2, replays: 3 });
  });

  it("keeps the programs that were used last", () => {
    const f = compile((x: Tensor) => x.add(1), { maxPrograms: 2 });
    for (const n of [1, 1, 2, 3, 3, 2]) expect(f(ones([n])).shape).toEqual([n]);
    expect(f.info()).toMatchObject({ traces: 4, replays: 2, programs: 2 });
    f(ones([1]));
    expect(f.info().traces).toBe(5);
  });

  it("runs inside another compiled function as part of it", () => {
    const inner = compile((x: Tensor) => x.mul(2));
    const outer = compile((x: Tensor) => inner(x).add(1));
    for (let i = 0; i < 4; i++) expect(values(outer(tensor([i])))).toEqual([2 * i + 1]);
    expect(inner.info()).toMatchObject({ traces: 0, replays: 0 });
    expect(outer.info().replays).toBe(2);
  });

  it("frees its memory on dispose", () => {
    const before = memory();
    const x = randn([64, 64]);
    const f = compile((a: Tensor) => a.mm(a).relu().mm(a).sum());
    for (let i = 0; i < 3; i++) scope(() => void f(x));
    expect(f.info().bytes).toBeGreaterThan(0);
    expect(memory().buffers).toBe(before.buffers + 2);
    f.dispose();
    expect(memory().buffers).toBe(before.buffers + 1);
    expect(() => f(x)).toThrow(DisposedError);
  });

  it("plans memory so that buffers share a place when their lives do not meet", () => {
    const f = compile((x: Tensor) => {
      let y = x;
      for (let i = 0; i < 10; i++) y = y.mm(x);
      return y.sum();
    });
    const x = randn([32, 32]);
    for (let i = 0; i < 3; i++) f(x);
    expect(f.info().bytes).toBe(2 * 4 * 32 * 32);
  });
});

describe("compile refuses what no replay can repeat", () => {
  const cases: { readonly [name: string]: (x: Tensor) => unknown } = {
    "itemSync()": (x) => (x.sum().itemSync() > 0 ? x : x.neg()),
    "dataSync()": (x) => x.dataSync(),
    "tolistSync()": (x) => x.mul(2).tolistSync(),
    "equal()": (x) => x.equal(x),
    "a mask as an index": (x) => x.at(x.gt(0)),
    "nonzero()": (x) => x.nonzero(),
    "multinomial of computed weights": (x) => x.abs().bernoulli_(x.sigmoid()),
  };
  it.each(Object.keys(cases))("%s", (name) => {
    const f = compile(cases[name]);
    expect(() => f(randn([4]))).toThrow(NotSupportedError);
    expect(() => f(randn([4]))).toThrow("data-dependent control flow cannot be compiled");
  });

  it("await item(), though nobody waits for it", () => {
    const f = compile((x: Tensor) => {
      x.sum()
        .item()
        .catch(() => 0);
      return x.mul(2);
    });
    expect(() => f(ones([2]))).toThrow("data-dependent");
  });

  it("a state that each call replaces, but not one that is an argument or written to", () => {
    const cell = new nn.GRUCell(2, 3);
    const x = ones([1, 2]);
    let state = randn([1, 3]);
    const f = compile(() => {
      state = cell(x, state).detach();
      return state;
    });
    const calls = (): unknown[] => [1, 2, 3, 4].map(() => f());
    expect(calls).toThrow("pass it as an argument and return the new one");
    const g = compile((h: Tensor) => noGrad(() => cell(x, h)));
    const kept = randn([1, 3]);
    const h = compile(() => noGrad(() => kept.copy_(cell(x, kept))));
    let eager = kept.clone();
    let passed = kept.clone();
    for (let i = 0; i < 5; i++) {
      passed = g(passed);
      h();
      eager = noGrad(() => cell(x, eager));
    }
    expect(values(passed)).toEqual(values(eager));
    expect(values(kept)).toEqual(values(eager));
    expect(g.info().replays + h.info().replays).toBe(6);
  });

  it("asynchronous functions", () => {
    expect(() => compile(async (x: Tensor) => x.mul((await x.sum().item()) > 0 ? 2 : 1))(ones([2]))).toThrow("data-dependent");
    expect(() => compile(async (x: Tensor) => x.mul(2))(ones([2]))).toThrow("returned a Promise; compile the part without await");
  });

  it("graphs from before, but not results that backward has walked", () => {
    const w = ones([2], { requiresGrad: true });
    const older = w.mul(randn([2]));
    const f = compile((x: Tensor) => x.mul(older));
    expect(() => [f(ones([2])), f(ones([2]))]).toThrow("recorded before it");
    const g = compile((x: Tensor) => {
      const loss = x.mul(w).sum();
      loss.backward();
      return loss;
    });
    for (let i = 0; i < 4; i++) expect(g(ones([2])).itemSync()).toBe(2);
    expect(values(w.grad as Tensor)).toEqual([4, 4]);
  });

  it("a backward() inside that goes on outside", () => {
    const w = randn([2], { requiresGrad: true });
    const f = compile((x: Tensor) => x.sum().backward());
    expect(() => f(w.mul(2))).toThrow("detach()");
    const loss = w.square().sum();
    const g = compile(() => loss.backward());
    expect(() => g()).toThrow(NotSupportedError);
  });

  it("typed arrays, host memory, seeds and transforms around it", () => {
    expect(() => compile((a: Float32Array) => tensor(a))(new Float32Array(2))).toThrow("typed array");
    const host = ones([2]);
    host.typedArray();
    expect(() => compile(() => host.mul(2))()).toThrow("host memory");
    expect(() => compile((x: Tensor) => (manualSeed(1), x.add(rand(2))))(ones([2]))).toThrow("manualSeed");
    const f = compile((x: Tensor) => x.mul(2));
    expect(() => vmap(f)(ones([2, 2]))).toThrow("compile the transformed function");
  });

  it("writes to arguments that have a graph, or get one", () => {
    const w = tensor([1, 2, 3], { requiresGrad: true });
    const double = compile((x: Tensor) => (x.mul_(2), x.sum()));
    expect(() => double(w.mul(1))).toThrow("argument in place");
    const scale = compile((x: Tensor) => (x.mul_(w), x.mul(1)));
    expect(() => scale(ones([3]))).toThrow("argument in place");
    const plain = compile((x: Tensor) => x.mul_(2).sum());
    for (let i = 0; i < 4; i++) expect(plain(ones([3])).itemSync()).toBe(6);
  });

  it("writes to memory of which an argument is a view", () => {
    const x = randn([4]);
    expect(() => compile((a: Tensor, b: Tensor) => (a.add_(1), b.sum()))(x, x.narrow(0, 1, 2))).toThrow("an argument is a view");
    expect(() => compile((a: Tensor) => a.add_(1))(x.narrow(0, 1, 2))).toThrow("an argument is a view");
  });

  it("and leaves the device as it was", () => {
    const x = randn([3]);
    expect(() => compile((a: Tensor) => a.mul(2).itemSync())(x)).toThrow();
    expect(x.mul(2).dataSync()).toHaveLength(3);
  });
});

describe("views among the arguments of a compiled function", () => {
  it("come back as they are, or as views of them", () => {
    const identity = compile(new nn.Identity());
    const flat = compile(new nn.Flatten());
    const both = compile((x: Tensor) => [x.mul(2), x]);
    for (let i = 0; i < 4; i++) {
      const x = randn([4, 3, 2]).narrow(0, 1, 2);
      expect(identity(x)).toBe(x);
      const flattened = flat(x) as Tensor;
      expect(values(flattened)).toEqual(values(x));
      expect(flattened.storage).toBe(x.storage);
      flattened.mul_(2);
      expect(values(flattened)).toEqual(values(x));
      const [doubled, same] = both(x);
      expect(same).toBe(x);
      expect(values(doubled)).toEqual(values(x.mul(2)));
    }
    expect(both.info()).toMatchObject({ traces: 2, replays: 2 });
    const flip = compile((x: Tensor) => x.t());
    for (let i = 0; i < 4; i++) expect(() => flip(randn([3, 4]).narrow(1, 0, 2))).toThrow("return a clone() of it, or pass contiguous()");
  });

  it("a view of a whole argument writes to it in replays, too", () => {
    const f = compile((x: Tensor) => [x.at("1:"), x.view(3, 1), x] as const);
    for (let i = 0; i < 4; i++) {
      const x = tensor([1, 2, 3]).add(i);
      const [part, column, same] = f(x);
      expect(same).toBe(x);
      part.zero_();
      expect(values(x)).toEqual([1 + i, 0, 0]);
      expect(values(column)).toEqual([1 + i, 0, 0]);
    }
    expect(f.info().replays).toBe(2);
  });
});

describe("what a compiled function finds outside is read at each call", () => {
  const net = (): nn.Sequential => new nn.Sequential(new nn.Linear(4, 6), new nn.Dropout(0.5), new nn.Linear(6, 2));

  it("loaded and replaced parameters, modes and fields of modules", () => {
    const model = net();
    const other = net();
    const f = compile(model);
    const x = randn([3, 4]);
    const check = (): void => {
      manualSeed(3);
      const expected = values(noGrad(() => model(x)));
      manualSeed(3);
      expect(values(noGrad(() => f(x)))).toEqual(expected);
    };
    for (let i = 0; i < 3; i++) check();
    model.loadStateDict(other.stateDict());
    check();
    expect(f.info()).toMatchObject({ traces: 2, replays: 2 });
    model.eval();
    check();
    check();
    model.train();
    check();
    expect(f.info()).toMatchObject({ traces: 3, replays: 4, programs: 2 });
    Object.assign(model.children()[1], { p: 0.1 });
    check();
    (model.children()[0] as nn.Linear).weight = new nn.Parameter(randn([6, 4]));
    check();
    check();
    expect(f.info().traces).toBe(5);
  });

  it("frozen parameters", () => {
    const model = net().eval();
    const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
    const step = compile((x: Tensor) => {
      optimizer.zeroGrad();
      model(x).square().sum().backward();
      optimizer.step();
    });
    const x = randn([3, 4]);
    for (let i = 0; i < 3; i++) step(x);
    const { weight } = model.children()[0] as nn.Linear;
    weight.requiresGrad = false;
    const before = values(weight);
    for (let i = 0; i < 3; i++) step(x);
    expect(values(weight)).toEqual(before);
    weight.requiresGrad = true;
    step(x);
    expect(values(weight)).not.toEqual(before);
  });

  it("gradients that were there, and gradients for an optimizer outside", () => {
    const run = (wrap: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor): number[] => {
      manualSeed(5);
      const model = net().eval();
      const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 });
      const f = wrap((x) => {
        const loss = model(x).square().mean();
        loss.backward();
        return loss;
      });
      const seen: number[] = [];
      for (let i = 0; i < 9; i++) {
        seen.push(f(randn([3, 4])).itemSync());
        if (i % 3 < 2) continue;
        optimizer.step();
        optimizer.zeroGrad();
      }
      return [...seen, ...model.parameters().flatMap(values)];
    };
    expect(run(compile)).toEqual(run((f) => f));
  });

  it("state that a function of its own makes at the first call", () => {
    const run = (wrap: (f: (x: Tensor) => void) => (x: Tensor) => void): number[] => {
      const w = ones([3], { requiresGrad: true });
      let moment: Tensor | undefined;
      const step = wrap((x) => {
        w.zeroGrad();
        w.mul(x).sum().square().backward();
        noGrad(() => {
          const g = w.grad as Tensor;
          moment ??= zerosLike(w);
          moment.mul_(0.9).add_(g);
          w.sub_(moment.mul(0.01));
        });
      });
      for (let i = 0; i < 6; i++) step(tensor([1, 2, i]));
      return values(w);
    };
    expect(run(compile)).toEqual(run((f) => f));
  });

  it("random numbers of the host and of kernels", () => {
    const draw = (x: Tensor): Tensor[] => [
      randn([3]),
      randint(100, [4]),
      randperm(5),
      F.dropout(x, { p: 0.5 }),
      x.clone().normal_(),
      checkpoint((y: Tensor) => F.dropout(y, { p: 0.3 }), [x]),
    ];
    const run = (f: (x: Tensor) => Tensor[]): number[][] => {
      manualSeed(11);
      return Array.from({ length: 5 }, () => f(ones([16])).flatMap(values));
    };
    const f = compile(draw);
    expect(run(f)).toEqual(run(draw));
    expect(f.info().replays).toBe(3);
  });

  it("scales of mixed precision, and autocast regions", () => {
    const run = (wrap: (f: (x: Tensor) => Tensor) => (x: Tensor) => Tensor): number[] => {
      manualSeed(5);
      const model = net().eval();
      const optimizer = new optim.SGD(model.parameters(), { lr: 0.1 });
      const scaler = new optim.GradScaler({ initScale: 16, growthInterval: 2 });
      const step = wrap((x) => {
        optimizer.zeroGrad();
        const loss = autocast("cpu", () => model(x).float().square().mean());
        scaler.scale(loss).backward();
        return loss;
      });
      const losses: number[] = [];
      for (let i = 0; i < 6; i++) {
        losses.push(step(randn([3, 4])).itemSync());
        scaler.stepSync(optimizer);
        scaler.update();
      }
      return [...losses, scaler.getScale(), ...model.parameters().flatMap(values)];
    };
    expect(run(compile)).toEqual(run((f) => f));
    const f = compile((x: Tensor) => x.mm(x));
    const x = ones([2, 2]);
    for (let i = 0; i < 3; i++) f(x);
    expect(autocast("cpu", () => f(x)).dtype).toBe("bfloat16");
    expect(f(x).dtype).toBe("float32");
  });
});

describe("a compiled function", () => {
  it("takes gradients by grad() and by transforms", () => {
    const f = compile((x: Tensor) => {
      const leaf = x.detach().requiresGrad_();
      const [g] = grad(leaf.pow(3).sum(), leaf, { createGraph: true });
      const [h] = grad(g.sum(), leaf);
      const local = x.detach().requiresGrad_();
      local.square().sum().backward();
      return [g.detach(), h, local.grad as Tensor, vmap((row: Tensor) => row.mul(row.sum()))(x.view(1, -1))];
    });
    for (let i = 1; i < 5; i++) {
      const [g, h, local, rows] = f(tensor([i, 1]));
      expect(values(g)).toEqual([3 * i * i, 3]);
      expect(values(h)).toEqual([6 * i, 6]);
      expect(values(local)).toEqual([2 * i, 2]);
      expect(values(rows)).toEqual([i * (i + 1), i + 1]);
    }
    expect(f.info().replays).toBe(2);
  });

  it("computes on the host what eager mode computes there", () => {
    const root = (x: Tensor): Tensor =>
      cholesky(x.mm(x.t()).add(eye(3)))
        .sum(0)
        .mul(2);
    const f = compile(root);
    manualSeed(0);
    for (let i = 0; i < 4; i++) {
      const x = randn([3, 3]);
      expect(values(f(x))).toEqual(values(root(x)));
    }
    expect(f.info().replays).toBe(2);
  });

  it("adds gradients to the arguments of each call", () => {
    const f = compile((x: Tensor) => {
      x.zeroGrad();
      x.pow(2).sum().backward();
      x.pow(3).sum().backward();
      return [x.grad as Tensor, (x.grad as Tensor).sign()] as const;
    });
    for (let i = 1; i < 6; i++) {
      const x = tensor([i, -1], { requiresGrad: true });
      const [g, sign] = f(x);
      const expected = [2 * i + 3 * i * i, 1];
      expect([values(g), values(x.grad as Tensor)]).toEqual([expected, expected]);
      expect(values(sign)).toEqual([1, 1]);
    }
    expect(f.info().replays).toBe(3);
  });

  it("goes on after an error in a kernel", () => {
    const table = randn([5, 2]);
    const f = compile((i: Tensor) => F.embedding(i, table).mul(2).sum());
    const good = tensor([1, 4], { dtype: "int32" });
    const expected = F.embedding(good, table).mul(2).sum().itemSync();
    for (let i = 0; i < 3; i++) expect(f(good).itemSync()).toBe(expected);
    const before = memory().buffers;
    expect(() => f(tensor([1, 9], { dtype: "int32" }).detach())).toThrow("out of");
    expect(memory().buffers).toBeLessThanOrEqual(before + 1);
    expect(f(good).itemSync()).toBe(expected);
  });

  it("is refused as one that calls itself, and as no function", () => {
    const f = compile((x: Tensor): Tensor => x.mul(2));
    const hooked = ones([2], { requiresGrad: true });
    hooked.registerPostAccumulateGradHook(() => void f(ones([2])));
    for (let i = 0; i < 3; i++) hooked.sum().backward();
    expect(f.info().replays).toBe(1);
    expect(() => compile(3 as unknown as () => void)).toThrow("expected a function or a module");
    expect(() => compile((x: Tensor) => x, { maxPrograms: 0 })).toThrow("maxPrograms");
    for (const none of [null, 8]) {
      expect(() => compile((x: Tensor) => x, none as never)).toThrow("compile: expected options such as { maxPrograms: 8 }, got");
    }
    expect(() => compile(null as never)).toThrow("compile: expected a function or a module, got null");
  });
});
