import { arange, cat, nn, optim, type Tensor } from "sconce";
import { describe, expect, it } from "vitest";
import { expectClose } from "../seeds/trajectory.js";

/** PyTorch's numbers below were computed in float64 from the same weights. */
const RTOL = 3e-4;

function expectAll(actual: readonly number[], expected: readonly number[], what: string): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((x, i) => expectClose(actual[i], x, RTOL, `${what} ${i}`));
}

/** Sine waves as weights, of a size that keeps the variance; norms near 1. */
function fill(net: nn.Module): void {
  const state: { [name: string]: Tensor } = {};
  net.namedParameters().forEach(([name, p], k) => {
    const i = arange(p.numel()).double();
    const fanIn = p.ndim > 1 ? p.numel() / p.shape[0] : 1;
    const wave =
      p.ndim > 1
        ? i
            .mul((k + 1) * 0.7)
            .add(k)
            .sin()
            .mul(Math.sqrt(1.5 / fanIn))
        : i.add(k).sin().mul(0.1);
    const value = p.ndim === 1 && name.endsWith("weight") ? wave.add(1) : wave;
    state[name] = value.float().reshape(p.shape);
  });
  net.loadStateDict(state, { strict: false });
}

class Block extends nn.Module {
  conv1: nn.Conv2d;
  bn1: nn.BatchNorm2d;
  relu = new nn.ReLU({ inplace: true });
  conv2: nn.Conv2d;
  bn2: nn.BatchNorm2d;
  downsample: nn.Sequential | null;

  constructor(input: number, output: number, stride = 1) {
    super();
    this.conv1 = new nn.Conv2d(input, output, 3, { stride, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(output);
    this.conv2 = new nn.Conv2d(output, output, 3, { padding: 1, bias: false });
    this.bn2 = new nn.BatchNorm2d(output);
    const same = stride === 1 && input === output;
    const shortcut = (): nn.Conv2d => new nn.Conv2d(input, output, 1, { stride, bias: false });
    this.downsample = same ? null : new nn.Sequential(shortcut(), new nn.BatchNorm2d(output));
  }

  override forward(x: Tensor): Tensor {
    const shortcut = this.downsample === null ? x : this.downsample(x);
    const inner = this.relu(this.bn1(this.conv1(x)));
    return this.relu(this.bn2(this.conv2(inner)).add(shortcut));
  }
}

class ResNet18 extends nn.Module {
  conv1: nn.Conv2d;
  bn1: nn.BatchNorm2d;
  relu = new nn.ReLU({ inplace: true });
  maxpool = new nn.MaxPool2d(3, { stride: 2, padding: 1 });
  layer1: nn.Sequential<Block>;
  layer2: nn.Sequential<Block>;
  layer3: nn.Sequential<Block>;
  layer4: nn.Sequential<Block>;
  avgpool = new nn.AdaptiveAvgPool2d([1, 1]);
  fc: nn.Linear;

  constructor(width = 64, classes = 1000) {
    super();
    this.conv1 = new nn.Conv2d(3, width, 7, { stride: 2, padding: 3, bias: false });
    this.bn1 = new nn.BatchNorm2d(width);
    const layer = (input: number, output: number, stride: number): nn.Sequential<Block> =>
      new nn.Sequential<Block>(new Block(input, output, stride), new Block(output, output));
    this.layer1 = layer(width, width, 1);
    this.layer2 = layer(width, 2 * width, 2);
    this.layer3 = layer(2 * width, 4 * width, 2);
    this.layer4 = layer(4 * width, 8 * width, 2);
    this.fc = new nn.Linear(8 * width, classes);
  }

  override forward(x: Tensor): Tensor {
    const stem = this.maxpool(this.relu(this.bn1(this.conv1(x))));
    const features = this.layer4(this.layer3(this.layer2(this.layer1(stem))));
    return this.fc(this.avgpool(features).flatten(1));
  }
}

describe("ResNet-18", () => {
  it("has the parameters of torchvision's", () => {
    const net = new ResNet18();
    expect(net.parameters().reduce((n, p) => n + p.numel(), 0)).toBe(11689512);
    expect(Object.keys(net.stateDict())).toHaveLength(122);
  });

  it("has PyTorch's output, loss and gradients, eight times narrower", () => {
    const net = new ResNet18(8, 10);
    fill(net);
    const x = arange(2 * 3 * 64 * 64)
      .double()
      .mul(0.37)
      .sin()
      .float()
      .reshape([2, 3, 64, 64]);
    const out = net(x);
    expectAll(
      Array.from(out.narrow(1, 0, 4).dataSync(), Number).slice(0, 4),
      [-0.260436366, -0.25191236, -0.14928808, -0.037668106],
      "output",
    );
    const loss = nn.functional.crossEntropy(out, arange(2).mul(4).add(3));
    expectAll([loss.itemSync() as number], [2.3745628276], "loss");
    loss.backward();
    const norm = (name: string): number => net.getParameter(name).grad!.norm().itemSync() as number;
    const norms = ["conv1.weight", "layer2.0.downsample.0.weight", "layer4.1.bn2.bias", "fc.weight"].map(norm);
    expectAll(norms, [15.592628489, 15.358818378, 0.13791929971, 4.6158883098], "gradient");
    expectAll([net.layer4[1].bn2.runningMean!.sum().itemSync() as number], [-0.00121308076], "running mean");
  });
});

/** Two convolutions down, one up, and a shortcut between them. */
class UNet extends nn.Module {
  down1 = this.block(1, 4);
  down2 = this.block(4, 8);
  mid = this.block(8, 8);
  up = new nn.ConvTranspose2d(8, 4, 2, { stride: 2 });
  out1 = this.block(8, 4);
  last = new nn.Conv2d(4, 1, 1);

  private block(input: number, output: number): nn.Sequential {
    return new nn.Sequential(new nn.Conv2d(input, output, 3, { padding: 1 }), new nn.GroupNorm(2, output), new nn.SiLU());
  }

  override forward(x: Tensor): Tensor {
    const fine = this.down1(x);
    const coarse = this.mid(this.down2(nn.functional.maxPool2d(fine, 2)));
    return this.last(this.out1(cat([this.up(coarse), fine], 1)));
  }
}

class VAE extends nn.Module {
  enc = new nn.Linear(16, 12);
  mu = new nn.Linear(12, 3);
  logvar = new nn.Linear(12, 3);
  dec = new nn.Linear(3, 12);
  out = new nn.Linear(12, 16);

  override forward(x: Tensor, noise: Tensor): [logits: Tensor, mu: Tensor, logvar: Tensor] {
    const hidden = this.enc(x).tanh();
    const [mu, logvar] = [this.mu(hidden), this.logvar(hidden)];
    const z = mu.add(noise.mul(logvar.mul(0.5).exp()));
    return [this.out(this.dec(z).relu()), mu, logvar];
  }
}

/** The losses of five steps. */
function steps(net: nn.Module, optimizer: optim.Optimizer, loss: () => Tensor): number[] {
  return Array.from({ length: 5 }, () => {
    optimizer.zeroGrad();
    const now = loss();
    now.backward();
    optimizer.step();
    expect(net.parameters().every((p) => p.grad !== null)).toBe(true);
    return now.itemSync() as number;
  });
}

describe("a U-Net", () => {
  it("has PyTorch's losses in five steps of Adam", () => {
    const net = new UNet();
    fill(net);
    const x = arange(128).float().mul(0.9).sin().reshape([2, 1, 8, 8]);
    const loss = (): Tensor => nn.functional.binaryCrossEntropyWithLogits(net(x), x.gt(0).float());
    const losses = steps(net, new optim.Adam(net.parameters(), { lr: 1e-2 }), loss);
    expectAll(losses, [0.796108739744, 0.691521819839, 0.616168726614, 0.570571467729, 0.537532271991], "loss of step");
  });
});

describe("a variational autoencoder", () => {
  it("has PyTorch's losses in five steps of SGD", () => {
    const net = new VAE();
    fill(net);
    const x = arange(64).float().sin().mul(2).sigmoid().reshape([4, 16]);
    const noise = arange(12).float().cos().reshape([4, 3]);
    const loss = (): Tensor => {
      const [logits, mu, logvar] = net(x, noise);
      const divergence = logvar.add(1).sub(mu.square()).sub(logvar.exp()).sum().mul(-0.5);
      return nn.functional.binaryCrossEntropyWithLogits(logits, x, { reduction: "sum" }).add(divergence);
    };
    const losses = steps(net, new optim.SGD(net.parameters(), { lr: 1e-2, momentum: 0.9 }), loss);
    expectAll(losses, [52.4819983244, 49.2184028323, 46.6130345328, 45.9150487424, 46.1853799094], "loss of step");
  });
});
