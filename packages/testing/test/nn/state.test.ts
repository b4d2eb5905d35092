import "@sconce/autograd";
import "@sconce/backend-cpu";
import { inspect } from "node:util";
import { arange, full, ones, type Tensor, zeros } from "@sconce/core";
import * as nn from "@sconce/nn";
import { describe, expect, it } from "vitest";

class Net extends nn.Module {
  hidden = new nn.Linear(3, 2);
  norm = new nn.BatchNorm1d(2);
  output = new nn.Linear(2, 1);
  forward(x: Tensor): Tensor {
    return this.output(this.norm(this.hidden(x)).relu());
  }
}

describe("stateDict and loadStateDict", () => {
  it("have PyTorch's keys and share the memory of the module", () => {
    const net = new Net();
    const state = net.stateDict({ prefix: "net." });
    expect(Object.keys(state)).toEqual(
      [
        "hidden.weight",
        "hidden.bias",
        "norm.weight",
        "norm.bias",
        "norm.running_mean",
        "norm.running_var",
        "norm.num_batches_tracked",
        "output.weight",
        "output.bias",
      ].map((key) => `net.${key}`),
    );
    const weight = state["net.hidden.weight"];
    expect([weight.requiresGrad, weight.isLeaf, weight.storage === net.hidden.weight.storage]).toEqual([false, true, true]);
    nn.init.ones_(net.hidden.weight);
    expect(weight.tolistSync()).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
  });

  it("copy values, so that later changes of the source do not matter", () => {
    const [a, b] = [new Net(), new Net()];
    const result = b.loadStateDict(a.stateDict());
    expect(inspect(result)).toBe("<All keys matched successfully>");
    const before = b.hidden.weight.tolistSync();
    nn.init.zeros_(a.hidden.weight);
    expect(b.hidden.weight.tolistSync()).toEqual(before);
    expect([b.hidden.weight.isLeaf, b.hidden.weight.requiresGrad]).toEqual([true, true]);
  });

  it("convert dtypes, also of counters saved as int64", () => {
    const net = new Net();
    const state = { ...net.stateDict() };
    state["norm.num_batches_tracked"] = full([], 5, { dtype: "int64" });
    state["hidden.bias"] = full([2], 0.5, { dtype: "float64" });
    net.loadStateDict(state);
    expect([net.norm.numBatchesTracked!.dtype, net.norm.numBatchesTracked!.itemSync()]).toEqual(["int32", 5]);
    expect([net.hidden.bias!.dtype, net.hidden.bias!.tolistSync()]).toEqual(["float32", [0.5, 0.5]]);
  });

  it("name everything that does not fit, and then change nothing", () => {
    const net = new Net();
    const before = net.hidden.weight.tolistSync();
    const { "output.bias": _, ...state } = net.stateDict();
    const broken = { ...state, "hidden.weight": zeros([2, 3]), "hidden.bias": zeros([3]), zz: ones([1]) };
    expect(() => net.loadStateDict(broken)).toThrow(
      "Error(s) in loading state_dict for Net:\n" +
        '\tMissing key(s) in state_dict: "output.bias". \n' +
        '\tUnexpected key(s) in state_dict: "zz". \n' +
        "\tsize mismatch for hidden.bias: copying a param with shape torch.Size([3]) from checkpoint, " +
        "the shape in current model is torch.Size([2]).",
    );
    expect(net.hidden.weight.tolistSync()).toEqual(before);
  });

  it.each([null, undefined, 3, "state", [ones([2])], new Map([["hidden.bias", ones([2])]])])("refuse %s", (state) => {
    expect(() => new Net().loadStateDict(state as never)).toThrow(
      /^Error\(s\) in loading state_dict for Net: expected an object of tensors by key, got /,
    );
  });

  it("name a state within a state, and values that are no tensors", () => {
    const net = new Net();
    expect(() => net.loadStateDict({ model: net.stateDict() } as never)).toThrow(/Unexpected key\(s\) in state_dict: "model"/);
    expect(() => net.loadStateDict({ ...net.stateDict(), "hidden.bias": null } as never)).toThrow(
      /parameter named "hidden\.bias", expected torch\.Tensor or Tensor-like object from checkpoint but received null/,
    );
  });

  it("report keys without strictness, but never take another shape", () => {
    const net = new Net();
    const result = net.loadStateDict({ "hidden.bias": ones([2]), zz: ones([1]) }, { strict: false });
    expect(result.unexpectedKeys).toEqual(["zz"]);
    expect(result.missingKeys).toHaveLength(7);
    expect(String(result)).toContain("unexpected_keys=['zz']");
    expect(net.hidden.bias!.tolistSync()).toEqual([1, 1]);
    expect(() => net.loadStateDict({ "hidden.bias": ones([3]) }, { strict: false })).toThrow(/size mismatch for hidden\.bias/);
  });

  it("take checkpoints from before batches were counted", () => {
    const { "norm.num_batches_tracked": _, ...state } = new Net().stateDict();
    expect(String(new Net().loadStateDict(state))).toBe("<All keys matched successfully>");
  });

  it("list a shared layer under both names, and parameters once", () => {
    const layer = new nn.Linear(1, 1, { bias: false });
    const net = new nn.Sequential(layer, layer);
    expect(Object.keys(net.stateDict())).toEqual(["0.weight", "1.weight"]);
    expect(net.namedParameters().map(([name]) => name)).toEqual(["0.weight"]);
  });
});

describe("parametersToVector and vectorToParameters", () => {
  it("are each other's inverse", () => {
    const net = new nn.Linear(3, 2);
    const vector = nn.utils.parametersToVector(net.parameters());
    expect(vector.shape).toEqual([8]);
    nn.utils.vectorToParameters(arange(8).float(), net.parameters());
    expect(net.weight.tolistSync()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
    expect(net.bias!.tolistSync()).toEqual([6, 7]);
    nn.utils.vectorToParameters(vector, net.parameters());
    expect(nn.utils.parametersToVector(net.parameters()).tolistSync()).toEqual(vector.tolistSync());
    expect(() => nn.utils.vectorToParameters(ones([7]), net.parameters())).toThrow("expected a vector of 8 elements, got [7]");
  });
});
