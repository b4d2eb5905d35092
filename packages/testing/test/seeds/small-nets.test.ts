import { nn, type Tensor, tensor } from "sconce";
import { describe, expect, it } from "vitest";
import { partWithoutGradient, weightedBackward } from "../../../../docs/tutorials/03-autograd.js";
import { MyNet } from "../../../../docs/tutorials/10-first-net.js";
import { Net, train } from "../../../../docs/tutorials/11-lenet.js";
import { sharedLayer } from "../../../../docs/tutorials/12-building-blocks.js";
import { l2Penalty } from "../../../../docs/tutorials/13-regularisation.js";
import { MLP } from "../../../../docs/tutorials/14-save-and-load.js";
import { corr2d } from "../../../../docs/tutorials/16-convolution.js";
import { expectTensor, type GoldenTensor } from "../../src/index.js";
import { expectClose, load, loadAll, readSeed } from "./trajectory.js";

type Tensors = { readonly [name: string]: GoldenTensor };

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

  async function start(): Promise<{ golden: Golden; net: Net; input: Tensor; target: Tensor }> {
    const golden = await readSeed<Golden>("09_lenet");
    const net = new Net();
    net.loadStateDict(loadAll(golden.state));
    return { golden, net, input: load(golden.input), target: load(golden.target) };
  }

  it("has PyTorch's parameters and text", async () => {
    const { golden, net } = await start();
    const named = [...net.namedParameters()];
    expect(named.map(([name]) => name)).toEqual(golden.parameter_names);
    expect(named.reduce((n, [, p]) => n + p.numel(), 0)).toBe(golden.parameter_count);
    expect(String(net)).toBe(golden.print);
  });

  it("has PyTorch's output, loss and gradients", async () => {
    const { golden, net, input, target } = await start();
    const output = net(input);
    await expectTensor(output, golden.output, 0, "output");
    const loss = new nn.MSELoss()(output, target);
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
    const losses = await train(net, input, target);
    losses.forEach((loss, t) => expectClose(loss, golden["sgd_lr_0.01_losses"][t], 1e-4, `loss of step ${t}`));
    await expectTensor(net(input), golden.output_after, 0, "output");
  });
});

describe("a net of three layers (10)", () => {
  it("has PyTorch's output and gradients for an input without batch", async () => {
    const golden = await readSeed<{ readonly state: Tensors; readonly parameter_shapes: readonly (readonly number[])[] } & Tensors>(
      "10_my_net",
    );
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
    readonly mlp_state_dict: {
      readonly keys: readonly string[];
      readonly state: Tensors;
      readonly x: GoldenTensor;
      readonly y: GoldenTensor;
    };
  }
  const read = (): Promise<Golden> => readSeed<Golden>("11_autograd_notes");

  it("sums squares and cubes", async () => {
    const golden = await read();
    const x = load(golden.x).requiresGrad_();
    const y = load(golden.y).requiresGrad_();
    const { z, dx, dy } = weightedBackward(x, y);
    await expectTensor(z, golden.z, 0, "z");
    await expectTensor(dx, golden["x.grad"], 0, "x.grad");
    await expectTensor(dy, golden["y.grad"], 0, "y.grad");
  });

  it("shares one layer", async () => {
    const { shared_linear } = await read();
    const { net, y } = sharedLayer();
    expect(await y.item()).toBe(shared_linear.y);
    expect(net.parameters()).toHaveLength(shared_linear.n_parameters);
    expect(await net.parameters()[0].grad!.item()).toBe(shared_linear.grad);
  });

  it("leaves out what noGrad computes", async () => {
    const golden = (await read()).no_grad_part;
    const x = tensor(golden.x, { requiresGrad: true });
    expectClose(await partWithoutGradient(x).item(), golden.y3, 1e-6, "y3");
    expectClose(await x.grad!.item(), golden.grad, 1e-6, "gradient");
  });

  it("correlates in two dimensions by element assignment", async () => {
    const golden = (await read()).corr2d;
    await expectTensor(corr2d(load(golden.x), load(golden.k)), golden.y, 0, "y");
  });

  it("penalises weights", async () => {
    const { w, out } = (await read()).l2_penalty;
    expectClose(await l2Penalty(load(w)).item(), out, 1e-6, "penalty");
  });

  it("loads a state dict by name", async () => {
    const golden = (await read()).mlp_state_dict;
    const net = new MLP();
    expect(Object.keys(net.stateDict())).toEqual(golden.keys);
    expect(String(net.loadStateDict(loadAll(golden.state)))).toBe("<All keys matched successfully>");
    await expectTensor(net(load(golden.x)), golden.y, 0, "y");
  });
});
