/** Models that train against one another or act: a DCGAN and a policy with PPO's loss. PyTorch's numbers come from the same seeds. */
import { Categorical, klDivergence } from "@sconce/distributions";
import { clamp, full, manualSeed, minimum, nn, noGrad, optim, rand, randn, type Tensor, zeros } from "sconce";
import { describe, expect, it } from "vitest";
import { expectClose } from "../seeds/trajectory.js";

const RTOL = 3e-4;

function expectRow(actual: readonly number[], expected: readonly number[], what: string): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((x, i) => {
    if (x === 0) expect(actual[i], `${what}, column ${i}`).toBeCloseTo(0, 6);
    else expectClose(actual[i], x, RTOL, `${what}, column ${i}`);
  });
}

function weightsInit(module: nn.Module): void {
  if (module instanceof nn.Conv2d || module instanceof nn.ConvTranspose2d) nn.init.normal_(module.weight, 0, 0.02);
  else if (module instanceof nn.BatchNorm2d) {
    nn.init.normal_(module.weight as nn.Parameter, 1, 0.02);
    nn.init.constant_(module.bias as nn.Parameter, 0);
  }
}

const LATENT = 8;
const WIDTH = 4;

const makeGenerator = (): nn.Sequential =>
  new nn.Sequential(
    new nn.ConvTranspose2d(LATENT, WIDTH * 2, 4, { bias: false }), // [N, 8, 1, 1] -> [N, 8, 4, 4]
    new nn.BatchNorm2d(WIDTH * 2),
    new nn.ReLU({ inplace: true }),
    new nn.ConvTranspose2d(WIDTH * 2, WIDTH, 4, { stride: 2, padding: 1, bias: false }), // -> [N, 4, 8, 8]
    new nn.BatchNorm2d(WIDTH),
    new nn.ReLU({ inplace: true }),
    new nn.ConvTranspose2d(WIDTH, 1, 4, { stride: 2, padding: 1, bias: false }), // -> [N, 1, 16, 16]
    new nn.Tanh(),
  );

const makeDiscriminator = (): nn.Sequential =>
  new nn.Sequential(
    new nn.Conv2d(1, WIDTH, 4, { stride: 2, padding: 1, bias: false }), // [N, 1, 16, 16] -> [N, 4, 8, 8]
    new nn.LeakyReLU(0.2, { inplace: true }),
    new nn.Conv2d(WIDTH, WIDTH * 2, 4, { stride: 2, padding: 1, bias: false }), // -> [N, 8, 4, 4]
    new nn.BatchNorm2d(WIDTH * 2),
    new nn.LeakyReLU(0.2, { inplace: true }),
    new nn.Conv2d(WIDTH * 2, 1, 4, { bias: false }), // -> [N, 1, 1, 1]
    new nn.Sigmoid(),
  );

/** Losses of both nets, and how the discriminator judges images: real ones, and made ones before and after its step. */
const DCGAN = [
  [1.3999114036560059, 0.6864264011383057, 0.4969428479671478, 0.5030292868614197, 0.5034032464027405],
  [1.3701850175857544, 0.6799814105033875, 0.514228105545044, 0.5052037835121155, 0.5067278742790222],
  [1.348508358001709, 0.6620761156082153, 0.5355800986289978, 0.5148374438285828, 0.51592618227005],
  [1.3498165607452393, 0.6512740254402161, 0.5438221096992493, 0.5219090580940247, 0.5215198397636414],
];

describe("a DCGAN", () => {
  it("trains as PyTorch's does from the same seed", () => {
    manualSeed(0);
    const [netG, netD] = [makeGenerator(), makeDiscriminator()];
    netG.apply(weightsInit);
    netD.apply(weightsInit);
    const criterion = new nn.BCELoss();
    const options = { lr: 0.002, betas: [0.5, 0.999] } as const;
    const [optimizerD, optimizerG] = [new optim.Adam(netD.parameters(), options), new optim.Adam(netG.parameters(), options)];
    const judge = (images: Tensor, label: number): [Tensor, number] => {
      const output = (netD(images) as Tensor).view(-1);
      return [criterion(output, full([6], label)), output.mean().itemSync()];
    };
    DCGAN.forEach((expected, step) => {
      const real = rand(6, 1, 16, 16).mul(2).sub(1);
      netD.zeroGrad();
      const [lossReal, onReal] = judge(real, 1);
      lossReal.backward();
      const fake = netG(randn(6, LATENT, 1, 1)) as Tensor;
      const [lossFake, before] = judge(fake.detach(), 0);
      lossFake.backward();
      optimizerD.step();
      netG.zeroGrad();
      const [lossG, after] = judge(fake, 1);
      lossG.backward();
      optimizerG.step();
      expectRow([lossReal.add(lossFake).itemSync(), lossG.itemSync(), onReal, before, after], expected, `step ${step}`);
    });
  });
});

class ActorCritic extends nn.Module {
  body = new nn.Sequential(new nn.Linear(4, 16), new nn.Tanh());
  policy = new nn.Linear(16, 3);
  value = new nn.Linear(16, 1);

  override forward(observation: Tensor): [Categorical, Tensor] {
    const hidden = this.body(observation) as Tensor;
    return [new Categorical({ logits: this.policy(hidden) }), this.value(hidden).squeeze(-1)];
  }
}

const ACTIONS = [1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 2, 1, 2, 1, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0];

/** Losses of policy (at first the mean of what has the mean 0) and value, entropy, and norm of the gradients, in each epoch over the batch. */
const PPO = [
  [0, 0.23598381876945496, 1.0401558876037598, 0.5859785079956055],
  [-0.03862890973687172, 0.21228528022766113, 1.0426239967346191, 0.5660873055458069],
  [-0.07610061764717102, 0.19210338592529297, 1.0431948900222778, 0.49927058815956116],
  [-0.10328302532434464, 0.17492517828941345, 1.042094349861145, 0.34721681475639343],
  [-0.11772503703832626, 0.15966662764549255, 1.040472388267517, 0.2904280126094818],
  [-0.12774360179901123, 0.14692844450473785, 1.0380597114562988, 0.25554636120796204],
];

describe("a policy with PPO's clipped loss", () => {
  it("acts and learns as PyTorch's does from the same seed", () => {
    manualSeed(1);
    const net = new ActorCritic();
    const optimizer = new optim.Adam(net.parameters(), { lr: 0.01, eps: 1e-5 });
    const observation = randn(32, 4);
    const [actions, oldLogProb, oldValue] = noGrad(() => {
      const [policy, value] = net(observation);
      const drawn = policy.sample();
      return [drawn, policy.logProb(drawn), value];
    });
    expect(actions.tolistSync()).toEqual(ACTIONS);
    const reward = actions.eq(observation.at(":", 0).gt(0).int()).float();
    const raw = reward.sub(oldValue);
    const advantage = raw.sub(raw.mean()).div(raw.std().add(1e-8));
    PPO.forEach((expected, epoch) => {
      const [policy, value] = net(observation);
      const ratio = policy.logProb(actions).sub(oldLogProb).exp();
      const clipped = clamp(ratio, { min: 0.8, max: 1.2 }).mul(advantage);
      const policyLoss = minimum(ratio.mul(advantage), clipped).mean().neg();
      const valueLoss = reward.sub(value).pow(2).mean().mul(0.5);
      const entropy = policy.entropy().mean();
      const loss = policyLoss.add(valueLoss.mul(0.5)).sub(entropy.mul(0.01));
      optimizer.zeroGrad();
      loss.backward();
      const norm = optim.clipGradNorm_(net.parameters(), 0.5);
      optimizer.step();
      expectRow(
        [policyLoss, valueLoss, entropy, norm].map((t) => t.itemSync()),
        expected,
        `epoch ${epoch}`,
      );
    });
    const left = klDivergence(net(observation)[0], new Categorical({ logits: zeros(32, 3) })).mean();
    expectClose(left.itemSync(), 0.06277141720056534, RTOL, "divergence from a uniform policy");
  });
});
