import { nn, optim, type Tensor, zeros } from "sconce";
import { describe, it } from "vitest";
import type { GoldenTensor } from "../../src/index.js";
import { expectTrajectory, load, loadAll, readSeed, type Trajectory } from "./trajectory.js";

interface Golden extends Trajectory {
  readonly state: { readonly [name: string]: GoldenTensor };
  readonly x: GoldenTensor;
  readonly y: GoldenTensor;
  readonly steps: number;
}

/** `[N, T]` characters to the logits of those that follow, `[N, T, V]`. */
class CharGRU extends nn.Module {
  emb: nn.Embedding;
  rnn: nn.GRU;
  out: nn.Linear;

  constructor(vocabulary: number, size: number, hidden: number) {
    super();
    this.emb = new nn.Embedding(vocabulary, size);
    this.rnn = new nn.GRU(size, hidden, { batchFirst: true });
    this.out = new nn.Linear(hidden, vocabulary);
  }

  override forward(x: Tensor): Tensor {
    const [hidden] = this.rnn(this.emb(x));
    return this.out(hidden);
  }
}

/** Logits of the characters that follow, by one layer of attention to the characters so far. */
class CharTransformer extends nn.Module {
  pos: nn.Parameter;
  emb: nn.Embedding;
  enc: nn.TransformerEncoderLayer;
  out: nn.Linear;

  constructor(vocabulary: number, length: number, size: number) {
    super();
    this.pos = new nn.Parameter(zeros([length, size]));
    this.emb = new nn.Embedding(vocabulary, size);
    this.enc = new nn.TransformerEncoderLayer(size, 2, { dimFeedforward: 2 * size, dropout: 0, batchFirst: true });
    this.out = new nn.Linear(size, vocabulary);
  }

  override forward(x: Tensor): Tensor {
    const srcMask = nn.Transformer.generateSquareSubsequentMask(x.shape[1]);
    return this.out(this.enc(this.emb(x).add(this.pos), { srcMask }));
  }
}

/** Trains on all sequences at once with AdamW, gradients clipped to norm 1. Returns the loss of each step. */
async function train(net: nn.Module, x: Tensor, y: Tensor, steps: number): Promise<number[]> {
  const optimizer = new optim.AdamW(net.parameters(), { lr: 3e-3 });
  const losses: number[] = [];
  for (let t = 0; t < steps; t++) {
    const loss = nn.functional.crossEntropy((net(x) as Tensor).flatten(0, 1), y.flatten());
    losses.push(await loss.item());
    optimizer.zeroGrad();
    loss.backward();
    optim.clipGradNorm_(net.parameters(), 1);
    optimizer.step();
  }
  return losses;
}

describe("a character model of gated recurrent units (13)", () => {
  it("has PyTorch's losses", async () => {
    const golden = await readSeed<Golden>("13_char_gru");
    const net = new CharGRU(18, 12, 24);
    net.loadStateDict(loadAll(golden.state));
    expectTrajectory(await train(net, load(golden.x), load(golden.y), golden.steps), golden);
  });
});

describe("a character model of attention (14)", () => {
  it("has PyTorch's losses", async () => {
    const golden = await readSeed<Golden>("14_char_transformer");
    const net = new CharTransformer(18, 20, 16);
    net.loadStateDict(loadAll(golden.state));
    expectTrajectory(await train(net, load(golden.x), load(golden.y), golden.steps), golden);
  });
});
