import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { arange, load, manualSeed, nn, noGrad, ones, optim, rand, randn, save, type Tensor, tensor, zeros } from "sconce";
import { afterAll, describe, expect, it } from "vitest";
import { DictDense, ListDense, MySequential, Stack, sharedLayer } from "../../../../docs/tutorials/12-building-blocks.js";
import { MLP, roundTrip } from "../../../../docs/tutorials/14-save-and-load.js";
import { corr2d } from "../../../../docs/tutorials/16-convolution.js";
import { list, otherDevice } from "./helpers.js";

const folder = await mkdtemp(join(tmpdir(), "sconce-tutorials-"));
afterAll(() => rm(folder, { recursive: true }));

describe("tutorial 004: modules, parameters, saving, convolution", () => {
  it("S004-31 a comparison gives bool, and float() a mask of 0 and 1", () => {
    manualSeed(0);
    const x = zeros([50, 40]);
    const flags = rand(x.shape).lt(0.7);
    expect(flags.dtype).toBe("bool");
    const mask = flags.float();
    expect(list(mask.unique())).toEqual([0, 1]);
    expect(mask.mean().itemSync()).toBeCloseTo(0.7, 1);
  });

  it("S004-32 Dropout zeroes and scales while training, and passes on when not", () => {
    const dropout = new nn.Dropout(0.5);
    const y = dropout(ones([1000]));
    expect(list(y.unique())).toEqual([0, 2]);
    expect(y.mean().itemSync()).toBeCloseTo(1, 0);
    expect(list(dropout.eval()(ones([3])))).toEqual([1, 1, 1]);
    expect(String(dropout)).toBe("Dropout(p=0.5, inplace=False)");
    expect(() => new nn.Dropout(1.5)).toThrow(/dropout probability has to be between 0 and 1, but got 1\.5/);
  });

  it("S004-33 instanceof tells classes", () => {
    const layer = new nn.Linear(1, 1);
    expect([layer instanceof nn.Linear, layer instanceof nn.Module, layer instanceof nn.ReLU]).toEqual([true, true, false]);
  });

  it("S004-34 addModule registers in order and refuses bad names", () => {
    const net = new MySequential(new nn.Linear(2, 3), new nn.ReLU());
    expect(net.namedChildren().map(([name]) => name)).toEqual(["0", "1"]);
    expect(net(ones([1, 2])).shape).toEqual([1, 3]);
    const layer = new nn.ReLU();
    expect(() => net.addModule("a.b", layer)).toThrow(/module name can't contain "\.", got: a\.b/);
    expect(() => net.addModule("", layer)).toThrow(/module name can't be empty string ""/);
    expect(() => net.addModule("training", layer)).toThrow(/attribute 'training' already exists/);
    expect(() => net.addModule("x", 3 as unknown as nn.Module)).toThrow(/is not a Module subclass/);
  });

  it("S004-35 ModuleList registers, grows, is indexed, and is not called", () => {
    const layers = new nn.ModuleList<nn.Module>([new nn.Linear(784, 256), new nn.ReLU()]);
    expect(Object.keys(layers.stateDict())).toEqual(["0.weight", "0.bias"]);
    const last = new nn.Linear(256, 10);
    layers.append(last);
    expect([layers.length, layers.at(-1), layers[2]]).toEqual([3, last, last]);
    expect([...layers]).toHaveLength(3);
    expect(() => (layers as unknown as (x: Tensor) => Tensor)(ones([1]))).toThrow(/missing the required "forward" function/);
  });

  it("S004-36 a plain tensor is neither trained nor saved; a buffer is saved", () => {
    const stack = new Stack();
    expect(Object.keys(stack.stateDict())).toEqual(["layers.0.weight", "layers.0.bias"]);
    stack.registerBuffer("mask", ones([2]));
    expect(stack.parameters()).toHaveLength(2);
    expect(Object.keys(stack.stateDict())).toContain("mask");
  });

  it("S004-37 modules nest, print nested and run", () => {
    const net = new nn.Sequential(new Stack(), new nn.Linear(30, 20), new MySequential(new nn.Tanh()));
    expect(String(net)).toBe(`Sequential(
  (0): Stack(
    (layers): ModuleList(
      (0): Linear(in_features=40, out_features=30, bias=True)
      (1): ReLU()
    )
  )
  (1): Linear(in_features=30, out_features=20, bias=True)
  (2): MySequential(
    (0): Tanh()
  )
)`);
    expect(net(rand([2, 40])).shape).toEqual([2, 20]);
  });

  it("S004-38 namedParameters lists a module's own first", () => {
    class Both extends nn.Module {
      readonly lin = new nn.Linear(2, 3);
      readonly w1 = new nn.Parameter(ones([4]));
      override forward(x: Tensor): Tensor {
        return this.lin(x);
      }
    }
    const named = new Both().namedParameters().map(([name, parameter]) => [name, parameter.size()]);
    expect(named).toEqual([
      ["w1", [4]],
      ["lin.weight", [3, 2]],
      ["lin.bias", [3]],
    ]);
  });

  it("S004-39 a Parameter is registered; a plain tensor in its place is refused", () => {
    class One extends nn.Module {
      w1: Tensor = new nn.Parameter(rand([2, 2]));
      override forward(x: Tensor): Tensor {
        return x.mm(this.w1);
      }
    }
    const net = new One();
    expect(net.parameters()).toEqual([net.w1]);
    net.w1 = ones([2, 2]);
    expect(() => net.parameters()).toThrow("cannot assign 'torch.FloatTensor' as parameter 'w1' (torch.nn.Parameter or None expected)");
  });

  it("S004-40 ParameterList numbers its parameters, grows and prints them", () => {
    const net = new ListDense();
    expect(Object.keys(net.stateDict())).toEqual(["params.0", "params.1", "params.2"]);
    expect(String(net.params)).toBe(`ParameterList(
    (0): Parameter containing: [torch.float32 of size 4x4]
    (1): Parameter containing: [torch.float32 of size 4x4]
    (2): Parameter containing: [torch.float32 of size 4x4]
)`);
    net.params.append(new nn.Parameter(ones([4, 4])));
    expect([net.params.length, [...net.params].length]).toEqual([4, 4]);
    expect(net(ones([1, 4])).shape).toEqual([1, 4]);
  });

  it("S004-41 constant_ fills in place and returns the parameter", () => {
    const { weight } = new nn.Linear(2, 2);
    expect(nn.init.constant_(weight, 3)).toBe(weight);
    expect(list(weight)).toEqual([
      [3, 3],
      [3, 3],
    ]);
  });

  it("S004-42 an initialisation of one's own belongs under noGrad", () => {
    const { weight } = new nn.Linear(2, 2);
    expect(() => weight.mul_(2)).toThrow(/a leaf Variable that requires grad is being used in an in-place operation/);
    expect(() => weight.setAt([0, 0], 1)).toThrow(/a view of a leaf Variable that requires grad/);
    noGrad(() => weight.setAt([0, 0], 1));
    expect(list(weight.at(0, 0))).toBe(1);
  });

  it("S004-43 a layer used twice has one parameter, two keys, and the sum of both gradients", () => {
    const { net, y } = sharedLayer();
    expect(net.namedParameters().map(([name]) => name)).toEqual(["0.weight"]);
    expect(Object.keys(net.stateDict())).toEqual(["0.weight", "1.weight"]);
    expect(String(y)).toBe("tensor(9., gradFn=<SumBackward0>)");
    expect(String(net.parameters()[0].grad)).toBe("tensor([[6.]])");
    expect(net.at(0)).toBe(net.at(1));
  });

  it("S004-44 ParameterDict keeps its names in order and can be updated", () => {
    const net = new DictDense();
    expect([...net.params.keys()]).toEqual(["linear1", "linear2", "linear3"]);
    expect(Object.keys(net.stateDict())).toEqual(["params.linear1", "params.linear2", "params.linear3"]);
    expect(net(ones([1, 4]), "linear2").shape).toEqual([1, 1]);
  });

  it("S004-45 save and load keep nested structures", async () => {
    const path = join(folder, "nested.safetensors");
    await save({ name: "run", epoch: 3, list: [tensor([1, 2]), "x"], nested: { t: tensor([[true]]) } }, path);
    const back = await load<{ name: string; epoch: number; list: [Tensor, string]; nested: { t: Tensor } }>(path);
    expect([back.name, back.epoch, list(back.list[0]), back.list[1], list(back.nested.t)]).toEqual(["run", 3, [1, 2], "x", [[true]]]);
    expect(back.nested.t.dtype).toBe("bool");
    await save(tensor([5]), path);
    expect(list(await load<Tensor>(path))).toEqual([5]);
  });

  it("S004-46 stateDict has PyTorch's keys, and loading names what does not fit", () => {
    const net = new MLP();
    const state = net.stateDict();
    expect(Object.keys(state)).toEqual(["hidden.weight", "hidden.bias", "output.weight", "output.bias"]);
    expect(String(new MLP().loadStateDict(state))).toBe("<All keys matched successfully>");
    const { "output.bias": bias, ...rest } = state;
    expect(() => net.loadStateDict({ ...rest, zz: bias })).toThrow(
      /Missing key\(s\) in state_dict: "output\.bias"\.[\s\S]*Unexpected key\(s\) in state_dict: "zz"\./,
    );
    expect(() => net.loadStateDict({ ...state, "hidden.bias": zeros([3]) })).toThrow(
      "size mismatch for hidden.bias: copying a param with shape torch.Size([3]) from checkpoint, the shape in current model is torch.Size([2]).",
    );
  });

  it("S004-47 an optimizer's state has its options, and a buffer per parameter after a step", () => {
    const net = new MLP();
    const optimizer = new optim.SGD(net.parameters(), { lr: 0.001, momentum: 0.9 });
    expect(optimizer.stateDict()).toEqual({
      state: {},
      param_groups: [{ lr: 0.001, momentum: 0.9, dampening: 0, weight_decay: 0, nesterov: false, maximize: false, params: [0, 1, 2, 3] }],
    });
    net(ones([1, 3])).backward();
    optimizer.step();
    const { momentum_buffer } = optimizer.stateDict().state[3];
    expect(list(momentum_buffer as Tensor)).toEqual([1]);
  });

  it("S004-48 saving a state dict is saving the model", async () => {
    expect(await roundTrip(folder)).toBe(true);
  });

  it("S004-49 moving a tensor gives a new one, to be assigned", () => {
    const x = tensor([1, 2, 3]);
    const moved = x.to(otherDevice());
    expect(moved).not.toBe(x);
    expect(x.device).toBe("cpu");
    expect(String(moved)).toBe("tensor([1., 2., 3.], device='other')");
  });

  it("S004-50 moving a module changes the module itself", () => {
    const device = otherDevice();
    const net = new MLP();
    const parameters = net.parameters();
    expect(net.to(device)).toBe(net);
    expect(net.parameters()).toEqual(parameters);
    expect(parameters.every((parameter) => parameter.device === device)).toBe(true);
  });

  it("S004-51 corr2d by hand slides the kernel", () => {
    const y = corr2d(arange(9).view(3, 3), arange(4).view(2, 2));
    expect(String(y)).toBe(`tensor([[19., 25.],
        [37., 43.]])`);
  });

  it("S004-52 Conv2d takes padding and stride", () => {
    const conv = new nn.Conv2d(1, 1, [3, 5], { padding: [1, 2], stride: 2 });
    expect(conv(randn([1, 1, 8, 8])).shape).toEqual([1, 1, 4, 4]);
  });
});
