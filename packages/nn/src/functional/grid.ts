import { cat, formatShape, linspace, ones, optionsOf, type Shape, ShapeError, stack, type Tensor, ValueError } from "@sconce/core";

/** Settings of {@link gridSample}. */
export interface GridSampleOptions {
  /** bilinear unless given. */
  readonly mode?: "bilinear" | "nearest" | "bicubic";
  /** What lies outside: zeros, the nearest element, or the reflection at the border. */
  readonly paddingMode?: "zeros" | "border" | "reflection";
  /** -1 and 1 are the centres of the first and the last element, where they would be their outer edges. */
  readonly alignCorners?: boolean | null;
}

/** Coordinates from [-1, 1] to positions. */
function positionsOf(x: Tensor, size: number, alignCorners: boolean | null): Tensor {
  return alignCorners ? x.add(1).mul((size - 1) / 2) : x.add(1).mul(size).sub(1).mul(0.5);
}

/** Reflects positions at both borders as often as needed. */
function reflected(x: Tensor, low: number, high: number): Tensor {
  const span = high - low;
  if (span <= 0) return x.mul(0);
  const far = x.sub(low).abs();
  const turns = far.detach().div(span).floor();
  const rest = far.sub(turns.mul(span));
  const odd = turns.sub(turns.mul(0.5).floor().mul(2));
  return rest.mul(odd.mul(-2).add(1)).add(odd.mul(span)).add(low);
}

function padded(x: Tensor, size: number, { paddingMode = "zeros", alignCorners }: GridSampleOptions): Tensor {
  if (paddingMode === "zeros") return x;
  const inside = paddingMode === "border" ? x : alignCorners ? reflected(x, 0, size - 1) : reflected(x, -0.5, size - 0.5);
  return inside.clamp({ min: 0, max: size - 1 });
}

/** Elements `[N, C, P]` at whole positions `[N, P]` in each dimension, with zeros outside. */
function elementsAt(rows: Tensor, sizes: Shape, at: readonly Tensor[]): Tensor {
  let index = at[0].mul(0);
  let inside = index.add(1);
  at.forEach((x, d) => {
    index = index.mul(sizes[d]).add(x.clamp({ min: 0, max: sizes[d] - 1 }));
    inside = inside.mul(
      x
        .ge(0)
        .logicalAnd(x.le(sizes[d] - 1))
        .cast(x.dtype),
    );
  });
  const [n, channels] = rows.shape;
  const places = index.int().unsqueeze(1);
  return rows.gather(2, places.expand([n, channels, places.shape[2]])).mul(inside.unsqueeze(1));
}

/**
 * Reads `[N, C, H, W]` (or `[N, C, D, H, W]`) at the coordinates of a grid `[N, h, w, 2]` (or `[N, d, h, w, 3]`), each x first and in
 * [-1, 1]: `[N, C, h, w]`.
 *
 * Source: https://arxiv.org/abs/1506.02025
 * @throws ShapeError if input and grid do not fit. @throws ValueError for an unknown mode.
 * @example
 * const theta = tensor([[1, 0, 0.1], [0, 1, 0]]).expand([8, 2, 3]); // a shift
 * F.gridSample(randn([8, 3, 32, 32]), F.affineGrid(theta, [8, 3, 32, 32])); // [8, 3, 32, 32]
 */
export function gridSample(input: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  const op = "gridSample";
  const { mode, paddingMode, alignCorners } = optionsOf(op, options, { mode: "bilinear", paddingMode: "zeros", alignCorners: Boolean });
  if (!(mode in TAPS) && mode !== "nearest") {
    throw new ValueError(`${op}: expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '${mode}'`);
  }
  if (!["zeros", "border", "reflection"].includes(paddingMode)) {
    throw new ValueError(`${op}: expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '${paddingMode}'`);
  }
  const sizes = input.shape.slice(2);
  const rank = sizes.length;
  if ((rank !== 2 && rank !== 3) || grid.ndim !== input.ndim || grid.shape[0] !== input.shape[0] || grid.shape.at(-1) !== rank) {
    throw new ShapeError(
      `${op}: expected input and grid to have same batch size and grid to have size ${rank} in last dimension, ` +
        `got ${formatShape(input.shape)} and ${formatShape(grid.shape)}`,
      { shapes: [input.shape, grid.shape] },
    );
  }
  if (mode === "bicubic" && rank !== 2)
    throw new ShapeError(`${op}: bicubic interpolation only supports 4D input`, { shapes: [input.shape] });
  const [n, channels] = input.shape;
  const area = grid.shape.slice(1, -1);
  const rows = input.reshape([n, channels, sizes.reduce((a, b) => a * b, 1)]);
  const points = grid.reshape([n, area.reduce((a, b) => a * b, 1), rank]).unbind(2);
  // The last coordinate of the grid is the first dimension.
  const raw = sizes.map((size, d) => positionsOf(points[rank - 1 - d], size, alignCorners));
  const pad = (x: Tensor, d: number): Tensor => padded(x, sizes[d], options);
  const at = mode === "bicubic" ? raw : raw.map(pad);
  const result = mode === "nearest" ? nearest(rows, sizes, at) : mixed(rows, sizes, at, TAPS[mode], mode === "bicubic" ? pad : (x) => x);
  return result.reshape([n, channels, ...area]);
}

function nearest(rows: Tensor, sizes: Shape, at: readonly Tensor[]): Tensor {
  const places = at.map((x) => x.round());
  const whole = places.map((x) => x.detach());
  // A term of 0, so that the grid has a gradient, of zeros, too.
  const nothing = places.map((x, d) => x.sub(whole[d])).reduce((a, b) => a.add(b));
  return elementsAt(rows, sizes, whole).add(nothing.unsqueeze(1));
}

/** The elements that a position is mixed from, from the one before it on, and their weights by its share of the way to the next one. */
interface Taps {
  readonly offsets: readonly number[];
  weight(share: Tensor, offset: number): Tensor;
}

/** Coefficient of the cubic convolution. */
const CUBIC = -0.75;

function cubicWeight(distance: Tensor, near: boolean): Tensor {
  const [a, b, c, d] = near ? [CUBIC + 2, -(CUBIC + 3), 0, 1] : [CUBIC, -5 * CUBIC, 8 * CUBIC, -4 * CUBIC];
  return distance.mul(a).add(b).mul(distance).add(c).mul(distance).add(d);
}

const TAPS: { readonly [M in "bilinear" | "bicubic"]: Taps } = {
  bilinear: { offsets: [0, 1], weight: (share, offset) => (offset === 1 ? share : share.rsub(1)) },
  bicubic: {
    offsets: [-1, 0, 1, 2],
    weight: (share, offset) => cubicWeight(offset <= 0 ? share.sub(offset) : share.rsub(offset), offset === 0 || offset === 1),
  },
};

/** The elements around each position by their weights; `pad` moves those that lie outside. */
function mixed(rows: Tensor, sizes: Shape, at: readonly Tensor[], taps: Taps, pad: (x: Tensor, d: number) => Tensor): Tensor {
  const floors = at.map((x) => x.detach().floor());
  const sides = at.map((x, d) =>
    taps.offsets.map((offset) => ({ place: pad(floors[d].add(offset), d), weight: taps.weight(x.sub(floors[d]), offset) })),
  );
  const corners = sides.reduce<readonly (typeof sides)[number][]>(
    (list, side) => list.flatMap((corner) => side.map((one) => [...corner, one])),
    [[]],
  );
  const parts = corners.map((corner) => {
    const weight = corner.map((one) => one.weight).reduce((a, b) => a.mul(b));
    const places = corner.map((one) => one.place);
    return elementsAt(rows, sizes, places).mul(weight.unsqueeze(1));
  });
  return parts.reduce((a, b) => a.add(b));
}

/** Settings of {@link affineGrid}. */
export interface AffineGridOptions {
  /** -1 and 1 are the centres of the first and the last element, where they would be their outer edges. */
  readonly alignCorners?: boolean | null;
}

/**
 * The grid that {@link gridSample} needs for affine maps: theta `[N, 2, 3]` and size `[N, C, H, W]` to `[N, H, W, 2]`, or `[N, 3, 4]` and
 * `[N, C, D, H, W]` to `[N, D, H, W, 3]`.
 * @throws ShapeError if they do not fit.
 */
export function affineGrid(theta: Tensor, size: Shape, options: AffineGridOptions = {}): Tensor {
  const { alignCorners } = optionsOf("affineGrid", options, { alignCorners: Boolean });
  const area = size.slice(2);
  const rank = area.length;
  const fits = theta.ndim === 3 && theta.shape[0] === size[0] && theta.shape[1] === rank && theta.shape[2] === rank + 1;
  if (!fits || (rank !== 2 && rank !== 3)) {
    throw new ShapeError(
      `affineGrid: Expected a batch of ${rank}D affine matrices of shape Nx${rank}x${rank + 1} for size ${formatShape(size)}. Got ${formatShape(theta.shape)}`,
      { shapes: [theta.shape, size] },
    );
  }
  const { dtype, device } = theta;
  const axes = area.map((n, d) => {
    const steps = n > 1 ? linspace(-1, 1, n, { dtype, device }) : ones([1], { dtype, device }).mul(0);
    const line = alignCorners ? steps : steps.mul((n - 1) / n);
    return line.reshape(area.map((_, i) => (i === d ? n : 1))).expand(area);
  });
  const base = stack([...axes].reverse(), rank).reshape([-1, rank]);
  const points = cat([base, ones([base.shape[0], 1], { dtype, device })], 1);
  return points.matmul(theta.transpose(1, 2)).reshape([size[0], ...area, rank]);
}
