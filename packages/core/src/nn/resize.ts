import { apply, composite } from "../dispatch.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import { type OptionValues, optionsOf } from "../options.js";
import { add, fromHost, mul, positions, requireFloat } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";
import { adaptiveAvgPool1d, adaptiveAvgPool2d, adaptiveAvgPool3d } from "./pool.js";
import type { Spatial } from "./spatial.js";

/** How `interpolate` fills in. */
export type InterpolateMode = "nearest" | "nearest-exact" | "linear" | "bilinear" | "trilinear" | "bicubic" | "area";

/** What `interpolate` takes: the sizes, or the factors. */
export interface InterpolateOptions {
  /** Spatial sizes of the result. */
  readonly size?: Spatial | null;
  /** Or factors of the input's sizes. */
  readonly scaleFactor?: Spatial | null;
  /** `"nearest"` if left out. */
  readonly mode?: InterpolateMode;
  /** Whether the corners of input and result lie on each other, in modes that weigh neighbours; false if left out. */
  readonly alignCorners?: boolean | null;
  /** Whether the ratio of the sizes stands for the factor, which rounding may have changed; false if left out. */
  readonly recomputeScaleFactor?: boolean | null;
}

interface Resize {
  readonly from: number;
  readonly to: number;
  /** Distance of two results in the input, or null to take the sizes' ratio. */
  readonly step: number | null;
}

/** Input positions and weights of each result along one dimension. */
interface Taps {
  readonly at: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
}

const SPATIAL: { readonly [K in InterpolateMode]?: number } = { linear: 1, bilinear: 2, bicubic: 2, trilinear: 3 };
const LABEL: { readonly [K in InterpolateMode]: string } = {
  nearest: "UpsampleNearest",
  "nearest-exact": "UpsampleNearestExact",
  linear: "UpsampleLinear",
  bilinear: "UpsampleBilinear",
  trilinear: "UpsampleTrilinear",
  bicubic: "UpsampleBicubic",
  area: "AdaptiveAvgPool",
};

const clamp = (i: number, n: number): number => Math.min(Math.max(i, 0), n - 1);

function stepOf({ from, to, step }: Resize): number {
  return Math.fround(step ?? from / to);
}

function nearestTaps(resize: Resize, shift: number): Taps {
  const step = stepOf(resize);
  const at = Array.from({ length: resize.to }, (_, i) => clamp(Math.floor(Math.fround((i + shift) * step)), resize.from));
  return { at: [at], weights: [at.map(() => 1)] };
}

/** Position in the input of each result. */
function sourcePositions(resize: Resize, alignCorners: boolean, clampLow: boolean): number[] {
  const { from, to } = resize;
  const corner = to > 1 ? (from - 1) / (to - 1) : 0;
  const step = stepOf(resize);
  return Array.from({ length: to }, (_, i) => {
    if (alignCorners) return corner * i;
    const at = step * (i + 0.5) - 0.5;
    return clampLow ? Math.max(at, 0) : at;
  });
}

function linearTaps(resize: Resize, alignCorners: boolean): Taps {
  const source = sourcePositions(resize, alignCorners, true);
  const low = source.map((s) => clamp(Math.floor(s), resize.from));
  const high = low.map((i) => Math.min(i + 1, resize.from - 1));
  const weight = source.map((s, i) => s - low[i]);
  return { at: [low, high], weights: [weight.map((w) => 1 - w), weight] };
}

/** Weight of a cubic convolution (a = -0.75) at distance `t`. */
function cubic(t: number): number {
  const a = -0.75;
  const x = Math.abs(t);
  return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

function cubicTaps(resize: Resize, alignCorners: boolean): Taps {
  const source = sourcePositions(resize, alignCorners, false);
  const base = source.map(Math.floor);
  const offsets = [-1, 0, 1, 2];
  return {
    at: offsets.map((o) => base.map((i) => clamp(i + o, resize.from))),
    weights: offsets.map((o) => source.map((s, i) => cubic(s - base[i] - o))),
  };
}

function resizeAlong(x: Tensor, dim: number, { at, weights }: Taps): Tensor {
  const shape = x.shape.map((_, d) => (d === dim ? at[0].length : 1));
  const parts = at.map((list, k) => {
    const taken = apply("indexSelect", [x, positions(x, list)], { dim });
    if (at.length === 1) return taken;
    const host = x.dtype === "float64" ? Float64Array.from(weights[k]) : Float32Array.from(weights[k]);
    return mul(taken, fromHost(x.storage.backend, shape, x.dtype, host));
  });
  return parts.reduce((sum, part) => add(sum, part));
}

function targets(
  x: Tensor,
  { size, scaleFactor, recomputeScaleFactor }: OptionValues<InterpolateOptions, keyof InterpolateOptions>,
): Resize[] {
  const input = x.shape.slice(2);
  const given = size ?? scaleFactor;
  if (given === null || (size !== null && scaleFactor !== null))
    throw new ValueError(`interpolate: ${given === null ? "either" : "only one of"} size or scale_factor should be defined`);
  const list: readonly number[] = Array.isArray(given) ? given : input.map(() => given as number);
  if (list.length !== input.length) {
    throw new ShapeError(
      `interpolate: Input and output must have the same number of spatial dimensions, got ${formatShape(x.shape)} and ${formatShape(list)}`,
      { shapes: [x.shape] },
    );
  }
  if (list.some((n) => (size !== null ? !Number.isInteger(n) || n < 1 : !(n > 0 && Number.isFinite(n))))) {
    throw new ShapeError(
      `interpolate: Input and output sizes should be greater than 0, but got ${formatShape(list)} for ${formatShape(x.shape)}`,
      {
        shapes: [x.shape],
      },
    );
  }
  return input.map((from, d) => {
    if (size !== null) return { from, to: list[d], step: null };
    const to = Math.floor(from * list[d]);
    return { from, to, step: recomputeScaleFactor ? null : 1 / list[d] };
  });
}

function tapsOf(resize: Resize, mode: InterpolateMode, alignCorners: boolean): Taps {
  if (mode === "nearest") return nearestTaps(resize, 0);
  if (mode === "nearest-exact") return nearestTaps(resize, 0.5);
  return mode === "bicubic" ? cubicTaps(resize, alignCorners) : linearTaps(resize, alignCorners);
}

function adaptiveMean(x: Tensor, sizes: readonly number[]): Tensor {
  if (sizes.length === 1) return adaptiveAvgPool1d(x, sizes);
  return sizes.length === 2 ? adaptiveAvgPool2d(x, sizes) : adaptiveAvgPool3d(x, sizes);
}

/** @throws ShapeError if the mode does not fit the rank. @throws ValueError for corners in a mode that does not look at them. */
function checkMode(x: Tensor, mode: InterpolateMode, alignCorners: boolean | null): void {
  const n = x.ndim - 2;
  if (!(mode in LABEL) || n < 1 || n > 3 || (SPATIAL[mode] ?? n) !== n) {
    throw new ShapeError(
      `interpolate: expected [N, C, ...] with 1 to 3 spatial dimensions that fit the mode (3D: linear, 4D: bilinear and bicubic, 5D: trilinear), ` +
        `got ${formatShape(x.shape)} with mode ${mode}`,
      { shapes: [x.shape] },
    );
  }
  if (mode !== "nearest" && mode !== "nearest-exact") requireFloat(x, "interpolate", `mode ${mode} takes floating-point input`);
  if (alignCorners !== null && !(mode in SPATIAL))
    throw new ValueError(
      `interpolate: align_corners option can only be set with the interpolating modes: ${Object.keys(SPATIAL).join(" | ")}`,
    );
}

/**
 * Resizes the spatial dimensions of `[N, C, ...]` to `size` or by `scaleFactor`.
 * @throws ShapeError if the mode does not fit the rank. @throws ValueError unless exactly one of size and factor is given, and for
 * options that say nothing in the mode.
 * @example
 * interpolate(ones([1, 3, 4, 4]), { scaleFactor: 2, mode: "bilinear" }); // [1, 3, 8, 8]
 */
export function interpolate(x: Tensor, options: InterpolateOptions = {}): Tensor {
  const settings = optionsOf("interpolate", options, {
    size: Object,
    scaleFactor: Object,
    mode: "nearest",
    alignCorners: Boolean,
    recomputeScaleFactor: Boolean,
  });
  const { mode, alignCorners } = settings;
  checkMode(x, mode, alignCorners);
  const list = targets(x, settings);
  if (list.some(({ from, to }) => from < 1 || to < 1)) {
    throw new ShapeError(
      `interpolate: Input and output sizes should be greater than 0, but got input ${formatShape(x.shape)} and output ${formatShape(list.map((r) => r.to))}`,
      { shapes: [x.shape] },
    );
  }
  if (mode === "area")
    return adaptiveMean(
      x,
      list.map((r) => r.to),
    );
  return composite(`${LABEL[mode]}${list.length}D`, [x], () =>
    list.reduce((out, resize, d) => resizeAlong(out, d + 2, tapsOf(resize, mode, alignCorners === true)), x),
  );
}
