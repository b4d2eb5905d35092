import "@sconce/backend-cpu";
import { arange, manualSeed, ones, type Tensor, tensor } from "@sconce/core";
import { transforms } from "@sconce/data";
import { describe, expect, it } from "vitest";

const { affine, randomAffine } = transforms;

const image = (): Tensor => arange(1, 13, 1, { dtype: "float32" }).view(3, 4);

function close(actual: Tensor, expected: readonly (readonly number[])[]): void {
  const wanted = expected.flat();
  const got = [...(actual.flatten().dataSync() as Float32Array)];
  got.forEach((x, i) => expect(x).toBeCloseTo(wanted[i], 4));
  expect(actual.shape).toEqual([expected.length, expected[0].length]);
}

describe("affine", () => {
  // Values of torchvision's formulas with PyTorch's grid_sample.
  it("agrees with PyTorch, bilinear and nearest", () => {
    const options = { angle: 30, translate: [1, 0], scale: 1.2, shear: [10, 5] } as const;
    close(affine({ ...options, interpolation: "bilinear" })(image()), [
      [1.6578210592269897, 3.927609920501709, 3.2944650650024414, 2.539708137512207],
      [7.268819808959961, 7.632136344909668, 6.877378940582275, 6.122621536254883],
      [3.366288423538208, 7.1593122482299805, 10.460291862487793, 9.705534934997559],
    ]);
    close(affine(options)(image()), [
      [0, 5, 2, 2],
      [9, 10, 6, 7],
      [0, 10, 11, 11],
    ]);
    close(affine({ angle: -77, translate: [0, -1], scale: 0.7 })(image()), [
      [0, 2, 11, 0],
      [0, 5, 9, 0],
      [0, 0, 0, 0],
    ]);
  });

  it("turns clockwise by whole pixels, and fills what comes from outside", () => {
    const square = tensor([
      [1, 2],
      [3, 4],
    ]);
    expect(affine({ angle: 90 })(square).tolistSync()).toEqual([
      [3, 1],
      [4, 2],
    ]);
    expect(affine({ translate: [1, 0], fill: -1 })(square.expand(2, 2, 2)).tolistSync()).toEqual([
      [
        [-1, 1],
        [-1, 3],
      ],
      [
        [-1, 1],
        [-1, 3],
      ],
    ]);
    expect(affine({ angle: 180 })(square.to("uint8")).dtype).toBe("uint8");
    expect(() => affine({ scale: 0 })).toThrow("scale should be positive");
    expect(() => affine({})(ones(3))).toThrow("affine: expected an image [..., H, W], got [3]");
  });
});

describe("randomAffine", () => {
  it("draws as torchvision does", () => {
    manualSeed(5);
    const transform = randomAffine(15, { translate: [0.25, 0.5], scale: [0.9, 1.5], shear: 8, interpolation: "bilinear" });
    close(transform(image()), [
      [1.1243596076965332, 1.2717194557189941, 1.247724175453186, 1.0523738861083984],
      [3.3628392219543457, 3.5615320205688477, 3.760226011276245, 3.8315863609313965],
      [6.400653839111328, 6.599347114562988, 6.798040390014648, 5.189077377319336],
    ]);
  });

  it("refuses ranges that make no sense", () => {
    expect(() => randomAffine(-1)).toThrow("If degrees is a single number, it must be positive");
    expect(() => randomAffine(1, { translate: [2, 0] })).toThrow("translation values should be between 0 and 1");
    expect(() => randomAffine(1, { scale: [0, 1] })).toThrow("scale values should be positive");
  });
});
