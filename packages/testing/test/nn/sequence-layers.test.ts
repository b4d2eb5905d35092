import { manualSeed, nn, noGrad, ones, randn, type Tensor } from "sconce";
import { describe, expect, it } from "vitest";
import { expectNumbers } from "../../src/index.js";

const close = (numbers: readonly number[]): unknown => numbers.map((x) => expect.closeTo(x, 6));

/** First three elements and the sum of a parameter. */
function summary(net: nn.Module, name: string): unknown {
  const data = Array.from(net.getParameter(name).dataSync(), Number);
  return [data.slice(0, 3), data.reduce((a, b) => a + b, 0)];
}

function same(a: Tensor, b: Tensor, what: string): void {
  expect(a.shape).toEqual(b.shape);
  expectNumbers(a.dataSync(), b.dataSync(), 0, what);
}

describe("first weights of the same seed as PyTorch", () => {
  it.each<[string, () => nn.Module, string, readonly number[], number]>([
    [
      "LSTM",
      () => new nn.LSTM(3, 4, { numLayers: 2, bidirectional: true, projSize: 2 }),
      "weight_ih_l0",
      [-0.00374341, 0.2682218, -0.4115226],
      -2.1700339,
    ],
    [
      "LSTM",
      () => new nn.LSTM(3, 4, { numLayers: 2, bidirectional: true, projSize: 2 }),
      "weight_hr_l1_reverse",
      [0.4232646, -0.2694752, 0.1578879],
      0.7011478,
    ],
    ["GRUCell", () => new nn.GRUCell(3, 4), "bias_hh", [0.2496575, 0.1046507, -0.390042], -1.1077089],
    [
      "attention",
      () => new nn.MultiheadAttention(8, 2, { addBiasKv: true, kdim: 4 }),
      "q_proj_weight",
      [0.2406684, 0.5073808, 0.532891],
      -2.2809113,
    ],
    [
      "attention",
      () => new nn.MultiheadAttention(8, 2, { addBiasKv: true, kdim: 4 }),
      "bias_v",
      [0.7035392, 0.2539405, -0.1755981],
      1.1899159,
    ],
    [
      "attention",
      () => new nn.MultiheadAttention(8, 2, { addBiasKv: true, kdim: 4 }),
      "out_proj.weight",
      [-0.002647, 0.1896614, -0.2909904],
      -1.3458135,
    ],
    ["Transformer", transformer, "encoder.layers.0.self_attn.in_proj_weight", [0.3842298, 0.4028489, -0.0413194], 2.5407923],
    ["Transformer", transformer, "encoder.layers.0.linear1.bias", [-0.1993015, -0.1983847, -0.2720526], 0.7408176],
    ["Transformer", transformer, "decoder.layers.1.linear2.weight", [-0.0790991, -0.4376709, -0.4468129], -0.7821276],
  ])("of %s are its", (_name, make, parameter, first, sum) => {
    manualSeed(0);
    expect(summary(make(), parameter)).toEqual([close(first), expect.closeTo(sum, 5)]);
  });
});

function transformer(): nn.Transformer {
  return new nn.Transformer({ dModel: 8, nhead: 2, numEncoderLayers: 1, numDecoderLayers: 2, dimFeedforward: 16 });
}

describe("recurrent layers", () => {
  it("have fields for their weights, whose keys are PyTorch's", () => {
    const lstm = new nn.LSTM(3, 4, { numLayers: 2, bidirectional: true, projSize: 2 });
    expect(lstm.weightIhL0.shape).toEqual([16, 3]);
    expect(lstm.weightHrL1Reverse).toBe(lstm.getParameter("weight_hr_l1_reverse"));
    expect(Object.keys(lstm.stateDict()).slice(0, 6)).toEqual([
      "weight_ih_l0",
      "weight_hh_l0",
      "bias_ih_l0",
      "bias_hh_l0",
      "weight_hr_l0",
      "weight_ih_l0_reverse",
    ]);
  });

  it("agree with their cells step by step", () => {
    const lstm = new nn.LSTM(3, 4);
    const cell = new nn.LSTMCell(3, 4);
    cell.loadStateDict(Object.fromEntries(Object.entries(lstm.stateDict()).map(([key, value]) => [key.replace("_l0", ""), value])));
    const x = randn([5, 2, 3]);
    const [output, [hidden, last]] = lstm(x);
    let state: nn.LSTMState | null = null;
    for (let t = 0; t < 5; t++) {
      state = cell(x.select(0, t), state);
      same(output.select(0, t), state[0], `step ${t}`);
    }
    same(hidden.select(0, 0), state![0], "hidden");
    same(last.select(0, 0), state![1], "cell");
  });

  it("drop out between layers in training alone", () => {
    const rnn = new nn.RNN(3, 4, { numLayers: 2, dropout: 0.5 });
    const x = randn([4, 2, 3]);
    const [first] = rnn(x);
    const [second] = rnn(x);
    expect(first.sub(second).abs().max().itemSync()).toBeGreaterThan(0);
    rnn.eval();
    same(rnn(x)[0], rnn(x)[0], "outputs");
  });

  it("are copied by clone", () => {
    const gru = new nn.GRU(3, 4, { bidirectional: true });
    const x = randn([4, 2, 3]);
    same(nn.clone(gru)(x)[0], gru(x)[0], "outputs");
  });

  it("say what does not fit", () => {
    const lstm = new nn.LSTM(3, 4);
    expect(() => lstm(randn([5, 2, 7]))).toThrow(/input.size\(-1\) must be equal to input_size. Expected 3, got 7/);
    expect(() => lstm(randn([3]))).toThrow(/2-D or 3-D but received 1-D/);
    expect(() => lstm(randn([5, 2, 3]), [randn([1, 3, 4]), randn([1, 2, 4])])).toThrow(
      /Expected hidden\[0\] size \[1, 2, 4\], got \[1, 3, 4\]/,
    );
    expect(() => lstm(randn([5, 2, 3]), [randn([1, 4]), randn([1, 4])])).toThrow(/hx should also be 3-D/);
    expect(() => new nn.GRU(3, 4, { projSize: 2 } as nn.RecurrentOptions)).toThrow(/proj_size argument is only supported for LSTM/);
    expect(() => new nn.LSTM(3, 4, { projSize: 4 })).toThrow(/smaller than hidden_size/);
    expect(() => new nn.RNN(3, 4, { dropout: 2 })).toThrow(/range \[0, 1\]/);
    expect(() => new nn.RNN(3, 4, { nonlinearity: "elu" as "relu" })).toThrow(/Unknown nonlinearity/);
    expect(() => new nn.GRUCell(3, 4)(randn([2, 3]), randn([3, 4]))).toThrow(/batch size 2 doesn't match hidden batch size 3/);
  });
});

describe("scaledDotProductAttention", () => {
  const shapes = { q: randn([2, 4, 5, 8]), k: randn([2, 4, 6, 8]), v: randn([2, 4, 6, 3]) };

  it("weighs the values by the softmax of the scores", () => {
    const { q, k, v } = shapes;
    const weights = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(8)).softmax(-1);
    same(nn.functional.scaledDotProductAttention(q, k, v), weights.matmul(v), "output");
    const half = q.matmul(k.transpose(-2, -1)).mul(0.5).softmax(-1);
    same(nn.functional.scaledDotProductAttention(q, k, v, { scale: 0.5 }), half.matmul(v), "scaled");
  });

  it("looks at what a mask allows", () => {
    const { q, k, v } = shapes;
    const attnMask = ones([5, 6], { dtype: "bool" }).tril();
    const causal = nn.functional.scaledDotProductAttention(q, k, v, { isCausal: true });
    same(causal, nn.functional.scaledDotProductAttention(q, k, v, { attnMask }), "causal");
    same(causal.select(2, 0), v.select(2, 0), "the first query sees the first value alone");
    expect(() => nn.functional.scaledDotProductAttention(q, k, v, { attnMask, isCausal: true })).toThrow(/is_causal/);
  });

  it("shares heads of keys and values", () => {
    const { q, k, v } = shapes;
    const [few, fewer] = [k.narrow(1, 0, 2), v.narrow(1, 0, 2)];
    const shared = nn.functional.scaledDotProductAttention(q, few, fewer, { enableGqa: true });
    same(shared.select(1, 3), nn.functional.scaledDotProductAttention(q.select(1, 3), few.select(1, 1), fewer.select(1, 1)), "head 3");
  });
});

describe("attention layers", () => {
  it("drop out weights in training alone", () => {
    const attention = new nn.MultiheadAttention(8, 2, { dropout: 0.5 });
    const x = randn([6, 2, 8]);
    expect(attention(x, x, x)[1]!.eq(0).any().itemSync()).toBe(1);
    attention.eval();
    expect(attention(x, x, x)[1]!.eq(0).any().itemSync()).toBe(0);
  });

  it("say what does not fit", () => {
    expect(() => new nn.MultiheadAttention(8, 3)).toThrow(/embed_dim must be divisible by num_heads/);
    const attention = new nn.MultiheadAttention(8, 2);
    const x = randn([6, 2, 8]);
    expect(() => attention(randn([6, 2, 7]), x, x)).toThrow(/was expecting embedding dimension of 8, but got 7/);
    expect(() => attention(x, x, x, { attnMask: ones([5, 6]) })).toThrow(
      /The shape of the 2D attn_mask is \[5, 6\], but should be \[6, 6\]/,
    );
    expect(() => attention(x, x, x, { keyPaddingMask: ones([6, 2]) })).toThrow(/should be \[2, 6\]/);
  });

  it("keep the past apart from the future by a causal mask", () => {
    const mask = nn.Transformer.generateSquareSubsequentMask(3);
    const low = Number.NEGATIVE_INFINITY;
    expect(mask.tolistSync()).toEqual([
      [0, low, low],
      [0, 0, low],
      [0, 0, 0],
    ]);
    const layer = new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16 }).eval();
    const x = randn([3, 2, 8]);
    const all = layer(x, { srcMask: mask });
    same(all.narrow(0, 0, 2), layer(x.narrow(0, 0, 2), { srcMask: mask.narrow(0, 0, 2).narrow(1, 0, 2) }), "prefix");
  });

  it("are copied with separate weights by a stack", () => {
    const encoder = new nn.TransformerEncoder(new nn.TransformerEncoderLayer(8, 2, { dimFeedforward: 16 }), 2);
    const [first, second] = encoder.layers;
    same(first.linear1.weight, second.linear1.weight, "weights");
    noGrad(() => first.linear1.weight.add_(1));
    expect(first.linear1.weight.sub(second.linear1.weight).mean().itemSync()).toBeCloseTo(1);
    expect(() => transformer()(randn([3, 2, 8]), randn([3, 1, 8]))).toThrow(/batch number of src and tgt must be equal/);
  });
});
