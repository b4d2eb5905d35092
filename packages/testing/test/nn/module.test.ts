import "@sconce/autograd";
import "@sconce/backend-cpu";
import { inspect } from "node:util";
import { ones, randn, scope, type Tensor, tensor, zeros } from "@sconce/core";
import * as nn from "@sconce/nn";
import { describe, expect, it } from "vitest";

class Inner extends nn.Module {
  lin = new nn.Linear(2, 3);
  scale = new nn.Parameter(ones([3]));
  forward(x: Tensor): Tensor {
    return this.lin(x).mul(this.scale);
  }
}

class Net extends nn.Module {
  static override readonly stateKeys = { hiddenLayer: "hidden_layer" };
  w1 = new nn.Parameter(ones([2]));
  hiddenLayer = new Inner();
  constant = ones([2]);
  override name = "a field of its own";
  override length = 7;
  activation = nn.functional.relu;
  unregistered = [new nn.Linear(1, 1)];

  constructor() {
    super();
    this.registerBuffer("mask", tensor([1, 0, 1]));
    this.registerBuffer("cache", zeros([1]), { persistent: false });
    this.registerBuffer("nothing", null);
  }

  declare mask: Tensor;
  declare cache: Tensor;

  forward(x: Tensor, flag = false): Tensor {
    const y = this.hiddenLayer(x.mul(this.w1)).mul(this.mask);
    return flag ? y : this.activation(y);
  }
}

const names = (entries: readonly (readonly [string, unknown])[]): string[] => entries.map(([name]) => name);

describe("a module", () => {
  it("is called as a function, is an instance of its class, and has name and length to itself", () => {
    const net = new Net();
    expect(net(ones([4, 2])).shape).toEqual([4, 3]);
    expect(net(ones([2]), true).shape).toEqual([3]);
    expect(net instanceof Net && net instanceof nn.Module).toBe(true);
    expect([net.name, net.length]).toEqual(["a field of its own", 7]);
    expect(net(ones([2])).equalSync(net.forward(ones([2])))).toBe(true);
  });

  it("finds parameters, buffers and modules in the order of their assignment", () => {
    const net = new Net();
    expect(names(net.namedParameters())).toEqual(["w1", "hidden_layer.scale", "hidden_layer.lin.weight", "hidden_layer.lin.bias"]);
    expect(net.parameters(false)).toEqual([net.w1]);
    expect(names(net.namedParameters({ prefix: "net", recurse: false }))).toEqual(["net.w1"]);
    expect(names(net.namedBuffers())).toEqual(["mask", "cache"]);
    expect(names(net.namedChildren())).toEqual(["hidden_layer"]);
    expect(names(net.namedModules())).toEqual(["", "hidden_layer", "hidden_layer.lin"]);
    expect(Object.keys(net.stateDict())).toEqual(["w1", "mask", "hidden_layer.scale", "hidden_layer.lin.weight", "hidden_layer.lin.bias"]);
  });

  it("looks members up by dotted paths", () => {
    const net = new Net();
    expect(net.getSubmodule("")).toBe(net);
    expect(net.getSubmodule("hidden_layer.lin")).toBe(net.hiddenLayer.lin);
    expect(net.getParameter("hidden_layer.lin.bias")).toBe(net.hiddenLayer.lin.bias);
    expect(net.getBuffer("mask")).toBe(net.mask);
    expect(() => net.getSubmodule("hidden_layer.nope")).toThrow("Inner has no attribute `nope`");
    expect(() => net.getParameter("mask")).toThrow("Net has no attribute `mask`");
  });

  it("puts a module at a path", () => {
    const net = new nn.Sequential(new nn.Linear(2, 3), new nn.Sequential({ inner: new nn.ReLU() }));
    const layer = new nn.Linear(3, 3);
    net.setSubmodule("1.inner", layer);
    expect(net.getSubmodule("1.inner")).toBe(layer);
    const attention = new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8 });
    const other = new nn.MultiheadAttention(4, 1);
    attention.setSubmodule("self_attn", other);
    expect(attention.selfAttn).toBe(other);
    expect(() => net.setSubmodule("", layer)).toThrow(/without a target name/);
    expect(() => net.setSubmodule("2.inner", layer)).toThrow(/has no attribute `2`/);
  });

  it("without forward says so", () => {
    // @ts-expect-error: the compiler says it too.
    class X extends nn.Module {}
    const broken = new (X as unknown as new () => nn.Module)();
    expect(() => broken(1)).toThrow('Module [X] is missing the required "forward" function');
  });

  it("refuses names that cannot be state keys, and what is no member", () => {
    const net = new Net();
    expect(() => net.registerBuffer("a.b", zeros([1]))).toThrow('buffer name can\'t contain ".", got: a.b');
    expect(() => net.addModule("", new nn.ReLU())).toThrow('module name can\'t be empty string ""');
    expect(() => net.addModule("training", new nn.ReLU())).toThrow("attribute 'training' already exists");
    expect(() => net.registerParameter("forward", null)).toThrow("attribute 'forward' already exists");
    expect(() => net.registerModule("x", 1 as never)).toThrow("number is not a Module subclass");
    expect(() => net.registerParameter("x", zeros([1]) as never)).toThrow(
      "cannot assign 'Tensor' object to parameter 'x' (torch.nn.Parameter or None required)",
    );
  });

  it("may have a member replaced through registration, or by assignment", () => {
    const net = new Net();
    net.registerParameter("w1", new nn.Parameter(zeros([2])));
    net.hiddenLayer = new Inner();
    net.registerBuffer("mask", zeros([3]));
    expect(
      net(ones([1, 2]))
        .abs()
        .sum()
        .itemSync(),
    ).toBe(0);
    expect(net.parameters()).toHaveLength(4);
  });

  it("switches mode and gradients everywhere below", () => {
    const net = new Net();
    expect(net.eval()).toBe(net);
    expect(net.modules().map((module) => module.training)).toEqual([false, false, false]);
    expect(net.train().hiddenLayer.lin.training).toBe(true);
    expect(
      net
        .requiresGrad_(false)
        .parameters()
        .some((p) => p.requiresGrad),
    ).toBe(false);
    expect(
      net
        .requiresGrad_()
        .parameters()
        .every((p) => p.requiresGrad),
    ).toBe(true);
  });

  it("applies a function to the submodules before itself", () => {
    const seen: string[] = [];
    new Net().apply((module) => seen.push(module.constructor.name));
    expect(seen).toEqual(["Linear", "Inner", "Net"]);
  });

  it("clears gradients to null or to zeros", () => {
    const net = new Net();
    net(ones([1, 2]), true)
      .sum()
      .backward();
    const { grad } = net.w1;
    net.zeroGrad({ setToNone: false });
    expect(net.w1.grad).toBe(grad);
    expect(grad!.tolistSync()).toEqual([0, 0]);
    net.zeroGrad();
    expect(net.w1.grad).toBeNull();
  });

  it("prints PyTorch's text, also to the console", () => {
    const text = "Net(\n  (hidden_layer): Inner(\n    (lin): Linear(in_features=2, out_features=3, bias=True)\n  )\n)";
    expect(String(new Net())).toBe(text);
    expect(inspect(new Net())).toBe(text);
  });
});

describe("moving a module", () => {
  it("changes the dtype of floats in place, with gradients and what shares their memory", () => {
    const net = new Net();
    const before = net.parameters();
    const row = net.hiddenLayer.lin.weight.detach().select(0, 0);
    net(ones([1, 2]))
      .sum()
      .backward();
    net.registerBuffer("steps", zeros([], { dtype: "int32" }));
    expect(net.double()).toBe(net);
    expect(net.parameters()).toEqual(before);
    expect(before.every((p) => p.dtype === "float64" && p.isLeaf && p.requiresGrad)).toBe(true);
    expect([row.dtype, net.w1.grad!.dtype, net.mask.dtype, net.getBuffer("steps").dtype]).toEqual([
      "float64",
      "float64",
      "float64",
      "int32",
    ]);
    net(ones([1, 2], { dtype: "float64" }))
      .sum()
      .backward();
    expect(net.float().w1.dtype).toBe("float32");
  });

  it("keeps the values, and every view of a shared memory its place", () => {
    const all = randn([6]);
    const first = new nn.Parameter(all.narrow(0, 0, 3));
    const last = new nn.Parameter(all.narrow(0, 3, 3));
    const values = all.tolistSync() as number[];
    new nn.ParameterList([first, last]).double();
    expect([first.tolistSync(), last.tolistSync()]).toEqual([values.slice(0, 3), values.slice(3)]);
    expect(first.storage).toBe(last.storage);
  });

  it("to where it is changes nothing, and to an unknown device says so", () => {
    const net = new Net();
    const { version } = net.w1.storage;
    expect(net.to("cpu").cpu().w1.storage.version).toBe(version);
    expect(() => net.to("nowhere" as never)).toThrow(/device "nowhere" is not available/);
  });

  it("can go without blocking", async () => {
    const net = new Net();
    expect(await net.toAsync("cpu")).toBe(net);
  });
});

describe("members and scopes", () => {
  it("outlive the scope that made them", () => {
    const net = scope(() => new Net());
    scope(() => {
      net.registerBuffer("late", ones([1]).mul(3));
      net.hiddenLayer.scale = new nn.Parameter(ones([3]).mul(2));
    });
    expect(net.getBuffer("late").itemSync()).toBe(3);
    expect(net.hiddenLayer.scale.tolistSync()).toEqual([2, 2, 2]);
    expect(net(ones([2])).shape).toEqual([3]);
  });

  it("keep running statistics through scopes", () => {
    const norm = new nn.BatchNorm1d(2);
    for (let i = 0; i < 3; i++) scope(() => void norm(randn([8, 2])));
    expect(norm.numBatchesTracked!.itemSync()).toBe(3);
    expect(norm.runningMean!.tolistSync()).not.toEqual([0, 0]);
  });
});

describe("a parameter", () => {
  it("is a leaf over the memory of its tensor", () => {
    const data = randn([2, 2]);
    const parameter = new nn.Parameter(data);
    expect([parameter.isLeaf, parameter.requiresGrad, parameter.gradFn]).toEqual([true, true, null]);
    expect(parameter.storage).toBe(data.storage);
    expect(String(new nn.Parameter(ones([2])))).toBe("Parameter containing:\ntensor([1., 1.], requiresGrad=true)");
  });

  it("of integers must not want gradients", () => {
    expect(() => new nn.Parameter(tensor([1], { dtype: "int32" }))).toThrow(/Only Tensors of floating point/);
    expect(new nn.Parameter(tensor([1], { dtype: "int32" }), { requiresGrad: false }).requiresGrad).toBe(false);
  });
});

describe("clone", () => {
  it("copies parameters, buffers, modes and hooks, and leaves the original alone", () => {
    const net = new Net().eval();
    let calls = 0;
    net.registerForwardHook(() => void calls++);
    const copy = nn.clone(net);
    expect(copy instanceof Net).toBe(true);
    expect(copy(ones([1, 2])).tolistSync()).toEqual(net(ones([1, 2])).tolistSync());
    expect(calls).toBe(2);
    nn.init.zeros_(copy.w1);
    nn.init.zeros_(copy.mask);
    expect([net.w1.tolistSync(), net.mask.tolistSync(), copy.training]).toEqual([[1, 1], [1, 0, 1], false]);
    expect(Object.keys(copy.stateDict())).toEqual(Object.keys(net.stateDict()));
    expect(copy.parameters().every((p, i) => p.requiresGrad && p !== net.parameters()[i])).toBe(true);
  });

  it("keeps shared members shared, also in containers", () => {
    const layer = new nn.Linear(2, 2);
    const copy = nn.clone(new nn.Sequential<nn.Linear>({ a: layer, b: layer }));
    expect(copy[0]).toBe(copy[1]);
    expect(copy[0]).not.toBe(layer);
    expect(copy.parameters()).toHaveLength(2);
    expect(copy.append(new nn.Linear(2, 2))).toHaveLength(3);
  });
});
