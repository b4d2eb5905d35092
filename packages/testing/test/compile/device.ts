import { compile } from "@sconce/autograd/compile";
import { type Device, manualSeed, memory, randint, randn, type Tensor } from "@sconce/core";
import * as nn from "@sconce/nn";
import * as optim from "@sconce/optim";
import { expect, it } from "vitest";

const F = nn.functional;

class Net extends nn.Module {
  conv = new nn.Conv2d(1, 4, 3, { padding: 1 });
  norm = new nn.BatchNorm2d(4);
  drop = new nn.Dropout(0.2);
  out = new nn.Linear(4 * 4 * 4, 5);

  forward(x: Tensor): Tensor {
    return this.out(this.drop(F.maxPool2d(this.norm(this.conv(x)).relu(), 2).flatten(1))); // [N, 1, 8, 8] -> [N, 5]
  }
}

type Step = (x: Tensor, y: Tensor) => Tensor;

/** Losses of some steps, and the parameters and statistics after them. */
async function train(device: Device, wrap: (step: Step) => Step): Promise<number[]> {
  manualSeed(3);
  const net = new Net().to(device) as Net;
  const optimizer = new optim.Adam(net.parameters(), { lr: 0.01 });
  const scheduler = new optim.lrScheduler.ExponentialLR(optimizer, 0.8);
  const step = wrap((x, y) => {
    optimizer.zeroGrad();
    const loss = F.crossEntropy(net(x), y);
    loss.backward();
    optim.clipGradNorm_(net.parameters(), 1);
    optimizer.step();
    scheduler.step();
    return loss;
  });
  const found: number[] = [];
  for (let i = 0; i < 6; i++) {
    const x = randn([6, 1, 8, 8]).to(device);
    const y = randint(5, [6]).to(device);
    found.push(await step(x, y).item());
  }
  for (const t of Object.values(net.stateDict())) found.push(...Array.from((await t.float().data()) as Float32Array));
  return found;
}

/** Tests of compiled functions on a device that cannot block. */
export function testDevice(device: Device): void {
  it("trains as eager mode does", async () => {
    const eager = await train(device, (step) => step);
    let compiled = compile((x: Tensor, _y: Tensor) => x);
    const found = await train(device, (step) => {
      compiled = compile(step);
      return compiled;
    });
    expect(compiled.info()).toMatchObject({ traces: 2, replays: 4 });
    expect(found).toHaveLength(eager.length);
    found.forEach((value, i) => {
      expect(Math.abs(value - eager[i])).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(eager[i])));
    });
  });

  it("gives the gradients of a compiled forward pass", async () => {
    manualSeed(2);
    const net = new nn.Sequential(new nn.Linear(4, 5), new nn.Tanh(), new nn.Linear(5, 2)).to(device);
    const f = compile(net);
    for (let i = 0; i < 4; i++) {
      const x = randn([3, 4]).to(device);
      const gradients = async (y: Tensor): Promise<Float32Array[]> => {
        net.zeroGrad();
        y.square().sum().backward();
        return Promise.all(net.parameters().map(async (p) => (await (p.grad as Tensor).data()) as Float32Array));
      };
      const expected = await gradients(net(x));
      const found = await gradients(f(x));
      found.forEach((list, k) => {
        for (const [j, value] of list.entries()) {
          expect(Math.abs(value - expected[k][j])).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(value)));
        }
      });
    }
    expect(f.info().replays).toBe(2);
  });

  it("keeps the buffers flat, gives results that last, and refuses reads", async () => {
    const w = randn([4, 3]).to(device);
    const f = compile((x: Tensor) => x.mm(w).relu().mul(2).sum(1));
    const xs = await Promise.all([0, 1, 2, 3, 4].map(async () => randn([2, 4]).to(device)));
    const results = xs.map((x) => f(x));
    for (const [i, result] of results.entries()) {
      expect(await result.data()).toEqual(await xs[i].mm(w).relu().mul(2).sum(1).data());
    }
    const before = memory().buffers;
    for (let i = 0; i < 20; i++) f(xs[0]).dispose();
    expect(memory().buffers).toBe(before);
    expect(() => compile((x: Tensor) => x.sum().itemSync())(xs[0])).toThrow("data-dependent control flow");
  });
}
