import "@sconce/backend-cpu";
import { gradcheck, gradgradcheck } from "@sconce/autograd";
import { type DType, manualSeed, randn, ShapeError, scalar, type Tensor, tensor } from "@sconce/core";
import { abs, angle, complex, conj, div, exp, imag, matmul, mul, polar, real } from "@sconce/core/complex";
import {
  bartlettWindow,
  fft,
  fft2,
  fftfreq,
  fftn,
  fftshift,
  hammingWindow,
  hannWindow,
  hfft,
  ifft,
  ifftn,
  ifftshift,
  ihfft,
  irfft,
  irfftn,
  istft,
  kaiserWindow,
  rfft,
  rfftfreq,
  rfftn,
  stft,
} from "@sconce/core/fft";
import { beforeEach, describe, expect, it } from "vitest";

beforeEach(() => {
  manualSeed(0);
});

const noise = (shape: number[], dtype: DType = "float64"): Tensor => randn(shape, { dtype });

/** The sum of the definition, for the frequencies 0 to `count - 1`. */
function naive(z: Tensor, sign: number, count: number): number[][] {
  const x = z.tolistSync() as number[][];
  const n = x.length;
  return Array.from({ length: count }, (_, k) => {
    let [re, im] = [0, 0];
    x.forEach(([a, b], j) => {
      const phi = (sign * 2 * Math.PI * ((j * k) % n)) / n;
      re += a * Math.cos(phi) - b * Math.sin(phi);
      im += a * Math.sin(phi) + b * Math.cos(phi);
    });
    return [re, im];
  });
}

function distance(actual: Tensor, expected: Tensor): number {
  expect(actual.shape).toEqual(expected.shape);
  return actual.sub(expected).abs().max().itemSync();
}

describe("the Fourier transform", () => {
  // One product, mixed radices, several levels, a prime, twice a prime, the square of a prime beyond a product.
  it.each([1, 2, 3, 64, 65, 96, 360, 1000, 1024, 2187, 97, 127, 202, 5041])("of length %i is the sum that defines it", (n) => {
    const z = noise([n, 2]);
    const count = Math.min(n, 100);
    expect(distance(fft(z).narrow(0, 0, count), tensor(naive(z, -1, count), { dtype: "float64" }))).toBeLessThan(1e-11 * n);
    expect(distance(ifft(fft(z)), z)).toBeLessThan(1e-12);
    const x = real(z).contiguous();
    expect(distance(rfft(x), fft(complex(x)).narrow(0, 0, Math.floor(n / 2) + 1))).toBeLessThan(1e-12 * n);
    expect(distance(irfft(rfft(x), { n }), x)).toBeLessThan(1e-12);
  });

  it("in float32 loses few digits of a long signal", () => {
    const x = noise([2, 4096], "float32");
    const scale = rfft(x).abs().max().itemSync();
    expect(distance(rfft(x), rfft(x.double()).float()) / scale).toBeLessThan(2e-6);
    const y = noise([509, 2], "float32");
    expect(distance(fft(y), fft(y.double()).float()) / fft(y).abs().max().itemSync()).toBeLessThan(4e-6);
  });

  it("runs along any dimension, over several, and in all normalisations", () => {
    const z = noise([3, 4, 5, 2]);
    expect(distance(fft(z, { dim: 0 }), fft(z.movedim(0, 2)).movedim(2, 0))).toBeLessThan(1e-13);
    expect(distance(fftn(z), fft(fft(fft(z, { dim: 0 }), { dim: 1 }), { dim: 2 }))).toBeLessThan(1e-12);
    expect(distance(fft2(z), fftn(z, { dim: [1, 2] }))).toBe(0);
    expect(distance(ifftn(fftn(z, { norm: "ortho" }), { norm: "ortho" }), z)).toBeLessThan(1e-13);
    expect(distance(fft(z, { norm: "forward" }), fft(z).div(5))).toBeLessThan(1e-14);
    const x = noise([4, 6]);
    expect(distance(irfftn(rfftn(x), { s: [4, 6] }), x)).toBeLessThan(1e-13);
    expect(distance(hfft(ihfft(x), { n: 6 }), x)).toBeLessThan(1e-13);
  });

  it("has right gradients of both orders", () => {
    for (const n of [5, 70, 67]) {
      const z = noise([n, 2]).requiresGrad_();
      expect(gradcheck((v) => fft(v).square().sum(), [z])).toBe(true);
    }
    const x = noise([2, 6]).requiresGrad_();
    expect(gradcheck((v) => rfft(v, { n: 5 }).pow(3), [x])).toBe(true);
    expect(gradgradcheck((v) => rfft(v).pow(3), [x])).toBe(true);
    const half = noise([4, 2]).requiresGrad_();
    expect(gradcheck((v) => irfft(v), [half])).toBe(true);
    expect(gradcheck((v) => irfft(v, { n: 5 }), [half])).toBe(true);
  });

  it("names what is wrong", () => {
    expect(() => rfft(scalar(1))).toThrow("fft.rfft: Invalid number of data points (0) specified, expected at least one dimension");
    expect(() => fft(tensor([1, 0]))).toThrow("fft.fft: Invalid number of data points (0) specified");
    expect(() => irfft(tensor([1, 0]))).toThrow(ShapeError);
    expect(() => fft(noise([4]))).toThrow(/last dimension of size 2.*complex\(x\) makes one/);
    expect(() => fft(noise([4, 2]), { n: 0 })).toThrow(/Invalid number of data points \(0\) specified/);
    expect(() => fft(noise([4, 2]), { norm: "both" as never })).toThrow(/Invalid normalization mode/);
    expect(() => fftn(noise([4, 2]), { s: [2, 2] })).toThrow(/only has 1 dimensions/);
    expect(() => fftn(noise([4, 4, 2]), { dim: [0, 0] })).toThrow(/dims must be unique/);
    expect(() => fft(noise([4, 2]).half())).toThrow(/expected float32 or float64/);
  });
});

describe("frequencies and shifts", () => {
  it("are PyTorch's", () => {
    expect(fftfreq(5, { d: 0.5 }).tolistSync()).toEqual([0, 0.4, 0.8, -0.8, -0.4].map(Math.fround));
    expect(fftfreq(4).tolistSync()).toEqual([0, 0.25, -0.5, -0.25]);
    expect(rfftfreq(4).tolistSync()).toEqual([0, 0.25, 0.5]);
    expect(fftshift(tensor([0, 1, 2, -2, -1])).tolistSync()).toEqual([-2, -1, 0, 1, 2]);
    expect(ifftshift(fftshift(tensor([0, 1, 2, -2, -1]))).tolistSync()).toEqual([0, 1, 2, -2, -1]);
  });
});

describe("the short-time transform", () => {
  it("is undone by its inverse", () => {
    const x = noise([2, 400]);
    for (const options of [
      { window: hannWindow(64, { dtype: "float64" }) },
      { hopLength: 20, winLength: 40, normalized: true },
      { onesided: false },
    ]) {
      const spectrum = stft(x, 64, options);
      expect(distance(istft(spectrum, 64, { ...options, length: 400 }), x)).toBeLessThan(1e-12);
    }
    const whole = stft(x, 64, { onesided: false });
    expect(distance(real(istft(whole, 64, { onesided: false, returnComplex: true, length: 400 })), x)).toBeLessThan(1e-12);
  });

  it("refuses what makes no frames", () => {
    expect(() => stft(noise([10]), 64, { center: false })).toThrow(/expected 0 < nFft < 10, but got nFft=64/);
    expect(() => stft(noise([100]), 16, { window: hannWindow(8) })).toThrow(/expected a 1D window tensor of size equal to winLength=16/);
    expect(() => istft(noise([9, 4, 2]), 16, { hopLength: 40, center: false })).toThrow(/window overlap add min/);
  });

  it("has the usual windows", () => {
    const list = (w: Tensor): number[] => (w.tolistSync() as number[]).map((v) => Math.round(v * 1e4) / 1e4);
    expect(list(hannWindow(4))).toEqual([0, 0.5, 1, 0.5]);
    expect(list(hannWindow(5, { periodic: false }))).toEqual([0, 0.5, 1, 0.5, 0]);
    expect(list(hammingWindow(4))).toEqual([0.08, 0.54, 1, 0.54]);
    expect(list(bartlettWindow(4))).toEqual([0, 0.5, 1, 0.5]);
    expect(list(kaiserWindow(4, { beta: 5 }))).toEqual([0.0367, 0.5529, 1, 0.5529]);
  });
});

describe("pairs as complex numbers", () => {
  const z = tensor([
    [3, 4],
    [0, -2],
  ]);
  const w = tensor([
    [1, -1],
    [2, 0.5],
  ]);

  it("compute as complex numbers do", () => {
    expect(abs(z).tolistSync()).toEqual([5, 2]);
    expect(angle(z).tolistSync()).toEqual([Math.atan2(4, 3), -Math.PI / 2].map(Math.fround));
    expect(mul(z, w).tolistSync()).toEqual([
      [7, 1],
      [1, -4],
    ]);
    expect(distance(mul(div(z, w), w), z)).toBeLessThan(1e-6);
    expect(conj(z).tolistSync()).toEqual([
      [3, -4],
      [0, 2],
    ]);
    expect(distance(polar(abs(z), angle(z)), z)).toBeLessThan(1e-6);
    expect(distance(exp(complex(tensor([0]), tensor([Math.PI]))), tensor([[-1, 0]]))).toBeLessThan(1e-6);
    expect(imag(z).tolistSync()).toEqual([4, -2]);
    expect(matmul(z.reshape([1, 2, 2]), w.reshape([2, 1, 2])).tolistSync()).toEqual([[[8, -3]]]);
  });

  it("say what is missing", () => {
    expect(() => conj(tensor([1, 2, 3]))).toThrow(/last dimension of size 2/);
  });
});
