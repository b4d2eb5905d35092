import "@sconce/backend-cpu";
import "@sconce/autograd";
import { grad, vmap } from "@sconce/autograd/func";
import { manualSeed, ones, randn, type Tensor, tensor, zeros } from "@sconce/core";
import * as nn from "@sconce/nn";
import { describe, expect, it } from "vitest";

const F = nn.functional;

function close(actual: Tensor, expected: Tensor): void {
  expect([...actual.shape]).toEqual([...expected.shape]);
  expect(actual.allcloseSync(expected, { rtol: 1e-4, atol: 1e-5 })).toBe(true);
}

class Net extends nn.Module {
  conv = new nn.Conv2d(1, 3, 3);
  norm = new nn.GroupNorm(1, 3);
  fc = new nn.Linear(3 * 4, 5);
  forward(x: Tensor): Tensor {
    const h = F.maxPool2d(F.relu(this.norm(this.conv(x))), 2);
    return this.fc(h.flatten(1));
  }
}

describe("functionalCall", () => {
  it("runs a module with other tensors, and puts the old ones back", () => {
    const net = new nn.Linear(3, 2);
    const { weight, bias } = net;
    const out = nn.functionalCall(net, { weight: zeros([2, 3]), bias: ones([2]) }, ones([4, 3]));
    close(out, ones([4, 2]));
    expect([net.weight === weight, net.bias === bias]).toEqual([true, true]);
    expect(() => nn.functionalCall(net, { weight: zeros([2, 3]) }, zeros([4, 9]))).toThrow();
    expect(net.weight).toBe(weight);
  });

  it("reaches submodules, lists and buffers", () => {
    const net = new nn.Sequential(new nn.Linear(2, 2), new nn.BatchNorm1d(2));
    const mean = zeros([2]);
    nn.functionalCall(net, [{ "0.weight": ones([2, 2]) }, { "1.running_mean": mean }], [ones([3, 2])]);
    expect(mean.abs().sum().itemSync()).toBeGreaterThan(0);
    expect(net.stateDict()["1.running_mean"].abs().sum().itemSync()).toBe(0);
  });

  it("replaces tied tensors together", () => {
    class Tied extends nn.Module {
      a = new nn.Linear(2, 2, { bias: false });
      b = new nn.Linear(2, 2, { bias: false });
      constructor() {
        super();
        this.b.weight = this.a.weight;
      }
      forward(x: Tensor): Tensor {
        return this.b(this.a(x));
      }
    }
    const net = new Tied();
    const double = tensor([
      [2, 0],
      [0, 2],
    ]);
    close(nn.functionalCall(net, { "a.weight": double }, ones([1, 2])), ones([1, 2]).mul(4));
    const apart = nn.functionalCall(net, { "a.weight": double, "b.weight": zeros([2, 2]) }, ones([1, 2]), { tieWeights: false });
    close(apart, zeros([1, 2]));
    expect(() => nn.functionalCall(net, { "a.weight": double, "b.weight": zeros([2, 2]) }, ones([1, 2]))).toThrow("multiple values");
  });

  it("refuses names and shapes that the module does not have", () => {
    const net = new nn.Linear(3, 2);
    expect(() => nn.functionalCall(net, { wait: zeros([2, 3]) }, ones([1, 3]))).toThrow("Unexpected key(s): wait");
    expect(() => nn.functionalCall(net, { weight: zeros([3, 2]) }, ones([1, 3]))).toThrow("expected [2, 3] for weight");
    expect(() => nn.functionalCall(net, { weight: zeros([2, 3]) }, ones([1, 3]), { strict: true })).toThrow("Missing key(s): bias");
  });

  it("gives per-sample gradients of a convolutional network", () => {
    manualSeed(3);
    const net = new Net();
    const params = Object.fromEntries(net.namedParameters());
    const x = randn([4, 1, 6, 6]);
    const y = tensor([0, 4, 2, 2]).long();
    const loss = (p: { readonly [name: string]: Tensor }, input: Tensor, target: Tensor): Tensor =>
      F.crossEntropy(nn.functionalCall(net, p, input.unsqueeze(0)), target.unsqueeze(0));
    const all = vmap(grad(loss), { inDims: [null, 0, 0] })(params, x, y);
    for (let i = 0; i < 4; i++) {
      net.zeroGrad();
      F.crossEntropy(net(x.narrow(0, i, 1)), y.narrow(0, i, 1)).backward();
      for (const [name, parameter] of net.namedParameters()) close(all[name].select(0, i), parameter.grad as Tensor);
    }
  });

  it("runs an ensemble at once", () => {
    const nets = [0, 1, 2].map(() => new Net());
    const [params, buffers] = nn.stackModuleState(nets);
    expect([params["conv.weight"].shape, params["conv.weight"].requiresGrad]).toEqual([[3, 3, 1, 3, 3], true]);
    const x = randn([2, 1, 6, 6]);
    const run = (p: typeof params, b: typeof buffers, input: Tensor): Tensor => nn.functionalCall(nets[0], [p, b], input);
    const out = vmap(run, { inDims: [0, 0, null] })(params, buffers, x);
    nets.forEach((net, i) => void close(out.select(0, i), net(x)));
    out.sum().backward();
    expect(params["fc.bias"].grad?.shape).toEqual([3, 5]);
    expect(() => nn.stackModuleState([nets[0], new nn.Linear(1, 1)])).toThrow("same class");
    expect(() => nn.stackModuleState([])).toThrow("at least one");
    expect(() => nn.stackModuleState([nets[0], new Net().eval()])).toThrow("same training/eval mode");
  });
});
