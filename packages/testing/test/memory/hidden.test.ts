import "@sconce/backend-cpu";
import { checkpoint, checkpointSequential, grad, graph, noGrad } from "@sconce/autograd";
import * as func from "@sconce/autograd/func";
import { autocast, exposed, hidden, keep, memory, ones, randint, randn, scope, type Tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import { Adam } from "@sconce/optim";
import { describe, expect, it } from "vitest";

const F = nn.functional;

/** Keeps everything that it sees, makes and returns. */
class Keeper extends nn.Module {
  readonly kept: Tensor[] = [];
  override forward(x: Tensor): Tensor {
    const twice = x.mul(2);
    const y = twice.add(1);
    this.kept.push(x, twice, y);
    return y;
  }
}

/** Every tensor can still be read. */
function expectAlive(tensors: readonly (Tensor | null | undefined)[]): void {
  expect(tensors.length).toBeGreaterThan(0);
  for (const x of tensors) {
    expect(x?.isDisposed).toBe(false);
    expect((x as Tensor).dataSync().every((value) => Number.isFinite(Number(value)))).toBe(true);
  }
}

/** Buffers that training steps leave behind, besides what the first two made. */
function leftBy(net: nn.Module & ((x: Tensor) => Tensor), x: Tensor, loss: (y: Tensor) => Tensor, steps = 5): number {
  const optimizer = new Adam(net.parameters(), { lr: 1e-3 });
  const step = (): void => {
    optimizer.zeroGrad();
    const y = net(x);
    const l = loss(y);
    l.backward();
    optimizer.step();
    l.dispose();
    y.dispose();
  };
  step();
  step();
  const before = memory().buffers;
  for (let i = 0; i < steps; i++) step();
  return memory().buffers - before;
}

describe("a training step outside of any scope", () => {
  const classes = randint(0, 10, [8]);
  const entropy = (y: Tensor): Tensor => F.crossEntropy(y, classes);

  it("leaves nothing of a Sequential but its result and the loss", () => {
    const mlp = new nn.Sequential(new nn.Flatten(), new nn.Linear(16, 8), new nn.ReLU(), new nn.Dropout(), new nn.Linear(8, 10));
    expect(leftBy(mlp, randn([8, 4, 4]), entropy)).toBe(0);
    const cnn = new nn.Sequential(
      new nn.Conv2d(1, 4, 3),
      new nn.BatchNorm2d(4, { trackRunningStats: false }),
      new nn.ReLU({ inplace: true }),
      new nn.MaxPool2d(2),
      new nn.Sequential(new nn.Flatten(), new nn.Linear(36, 10)),
    );
    expect(leftBy(cnn, randn([8, 1, 8, 8]), entropy)).toBe(0);
  });

  it("leaves nothing of a transformer, of attention and of recurrent layers", () => {
    const mean = (y: Tensor): Tensor => y.square().mean();
    const options = { dimFeedforward: 16, dropout: 0.1, batchFirst: true };
    const encoder = new nn.TransformerEncoder(new nn.TransformerEncoderLayer(8, 2, options), 2, { norm: new nn.LayerNorm(8) });
    const target = ones([2, 5, 8]);
    const mse = (y: Tensor): Tensor => F.mseLoss(y, target);
    expect(leftBy(encoder, randn([2, 5, 8]), mse)).toBe(0);
    for (const Type of [nn.LSTM, nn.GRU, nn.RNN]) {
      const net = new Type(4, 6, { numLayers: 2, dropout: 0.5 }) as nn.LSTM;
      const before = { buffers: 0 };
      for (let i = 0; i < 4; i++) {
        net.zeroGrad();
        const [y, state] = net(randn([3, 2, 4]));
        const loss = scope(() => mean(y));
        loss.backward();
        for (const t of [y, loss, ...[state].flat()]) t.dispose();
        if (i === 1) before.buffers = memory().buffers;
      }
      // The inputs alone, which the garbage collector finds.
      expect(memory().buffers - before.buffers).toBeLessThanOrEqual(2);
    }
  });

  it("frees the gradients that nobody has looked at, whoever clears them", () => {
    const net = new nn.Linear(4, 4);
    const x = randn([2, 4]);
    const clear = [() => net.zeroGrad(), () => new Adam(net.parameters()).zeroGrad()];
    for (const zero of clear) {
      net(x).sum().backward();
      zero();
      net(x).sum().backward();
      const before = memory().buffers;
      zero();
      expect(memory().buffers - before).toBe(-2);
    }
    net(x).sum().backward();
    const { grad: shown } = net.weight;
    net.zeroGrad();
    expectAlive([shown]);
  });
});

describe("what a user may hold", () => {
  const x = randn([3, 4]);

  it("is all that modules of the user's see and make between layers, in training too", () => {
    const [first, second] = [new Keeper(), new Keeper()];
    const net = new nn.Sequential(new nn.Linear(4, 4), first, new nn.Sequential(new nn.ReLU(), second, new nn.Tanh()), new nn.Linear(4, 1));
    const y = net(x) as Tensor;
    expectAlive([...first.kept, ...second.kept, y]);
    y.sum().backward();
    expectAlive([...first.kept, ...second.kept, y]);
  });

  it("is what a subclass of a layer keeps, and what it gets in a list or an object", () => {
    class Stash extends nn.Linear {
      kept: Tensor[] = [];
      override forward(input: Tensor): Tensor {
        const y = super.forward(input);
        this.kept.push(input, y);
        return y;
      }
    }
    class Pair extends nn.Module {
      override forward(input: Tensor): { both: [Tensor, Tensor] } {
        return { both: [input.mul(1), input.mul(2)] };
      }
    }
    class Join extends nn.Module {
      kept: Tensor[] = [];
      override forward({ both }: { both: [Tensor, Tensor] }): Tensor {
        this.kept.push(...both);
        return both[0].add(both[1]);
      }
    }
    const [stash, join] = [new Stash(4, 4), new Join()];
    const net = new nn.Sequential<nn.Module>(new nn.ReLU(), stash, new Pair(), join, new nn.ReLU());
    const y = net(x) as Tensor;
    expectAlive([...stash.kept, ...join.kept, y]);
  });

  it("is what hooks of layers inside see", () => {
    const seen: Tensor[] = [];
    const layer = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8, dropout: 0 });
    layer.linear1.registerForwardPreHook((_, inputs) => void seen.push(inputs[0] as Tensor));
    layer.linear2.registerForwardHook((_, inputs, output) => void seen.push(inputs[0] as Tensor, output as Tensor));
    const net = new nn.Sequential(layer, new nn.Linear(4, 4));
    net[1].registerFullBackwardHook((_, gradInput, gradOutput) => {
      for (const g of [...gradInput, ...gradOutput]) if (g !== null) seen.push(g);
      return undefined;
    });
    (net(randn([2, 3, 4])) as Tensor).sum().backward();
    expect(seen.length).toBeGreaterThanOrEqual(4);
    expectAlive(seen);
  });

  it("is what an activation of the user's sees and makes", () => {
    const seen: Tensor[] = [];
    const activation = (h: Tensor): Tensor => {
      seen.push(h, h.neg());
      return h.relu();
    };
    for (const layer of [
      new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8, activation }),
      new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8, activation, normFirst: true }),
    ]) {
      const y = layer(randn([2, 3, 4]));
      expectAlive([...seen, y]);
    }
    const decoder = new nn.TransformerDecoderLayer(4, 2, { dimFeedforward: 8, activation });
    expectAlive([decoder(randn([2, 3, 4]), randn([5, 3, 4])), ...seen]);
  });

  it("is what hooks on saved tensors get", () => {
    const packed: Tensor[] = [];
    const net = new nn.Sequential(new nn.Linear(4, 4), new nn.ReLU(), new nn.Linear(4, 1));
    const pack = (t: Tensor): Tensor => {
      packed.push(t);
      return t;
    };
    const y = graph.savedTensorsHooks(
      pack,
      (t: Tensor) => t,
      () => F.mseLoss(net(x) as Tensor, ones([3, 1])),
    );
    expectAlive(packed);
    y.backward();
    expectAlive(packed);
  });

  it("is what hooks on saved tensors make in backward", () => {
    const unpacked: Tensor[] = [];
    const unpack = (t: Tensor): Tensor => {
      unpacked.push(t.mul(2).div(2));
      return unpacked[unpacked.length - 1];
    };
    const y = graph.savedTensorsHooks(
      (t) => t,
      unpack,
      () => x.clone().requiresGrad_().sin().exp().sum(),
    );
    y.backward();
    expect(unpacked.length).toBe(2);
    expectAlive(unpacked);
  });

  it("is the input, and a result that is the input or a view of something between", () => {
    const same = new nn.Sequential(new nn.Identity(), new nn.Dropout().eval() as nn.Module)(x) as Tensor;
    expectAlive([x, same]);
    const flat = new nn.Sequential(new nn.ReLU(), new nn.Flatten())(randn([2, 2, 2])) as Tensor;
    expectAlive([flat]);
    const inplace = randn([3, 4]);
    const y = new nn.Sequential(new nn.ReLU({ inplace: true }), new nn.Linear(4, 2))(inplace) as Tensor;
    y.sum().backward();
    expectAlive([inplace, y]);
    expect(inplace.min().itemSync()).toBeGreaterThanOrEqual(0);
  });

  it("is what a layer returns besides its output", () => {
    const attention = new nn.MultiheadAttention(4, 2, { batchFirst: true });
    const q = randn([2, 3, 4]);
    const [output, weights] = attention(q, q, q);
    expectAlive([output, weights]);
    const lstm = new nn.LSTM(4, 5, { bidirectional: true });
    const sequence = nn.utils.rnn.packSequence([randn([3, 4]), randn([2, 4])]);
    const [packed, [h, c]] = lstm(sequence);
    expectAlive([packed.data, h, c]);
    class Last extends nn.Module {
      kept: Tensor | undefined;
      override forward([all]: [nn.utils.rnn.PackedSequence, unknown]): Tensor {
        this.kept = all.data;
        return all.data.sum();
      }
    }
    const last = new Last();
    const sum = (new nn.Sequential<nn.Module>(lstm, last) as unknown as (s: unknown) => Tensor)(sequence);
    expectAlive([sum, last.kept]);
  });

  it("is a promise of an asynchronous layer, and what it makes later", async () => {
    class Later extends nn.Module {
      kept: Tensor[] = [];
      override async forward(input: Tensor): Promise<Tensor> {
        const before = input.add(1);
        await Promise.resolve();
        this.kept.push(input, before);
        return input.add(before);
      }
    }
    const later = new Later();
    const y = await (new nn.Sequential<nn.Module>(new nn.Linear(4, 4), later)(x) as unknown as Promise<Tensor>);
    expectAlive([...later.kept, y]);
  });
});

describe("scopes of the user's in layers of a Sequential", () => {
  it("may span awaits of an asynchronous layer", async () => {
    let made: Tensor | undefined;
    class Later extends nn.Module {
      override async forward(input: Tensor): Promise<Tensor> {
        using _ = scope();
        made = input.add(1);
        await Promise.resolve();
        return keep(made.mul(2));
      }
    }
    const layers = new nn.Sequential<nn.Module>(new nn.ReLU(), new nn.Sequential<nn.Module>(new Later()));
    const y = await (layers(ones([2])) as unknown as Promise<Tensor>);
    expect([...y.dataSync()]).toEqual([4, 4]);
    expect(made?.isDisposed).toBe(true);
    expect(ones([2]).add(1).isDisposed).toBe(false);
  });

  it("may begin in one layer and end in another", () => {
    let open: Disposable | undefined;
    const seen: Tensor[] = [];
    class Begin extends nn.Module {
      override forward(input: Tensor): Tensor {
        open = scope() as Disposable;
        return input.add(1);
      }
    }
    class End extends nn.Module {
      override forward(input: Tensor): Tensor {
        const y = keep(input.mul(2));
        seen.push(input, y);
        open?.[Symbol.dispose]();
        return y;
      }
    }
    const y = new nn.Sequential<nn.Module>(new Begin(), new nn.ReLU(), new End(), new nn.ReLU())(ones([2])) as Tensor;
    expect([...y.dataSync()]).toEqual([4, 4]);
    expect(seen.map((x) => x.isDisposed)).toEqual([true, false]);
    expect(ones([2]).add(1).isDisposed).toBe(false);
  });
});

describe("what a scope of the user's returns, or keep marks", () => {
  it("may be what ops and layers return together", () => {
    const x = randn([4, 5]);
    const sequence = nn.utils.rnn.packSequence([randn([3, 4]), randn([2, 4])]);
    const lstm = new nn.LSTM(4, 5);
    const [{ values, indices }, [packed, [h]]] = scope(() => [x.max(1), lstm(sequence)] as const);
    let kept: readonly Tensor[] = [];
    scope(() => {
      const top = keep(x.topk(2));
      kept = [top.values, top.indices];
      return new Float32Array(3);
    });
    expectAlive([values, indices, packed.data, h, ...kept]);
  });
});

describe("gradients through what was freed", () => {
  const net = (): nn.Sequential => new nn.Sequential(new nn.Linear(4, 8), new nn.Tanh(), new nn.LayerNorm(8), new nn.Linear(8, 3));
  const x = randn([5, 4]);
  const classes = randint(0, 3, [5]);
  const gradients = (module: nn.Module): number[][] => module.parameters().map((p) => [...((p.grad as Tensor).dataSync() as Float32Array)]);

  it("are those of a scope of the user's, and of a graph that is walked twice", () => {
    const a = net();
    scope(() => F.crossEntropy(a(x) as Tensor, classes).backward());
    const expected = gradients(a);
    a.zeroGrad();
    const loss = F.crossEntropy(a(x) as Tensor, classes);
    loss.backward({ retainGraph: true });
    expect(gradients(a)).toEqual(expected);
    a.zeroGrad();
    loss.backward();
    expect(gradients(a)).toEqual(expected);
    expect(() => loss.backward()).toThrow("second time");
  });

  it("outlive the scope that a loss was returned from", () => {
    const a = net();
    const loss = scope(() => F.crossEntropy(a(x) as Tensor, classes));
    loss.backward();
    expectAlive(a.parameters().map((p) => p.grad));
  });

  it("have gradients themselves", () => {
    const a = net();
    const input = randn([5, 4]).requiresGrad_();
    const [first] = grad(F.crossEntropy(a(input) as Tensor, classes), input, { createGraph: true });
    first.square().sum().backward();
    expectAlive([
      first,
      input.grad,
      ...a
        .parameters()
        .slice(0, 4)
        .map((p) => p.grad),
    ]);
    const encoder = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8, dropout: 0, batchFirst: true });
    const sequence = randn([2, 3, 4]).requiresGrad_();
    const [g] = grad(encoder(sequence).square().mean(), sequence, { createGraph: true });
    g.square().sum().backward();
    expectAlive([g, sequence.grad]);
  });

  it("come from checkpoints, transforms and autocast regions", () => {
    const a = net();
    const input = randn([5, 4]).requiresGrad_();
    F.crossEntropy(a(input) as Tensor, classes).backward();
    const expected = gradients(a);
    for (const run of [
      () => checkpoint((t: Tensor) => a(t) as Tensor, [input]),
      () => checkpointSequential([...a] as ((t: Tensor) => Tensor)[], 2, input),
      () => new nn.Sequential(a)(input) as Tensor,
    ]) {
      a.zeroGrad();
      F.crossEntropy(run(), classes).backward();
      expect(gradients(a)).toEqual(expected);
    }
    const perExample = func.vmap((row: Tensor) => a(row) as Tensor)(x);
    expect(
      perExample
        .sub(a(x) as Tensor)
        .abs()
        .max()
        .itemSync(),
    ).toBeLessThan(1e-5);
    const jacobian = func.jacrev((row: Tensor) => a(row) as Tensor)(x.at(0)) as Tensor;
    expectAlive([jacobian, perExample]);
    const encoder = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8, dropout: 0, batchFirst: true });
    using _ = autocast("cpu");
    const y = encoder(encoder(randn([2, 3, 4])));
    y.float().sum().backward();
    expectAlive([y, ...encoder.parameters().map((p) => p.grad)]);
  });
});

describe("hidden and exposed", () => {
  it("free what is made, but neither results nor what the user's code sees or makes", () => {
    const seen: Tensor[] = [];
    let own: Tensor | undefined;
    const result = hidden(() => {
      own = ones([2]).mul(2);
      const shown = own.add(1);
      exposed([shown], () => seen.push(shown, shown.add(1)));
      return { list: [shown.mul(3)] };
    });
    expectAlive([...seen, ...result.list]);
    expect(own?.isDisposed).toBe(true);
  });

  it("leave to the user's scope what goes out of them", () => {
    let seen: Tensor | undefined;
    let result: Tensor | undefined;
    scope(() => {
      result = hidden(() =>
        hidden(() => {
          const x = ones([2]).mul(2);
          exposed(x, () => (seen = x.add(1)));
          return x;
        }),
      );
      expectAlive([seen, result]);
    });
    expect([seen?.isDisposed, result?.isDisposed]).toEqual([true, true]);
  });

  it("free what was made before an error", () => {
    let made: Tensor | undefined;
    expect(() =>
      hidden(() => {
        made = ones([2]).mul(2);
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(made?.isDisposed).toBe(true);
    expect(noGrad(() => ones([2]).add(1)).isDisposed).toBe(false);
  });
});
