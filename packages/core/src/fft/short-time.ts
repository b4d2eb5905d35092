import { complex, requirePairs } from "../complex.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import { constantPadNd, pad } from "../nn/pad.js";
import { optionsOf } from "../options.js";
import { constantLike, positions } from "../tensor/compose.js";
import { Tensor } from "../tensor/tensor.js";
import { fft, floating, ifft, irfft, rfft } from "./one.js";

/** What {@link stft} and {@link istft} take. */
interface FrameOptions {
  /** Samples from one frame to the next, a quarter of `nFft` if left out. */
  readonly hopLength?: number | null;
  /** Samples of the window, `nFft` if left out; it stands in the middle of each frame. */
  readonly winLength?: number | null;
  /** A factor for each sample of the window, 1 if left out. */
  readonly window?: Tensor | null;
  /** Frame t is about sample `t * hopLength`, the default, where it would start there. */
  readonly center?: boolean;
  /** Divides by the root of `nFft`. */
  readonly normalized?: boolean;
  /** Only the frequencies 0 to nFft / 2, the default for real signals. */
  readonly onesided?: boolean | null;
}

/** What {@link stft} takes. */
export interface StftOptions extends FrameOptions {
  /** How the ends are continued for `center`, by reflection if left out. */
  readonly padMode?: "reflect" | "constant" | "replicate" | "circular";
  /** Ignored: the result is pairs either way. */
  readonly returnComplex?: boolean;
}

/** What {@link istft} takes. */
export interface IstftOptions extends FrameOptions {
  /** Samples of the result. */
  readonly length?: number | null;
  /** The signal is complex: pairs, from all frequencies. Without, only the frequencies 0 to nFft / 2 are read. */
  readonly returnComplex?: boolean;
}

interface Frames {
  readonly hop: number;
  /** `[nFft]` */
  readonly window: Tensor;
}

/** The window in the middle of `nFft` samples. @throws ValueError for lengths that make no frames. */
function framesOf(op: string, like: Tensor, nFft: number, options: FrameOptions): Frames {
  const { hopLength, winLength: given, window } = optionsOf(op, options, { hopLength: Number, winLength: Number, window: Tensor });
  const hop = hopLength ?? Math.floor(nFft / 4);
  const winLength = given ?? nFft;
  if (!(hop > 0)) throw new ValueError(`${op}: expected hopLength > 0, but got hopLength=${hop}`);
  if (!(winLength > 0 && winLength <= nFft)) throw new ValueError(`${op}: expected 0 < winLength <= nFft, but got winLength=${winLength}`);
  if (window !== null && (window.ndim !== 1 || window.shape[0] !== winLength)) {
    throw new ShapeError(
      `${op}: expected a 1D window tensor of size equal to winLength=${winLength}, but got window with size ${formatShape(window.shape)}`,
      {
        shapes: [window.shape],
      },
    );
  }
  const left = Math.floor((nFft - winLength) / 2);
  const full = window ?? constantLike(like, 1, like.dtype, [winLength]);
  return { hop, window: winLength === nFft ? full : constantPadNd(full, [left, nFft - winLength - left]) };
}

/**
 * Fourier transforms of overlapping frames of signals `[..., L]`: pairs `[..., frequencies, frames, 2]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.stft.html
 *
 * @throws ShapeError unless the signal has one or two dimensions and fills a frame.
 * @example
 * import "@sconce/backend-cpu";
 * import { hannWindow } from "@sconce/core/fft";
 * import { randn } from "@sconce/core";
 * import { stft } from "@sconce/core/fft";
 * stft(randn([2, 400]), 64, { window: hannWindow(64) }); // [2, 33, 26, 2]
 */
export function stft(x: Tensor, nFft: number, options: StftOptions = {}): Tensor {
  const op = "stft";
  const { center, padMode, normalized, onesided } = optionsOf(op, options, {
    center: true,
    padMode: "reflect",
    normalized: false,
    onesided: Boolean,
  });
  if (x.ndim !== 1 && x.ndim !== 2)
    throw new ShapeError(`${op}: expected a 1D or 2D tensor, got ${formatShape(x.shape)}`, { shapes: [x.shape] });
  const { hop, window } = framesOf(op, floating(op, x), nFft, options);
  let signal = floating(op, x).reshape([x.ndim === 1 ? 1 : x.shape[0], 1, -1]);
  if (center) signal = pad(signal, [Math.floor(nFft / 2), Math.floor(nFft / 2)], { mode: padMode });
  signal = signal.squeeze(1);
  if (!(nFft > 0 && nFft <= signal.shape[1])) {
    throw new ShapeError(`${op}: expected 0 < nFft < ${signal.shape[1]}, but got nFft=${nFft}`, { shapes: [x.shape] });
  }
  const frames = signal.unfold(1, nFft, hop).mul(window); // [B, frames, nFft]
  const norm = normalized ? "ortho" : "backward";
  const spectrum = (onesided !== false ? rfft(frames, { norm }) : fft(complex(frames), { norm })).transpose(1, 2);
  return x.ndim === 1 ? spectrum.squeeze(0) : spectrum;
}

/**
 * The signal of least squares whose {@link stft} is given: frames are transformed back, added where they overlap and divided by the sum
 * of squared windows.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.istft.html
 *
 * @throws ShapeError unless the spectrum is `[frequencies, frames, 2]` or `[B, frequencies, frames, 2]`.
 * @throws ValueError if the windows leave a gap.
 */
export function istft(z: Tensor, nFft: number, options: IstftOptions = {}): Tensor {
  const op = "istft";
  const { normalized, onesided, returnComplex } = optionsOf(op, options, { normalized: false, onesided: Boolean, returnComplex: false });
  const pairs = floating(op, requirePairs(op, z));
  if (pairs.ndim !== 3 && pairs.ndim !== 4)
    throw new ShapeError(`${op}: expected a tensor with 3 or 4 dimensions, got ${formatShape(z.shape)}`, { shapes: [z.shape] });
  const spectrum = pairs.ndim === 3 ? pairs.unsqueeze(0) : pairs;
  const half = onesided ?? spectrum.shape[1] !== nFft;
  const expected = half ? Math.floor(nFft / 2) + 1 : nFft;
  if (spectrum.shape[1] !== expected) {
    throw new ShapeError(`${op}: expected the frequency dimension to have size ${expected}, but got ${spectrum.shape[1]}`, {
      shapes: [z.shape],
    });
  }
  if (half && returnComplex) {
    throw new ValueError(`${op}: cannot have onesided output if window or input is complex; leave out onesided or returnComplex`);
  }
  const norm = normalized ? "ortho" : "backward";
  const columns = spectrum.transpose(1, 2); // [B, frames, frequencies, 2]
  const join = (frames: Tensor): Tensor => joined(op, frames, nFft, options);
  const out = returnComplex
    ? complex(...(ifft(columns, { norm }).unbind(-1).map(join) as [Tensor, Tensor]))
    : join(irfft(columns.narrow(2, 0, Math.floor(nFft / 2) + 1), { n: nFft, norm }));
  return pairs.ndim === 3 ? out.squeeze(0) : out;
}

/** The signals `[B, L]` of frames `[B, frames, nFft]`. */
function joined(op: string, frames: Tensor, nFft: number, options: IstftOptions): Tensor {
  const { center, length } = optionsOf(op, options, { center: true, length: Number });
  const { hop, window } = framesOf(op, frames, nFft, options);
  const summed = overlapAdd(frames.mul(window), hop);
  const envelope = overlapAdd(window.square().expand([1, frames.shape[1], nFft]), hop).squeeze(0);
  const start = center ? Math.floor(nFft / 2) : 0;
  const end = Math.min(length === null ? summed.shape[1] - start : start + length, summed.shape[1]);
  const weights = envelope.narrow(0, start, end - start);
  checkGaps(op, weights);
  const signal = summed.narrow(1, start, end - start).div(weights);
  return length !== null && length > end - start ? constantPadNd(signal, [0, length - (end - start)]) : signal;
}

function checkGaps(op: string, weights: Tensor): void {
  // A device that cannot block is not asked.
  if (weights.storage.backend.downloadSync === undefined) return;
  if (weights.detach().abs().min().itemSync() <= 1e-11)
    throw new ValueError(`${op}: window overlap add min: 1; the windows leave a gap, take a smaller hopLength`);
}

/** Frames `[B, frames, n]` added where they overlap: `[B, L]`. */
function overlapAdd(frames: Tensor, hop: number): Tensor {
  const [batch, count, n] = frames.shape;
  const at = positions(
    frames,
    Int32Array.from({ length: count * n }, (_, i) => Math.floor(i / n) * hop + (i % n)),
  );
  const empty = constantLike(frames, 0, frames.dtype, [batch, n + hop * (count - 1)]);
  return empty.indexAdd(1, at, frames.reshape([batch, count * n]));
}
