import { cat, nn, type Tensor, tensor } from "sconce";
import { describe, expect, it } from "vitest";
import { expectGrad, expectNumbers, expectTensor, type GoldenTensor, goldenData, readCases } from "../../src/index.js";
import { makeModule } from "../../src/modules.js";
import { load, loadAll } from "../seeds/trajectory.js";

interface PackedCase {
  readonly id: string;
  readonly kind: "packed_rnn";
  readonly module: "RNN" | "GRU" | "LSTM";
  readonly ctor: { readonly args: readonly number[]; readonly kwargs: { readonly [name: string]: unknown } };
  readonly state: { readonly [name: string]: GoldenTensor };
  readonly x: GoldenTensor;
  readonly lengths: readonly number[];
  readonly packed_data: GoldenTensor;
  readonly batch_sizes: GoldenTensor;
  readonly sorted_indices: GoldenTensor;
  readonly out: GoldenTensor;
  readonly out_lengths: GoldenTensor;
  readonly hidden: readonly GoldenTensor[];
  readonly x_grad: GoldenTensor;
  readonly param_grads: { readonly [name: string]: GoldenTensor };
}

interface PadCase {
  readonly id: string;
  readonly kind: "pad_sequence";
  readonly in: readonly GoldenTensor[];
  readonly batch_first: boolean;
  readonly padding_value: { readonly $float: string };
  readonly out: GoldenTensor;
}

const cases = await readCases<PackedCase | PadCase>("data", "packed");
const { packPaddedSequence, packSequence, padPackedSequence, padSequence, unpackSequence, unpadSequence, PackedSequence } = nn.utils.rnn;
const numbers = (golden: GoldenTensor): number[] => Array.from(goldenData(golden), Number);

describe("packed sequences", () => {
  for (const c of cases.filter((one) => one.kind === "packed_rnn")) {
    it(`give PyTorch's outputs and gradients in ${c.id}`, async () => {
      const layer = makeModule(c.module, c.ctor.args, c.ctor.kwargs) as nn.RNN;
      layer.loadStateDict(loadAll(c.state));
      const x = load(c.x).requiresGrad_();
      const { batchFirst } = layer;
      const packed = packPaddedSequence(x, c.lengths, { batchFirst, enforceSorted: false });
      await expectTensor(packed.data, c.packed_data, 0, "data");
      expect(packed.batchSizes).toEqual(numbers(c.batch_sizes));
      await expectTensor(packed.sortedIndices, c.sorted_indices, 0, "sortedIndices");
      const [output, state] = layer(packed);
      const hidden = (Array.isArray(state) ? state : [state]) as Tensor[];
      const [padded, lengths] = padPackedSequence(output, { batchFirst });
      await expectTensor(padded, c.out, 0, "out");
      expect(lengths).toEqual(numbers(c.out_lengths));
      for (let i = 0; i < c.hidden.length; i++) await expectTensor(hidden[i], c.hidden[i], 0, `hidden ${i}`);
      let loss = padded.square().sum();
      for (const h of hidden) loss = loss.add(h.square().sum());
      loss.backward();
      await expectGrad(x.grad, c.x_grad, 0, "x.grad");
      for (const [name, p] of layer.namedParameters()) await expectGrad(p.grad, c.param_grads[name], 0, `${name}.grad`);
    });
  }

  it("refuse lengths that do not fall, unless they may be sorted", () => {
    const x = tensor([
      [1, 2],
      [3, 4],
      [5, 6],
    ]); // [T, N]
    expect(() => packPaddedSequence(x, [2, 3])).toThrow(/sorted in decreasing order/);
    expect(() => packPaddedSequence(x, [3, 0])).toThrow(/greater than 0/);
    expect(() => packPaddedSequence(x, [3])).toThrow(/batch_size/);
    const packed = packPaddedSequence(x, tensor([2, 3]), { enforceSorted: false });
    expect(packed.data.tolistSync()).toEqual([2, 1, 4, 3, 6]);
    expect(packed.unsortedIndices?.tolistSync()).toEqual([1, 0]);
    expect(packPaddedSequence(x, [3, 2]).sortedIndices).toBeNull();
  });

  it("start from a state in the order of the sequences", async () => {
    const gru = new nn.GRU(2, 3);
    const x = load({ dtype: "float32", shape: [3, 2, 2], data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] });
    const hx = load({ dtype: "float32", shape: [1, 2, 3], data: [1, -1, 0.5, -0.5, 0.25, 0] });
    const [, hidden] = gru(packPaddedSequence(x, [1, 3], { enforceSorted: false }), hx);
    const [, first] = gru(x.narrow(0, 0, 1).narrow(1, 0, 1), hx.narrow(1, 0, 1));
    const [, second] = gru(x.narrow(1, 1, 1), hx.narrow(1, 1, 1));
    expectNumbers(hidden.dataSync(), cat([first, second], 1).dataSync(), 0, "hidden");
  });

  it("are padded to a given length with a given value", () => {
    const packed = packSequence([tensor([1, 2, 3]), tensor([4])]);
    expect(packed).toBeInstanceOf(PackedSequence);
    const [padded, lengths] = padPackedSequence(packed, { batchFirst: true, paddingValue: -1, totalLength: 4 });
    expect(padded.tolistSync()).toEqual([
      [1, 2, 3, -1],
      [4, -1, -1, -1],
    ]);
    expect(lengths).toEqual([3, 1]);
    expect(() => padPackedSequence(packed, { totalLength: 2 })).toThrow(/total_length/);
    expect(unpackSequence(packed).map((x) => x.tolistSync())).toEqual([[1, 2, 3], [4]]);
  });
});

describe("padSequence", () => {
  for (const c of cases.filter((one) => one.kind === "pad_sequence")) {
    it(`has PyTorch's result in ${c.id}`, async () => {
      const options = { batchFirst: c.batch_first, paddingValue: Number(c.padding_value.$float) };
      const list = c.in.map(load);
      const padded = padSequence(list, options);
      await expectTensor(padded, c.out, 0, "out");
      const lengths = list.map(({ shape }) => shape[0]);
      unpadSequence(padded, lengths, options).forEach((x, i) => expect(x.tolistSync()).toEqual(list[i].tolistSync()));
    });
  }
});
