import "@sconce/backend-cpu";
import "@sconce/autograd";
import { DeviceError, ones, type Tensor, zeros } from "@sconce/core";
import * as nn from "@sconce/nn";
import * as optim from "@sconce/optim";
import { describe, expect, it } from "vitest";

describe("toEmpty", () => {
  it("puts zeros in the place of parameters, buffers and gradients, in the same tensors", () => {
    const net = new nn.Sequential(new nn.Linear(3, 2), new nn.BatchNorm1d(2));
    const sgd = new optim.SGD(net.parameters(), { lr: 1 });
    const state = nn.clone(net).stateDict();
    (net(ones([4, 3])) as Tensor).sum().backward();
    const before = net.parameters();
    expect(net.toEmpty({ device: "cpu" })).toBe(net);
    expect(net.parameters()).toEqual(before);
    for (const [name, x] of [...net.namedParameters(), ...net.namedBuffers()]) {
      expect(x.dtype, name).toBe(state[name].dtype);
      expect(x.tolistSync(), name).toEqual(zeros(x.shape).tolistSync());
    }
    for (const p of net.parameters()) expect(p.grad?.tolistSync()).toEqual(zeros(p.shape).tolistSync());
    expect(String(net.loadStateDict(state))).toBe("<All keys matched successfully>");
    sgd.paramGroups[0].params[0].grad = ones([2, 3]);
    sgd.step();
    expect((net.at(0) as nn.Linear).weight.tolistSync()).toEqual(state["0.weight"].sub(1).tolistSync());
  });

  it("changes nothing where the device is not there", () => {
    const layer = new nn.Linear(2, 2);
    const weight = layer.weight.tolistSync();
    expect(() => layer.toEmpty({ device: "nowhere" as never })).toThrow(DeviceError);
    expect(layer.weight.tolistSync()).toEqual(weight);
  });
});
