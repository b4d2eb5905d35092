import "@sconce/backend-cpu";
import { noGrad } from "@sconce/autograd";
import { tensor, type Tensor, zeros } from "@sconce/core";
import { Conv2d, functional as F, Linear, Module, MSELoss, ReLU, Sequential } from "@sconce/nn";
import { SGD } from "@sconce/optim";
import { describe, expect, it } from "vitest";
import { expectTensor, type GoldenTensor } from "../../src/index.js";
import { expectClose, load, loadAll, readSeed } from "./trajectory.js";

type Tensors = { readonly [name: string]: GoldenTensor };

class LeNet extends Module {
  conv1 = new Conv2d(1, 6, 5);
  conv2 = new Conv2d(6, 16, 5);
  fc1 = new Linear(16 * 5 * 5, 120);
  fc2 = new Linear(120, 84);
  fc3 = new Linear(84, 10);

  forward(x: Tensor): Tensor {
    let h = F.maxPool2d(F.relu(this.conv1(x)), [2, 2]);
    h = F.maxPool2d(F.relu(this.conv2(h)), 2);
    h = h.view(-1, this.numFlatFeatures(h));
    h = F.relu(this.fc1(h));
    h = F.relu(this.fc2(h));
    return this.fc3(h);
  }

  numFlatFeatures(x: Tensor): number {
    return x
      .size()
      .slice(1)
      .reduce((n, size) => n * size, 1);
  }
}

class MyNet extends Module {
  hidden_layer_1 = new Linear(4, 5);
  hidden_layer_2 = new Linear(5, 3);
  output_layer = new Linear(3, 1);

  forward(x: Tensor): Tensor {
    return F.sigmoid(this.output_layer(F.gelu(this.hidden_layer_2(F.relu(this.hidden_layer_1(x))))));
  }
}

describe("LeNet (09)", () => {
  interface Golden {
    readonly state: Tensors;
    readonly input: GoldenTensor;
    readonly target: GoldenTensor;
    readonly output: GoldenTensor;
    readonly output_after: GoldenTensor;
    readonly loss: number;
    readonly grad_norms: { readonly [name: string]: number };
    readonly parameter_names: readonly string[];
    readonly parameter_count: number;
    readonly print: string;
    readonly "conv1.bias.grad": GoldenTensor;
    readonly "conv1.weight.grad": GoldenTensor;
    readonly "conv2.bias.grad": GoldenTensor;
    readonly "fc3.weight.grad.sum": number;
    readonly "sgd_lr_0.01_losses": readonly number[];
  }

  async function start(): Promise<{ golden: Golden; net: LeNet; input: Tensor; target: Tensor }> {
    const golden = await readSeed<Golden>("09_lenet");
    const net = new LeNet();
    net.loadStateDict(loadAll(golden.state));
    return { golden, net, input: load(golden.input), target: load(golden.target) };
  }

  it("has PyTorch's parameters and text", async () => {
    const { golden, net } = await start();
    const named = [...net.namedParameters()];
    expect(named.map(([name]) => name)).toEqual(golden.parameter_names);
    expect(named.reduce((n, [, p]) => n + p.numel(), 0)).toBe(golden.parameter_count);
    expect(String(net).replace("LeNet(", "Net(")).toBe(golden.print);
  });

  it("has PyTorch's output, loss and gradients", async () => {
    const { golden, net, input, target } = await start();
    const output = net(input);
    await expectTensor(output, golden.output, 0, "output");
    const loss = new MSELoss()(output, target);
    expectClose(await loss.item(), golden.loss, 1e-5, "loss");
    net.zeroGrad();
    loss.backward();
    await expectTensor(net.conv1.bias!.grad, golden["conv1.bias.grad"], 0, "conv1.bias.grad");
    await expectTensor(net.conv1.weight.grad, golden["conv1.weight.grad"], 0, "conv1.weight.grad");
    await expectTensor(net.conv2.bias!.grad, golden["conv2.bias.grad"], 0, "conv2.bias.grad");
    expectClose(await net.fc3.weight.grad!.sum().item(), golden["fc3.weight.grad.sum"], 1e-4, "sum of fc3.weight.grad");
    for (const [name, p] of net.namedParameters()) {
      expectClose(await p.grad!.norm().item(), golden.grad_norms[name], 1e-4, `norm of the gradient of ${name}`);
    }
  });

  it("has PyTorch's losses in 20 steps of SGD", async () => {
    const { golden, net, input, target } = await start();
    const optimizer = new SGD(net.parameters(), { lr: 0.01 });
    const criterion = new MSELoss();
    for (const expected of golden["sgd_lr_0.01_losses"]) {
      optimizer.zeroGrad();
      const loss = criterion(net(input), target);
      expectClose(await loss.item(), expected, 1e-4, "loss");
      loss.backward();
      optimizer.step();
    }
    await expectTensor(net(input), golden.output_after, 0, "output");
  });
});

describe("a net of three layers (10)", () => {
  it("has PyTorch's output and gradients for an input without batch", async () => {
    const golden = await readSeed<{ readonly state: Tensors; readonly parameter_shapes: readonly (readonly number[])[] } & Tensors>("10_my_net");
    const net = new MyNet();
    net.loadStateDict(loadAll(golden.state));
    expect([...net.parameters()].map((p) => [...p.shape])).toEqual(golden.parameter_shapes);
    const y = net(load(golden.input));
    await expectTensor(y, golden.output, 0, "output");
    y.backward();
    const grads = new Map([...net.namedParameters()].map(([name, p]) => [`${name}.grad`, p.grad]));
    for (const name of ["output_layer.weight.grad", "hidden_layer_1.weight.grad", "hidden_layer_2.bias.grad"]) {
      await expectTensor(grads.get(name), golden[name], 0, name);
    }
  });
});

describe("autograd by small programs (11)", () => {
  interface Golden {
    readonly x: GoldenTensor;
    readonly y: GoldenTensor;
    readonly z: GoldenTensor;
    readonly "x.grad": GoldenTensor;
    readonly "y.grad": GoldenTensor;
    readonly shared_linear: { readonly y: number; readonly grad: number; readonly n_parameters: number };
    readonly no_grad_part: { readonly x: number; readonly y3: number; readonly grad: number };
    readonly data_edit: { readonly y: number; readonly grad: number };
    readonly corr2d: { readonly x: GoldenTensor; readonly k: GoldenTensor; readonly y: GoldenTensor };
    readonly l2_penalty: { readonly w: GoldenTensor; readonly out: number };
    readonly mlp_state_dict: { readonly keys: readonly string[]; readonly state: Tensors; readonly x: GoldenTensor; readonly y: GoldenTensor };
  }
  const read = (): Promise<Golden> => readSeed<Golden>("11_autograd_notes");

  it("sums squares and cubes", async () => {
    const golden = await read();
    const x = load(golden.x).requiresGrad_();
    const y = load(golden.y).requiresGrad_();
    const z = x.pow(2).add(y.pow(3));
    await expectTensor(z, golden.z, 0, "z");
    z.backward(z.detach().newOnes(z.shape));
    await expectTensor(x.grad, golden["x.grad"], 0, "x.grad");
    await expectTensor(y.grad, golden["y.grad"], 0, "y.grad");
  });

  it("shares one layer", async () => {
    const { shared_linear } = await read();
    const linear = new Linear(1, 1, { bias: false });
    noGrad(() => linear.weight.fill_(3));
    const net = new Sequential(linear, linear);
    const y = net(tensor([[1]])).sum();
    expect(await y.item()).toBe(shared_linear.y);
    y.backward();
    expect(await linear.weight.grad!.item()).toBe(shared_linear.grad);
    expect([...net.parameters()]).toHaveLength(shared_linear.n_parameters);
  });

  it("leaves out what noGrad computes", async () => {
    const golden = (await read()).no_grad_part;
    const x = tensor(golden.x).requiresGrad_();
    const y1 = x.pow(2);
    const y2 = noGrad(() => x.pow(3));
    const y3 = y1.add(y2);
    expectClose(await y3.item(), golden.y3, 1e-6, "y3");
    y3.backward();
    expectClose(await x.grad!.item(), golden.grad, 1e-6, "gradient");
  });

  it("correlates in two dimensions by element assignment", async () => {
    const { corr2d } = await read();
    const x = load(corr2d.x);
    const k = load(corr2d.k);
    const [h, w] = k.shape;
    const y = zeros([x.shape[0] - h + 1, x.shape[1] - w + 1]);
    for (let i = 0; i < y.shape[0]; i++) {
      for (let j = 0; j < y.shape[1]; j++) y.setAt([i, j], x.at(`${i}:${i + h}`, `${j}:${j + w}`).mul(k).sum());
    }
    await expectTensor(y, corr2d.y, 0, "y");
  });

  it("penalises weights", async () => {
    const { w, out } = (await read()).l2_penalty;
    expectClose(await load(w).pow(2).sum().div(2).item(), out, 1e-6, "penalty");
  });

  it("loads a state dict by name", async () => {
    const golden = (await read()).mlp_state_dict;
    class MLP extends Module {
      hidden = new Linear(3, 2);
      act = new ReLU();
      output = new Linear(2, 1);
      forward(x: Tensor): Tensor {
        return this.output(this.act(this.hidden(x)));
      }
    }
    const net = new MLP();
    expect(Object.keys(net.stateDict())).toEqual(golden.keys);
    expect(String(net.loadStateDict(loadAll(golden.state)))).toBe("<All keys matched successfully>");
    await expectTensor(net(load(golden.x)), golden.y, 0, "y");
  });
});
