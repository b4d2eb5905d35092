import "@sconce/backend-cpu";
import { forkRng, manualSeed, ones, rand, type Tensor, tensor, zeros } from "@sconce/core";
import { assertClose } from "@sconce/core/testing";
import { describe, expect, it } from "vitest";

describe("assertClose", () => {
  it("passes what rounding explains, in structures too", async () => {
    await assertClose(tensor([1, 2]).div(3), tensor([1 / 3, 2 / 3]));
    await assertClose({ a: [ones([2]), 1], b: zeros([0]) }, { a: [ones([2]).add(1e-7), 1], b: zeros([0]) });
    await assertClose(tensor([Number.POSITIVE_INFINITY]), tensor([Number.POSITIVE_INFINITY]));
    await assertClose(tensor([Number.NaN]), tensor([Number.NaN]), { equalNan: true });
    await assertClose(ones([2]), ones([2], { dtype: "float64" }), { checkDtype: false });
    await assertClose(tensor([1]), tensor([1.05]), { rtol: 0, atol: 0.1 });
  });

  it("says how many elements differ, by how much and where", async () => {
    const x = tensor([
      [1, 2],
      [3, 4],
    ]);
    const y = x.clone().setAt([1, 0], 3.5);
    await expect(assertClose(x, y)).rejects.toThrow(
      /Tensor-likes are not close!\n\nMismatched elements: 1 \/ 4 \(25\.0%\)\nGreatest absolute difference: 0\.5 at index \(1, 0\) \(up to 0\.00001 allowed\)/,
    );
  });

  it.each<[string, Tensor | number | (Tensor | number)[], Tensor | number | (Tensor | number)[], string]>([
    ["shapes", ones([2]), ones([3]), "'shape' do not match: [2] != [3]"],
    ["dtypes", ones([2]), ones([2]).double(), "'dtype' do not match: float32 != float64"],
    ["NaN", tensor([Number.NaN]), tensor([Number.NaN]), "not close"],
    ["infinities", tensor([Number.POSITIVE_INFINITY]), tensor([1]), "not close"],
    ["integers", tensor([1, 2]).int(), tensor([1, 3]).int(), "Greatest absolute difference: 1 at index (1)"],
    ["numbers", 1, 1.1, "Scalars are not close"],
    ["kinds", 1, ones([1]), "different kinds: number and Tensor"],
    ["lengths", [1, 2], [1], "The keys are not the same"],
    ["what is in a list", [1, 2], [1, 3], "The failure occurred for item [1]"],
  ])("refuses different %s", async (_, actual, expected, text) => {
    await expect(assertClose(actual, expected)).rejects.toThrow(text);
  });

  it("wants both tolerances or none, and shows a message", async () => {
    await expect(assertClose(1, 2, { rtol: 1 })).rejects.toThrow("both be specified");
    await expect(assertClose(1, 2, { msg: "the loss" })).rejects.toThrow("the loss");
  });
});

describe("forkRng", () => {
  it("leaves the generator where it was", () => {
    manualSeed(3);
    const first = rand([4]).tolistSync();
    manualSeed(3);
    forkRng(() => {
      manualSeed(9);
      rand([7]);
    });
    expect(rand([4]).tolistSync()).toEqual(first);
    expect(() => forkRng(async () => 1)).toThrow("Promise");
  });
});
