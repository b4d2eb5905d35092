import { apply } from "./dispatch.js";
import type { TypedArray } from "./dtype.js";
import { formatShape, ShapeError, ValueError } from "./errors.js";
import { isTensor } from "./promotion.js";
import { searchsorted } from "./search.js";
import { normalizeDim } from "./shape.js";
import { constantLike, fromHost, positions, requireFloat, sub, where } from "./tensor/compose.js";
import { readSync } from "./tensor/host.js";
import { difference } from "./tensor/statistics.js";
import type { Tensor } from "./tensor/tensor.js";

/** Where the values of an integral lie: positions, or their distance. */
export interface TrapezoidOptions {
  readonly x?: Tensor;
  readonly dx?: number;
  readonly dim?: number;
}

/** What `histogram` takes. */
export interface HistogramOptions {
  /** Lowest and highest edge; those of the data if left out. */
  readonly range?: readonly [low: number, high: number] | null;
  readonly weight?: Tensor | null;
  /** Scales the counts so that the histogram's area is 1. */
  readonly density?: boolean;
}

/** Counts between edges. */
export interface Histogram {
  readonly hist: Tensor;
  readonly binEdges: Tensor;
}

/** Areas between neighbours along `dim`. */
function trapezoids(y: Tensor, dim: number, { x, dx = 1 }: TrapezoidOptions): Tensor {
  const length = y.shape[dim] - 1;
  const heights = y.narrow(dim, 1, length).add(y.narrow(dim, 0, length));
  if (x === undefined) return heights.mul(dx / 2);
  const at = x.ndim === 1 ? x.reshape(y.shape.map((_, d) => (d === dim ? x.shape[0] : 1))) : x;
  const along = at.ndim - y.ndim + dim;
  return heights.mul(difference(at, along)).div(2);
}

/** The smallest and the largest number; NaN if there is one. */
function extremes(data: TypedArray): [low: number, high: number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of data) [low, high] = [Math.min(low, Number(value)), Math.max(high, Number(value))];
  return [low, high];
}

function binEdges(x: Tensor, bins: number, range: HistogramOptions["range"]): Tensor {
  let [low, high] = range ?? (x.numel() === 0 ? [0, 1] : extremes(readSync(x, "histogram")));
  if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high)) {
    throw new ValueError(`histogram: expected finite ordered edges, range of [${low}, ${high}] is not finite`);
  }
  if (low === high) {
    low -= 0.5;
    high += 0.5;
  }
  const list = Array.from({ length: bins + 1 }, (_, i) => (i === bins ? high : low + (i * (high - low)) / bins));
  return fromHost(x.storage.backend, [bins + 1], x.dtype, x.dtype === "float64" ? Float64Array.from(list) : Float32Array.from(list));
}

/** All choices of `r` of `n` positions in ascending order. */
function choices(n: number, r: number, repeated: boolean): number[][] {
  const out: number[][] = [];
  const extend = (chosen: readonly number[], from: number): void => {
    if (chosen.length === r) {
      out.push([...chosen]);
      return;
    }
    for (let i = from; i < n; i++) extend([...chosen, i], repeated ? i : i + 1);
  };
  extend([], 0);
  return out;
}

/** Integral along `dim` (the last if left out) by the trapezoidal rule. */
export function trapezoid(x: Tensor, options: TrapezoidOptions = {}): Tensor {
  const d = normalizeDim(options.dim ?? -1, x.ndim, "trapezoid");
  return x.shape[d] === 0 ? x.sum(d) : trapezoids(x, d, options).sum(d);
}

/** Running integral along `dim` (the last if left out) by the trapezoidal rule. */
export function cumulativeTrapezoid(x: Tensor, options: TrapezoidOptions = {}): Tensor {
  const d = normalizeDim(options.dim ?? -1, x.ndim, "cumulativeTrapezoid");
  return trapezoids(x, d, options).cumsum(d);
}

/**
 * Counts, or sums of weights, between edges: a number of equal intervals, or ascending edges.
 * @throws ValueError if the range is not finite.
 */
export function histogram(input: Tensor, bins: number | Tensor, { range, weight, density = false }: HistogramOptions = {}): Histogram {
  requireFloat(input, "histogram", "expected a floating-point tensor");
  const x = input.detach().reshape([-1]);
  const edges = isTensor(bins) ? bins.detach() : binEdges(x, bins, range);
  const count = edges.shape[0] - 1;
  const last = edges.select(0, count);
  const at = where(x.eq(last), count - 1, sub(searchsorted(edges, x, { right: true }), 1));
  const inside = x.ge(edges.select(0, 0)).logicalAnd(x.le(last));
  const amounts = where(inside, weight == null ? constantLike(x, 1) : weight.detach().reshape([-1]), constantLike(x, 0));
  const hist = apply("indexUpdate", [constantLike(x, 0, x.dtype, [count]), where(inside, at, 0), amounts], { dim: 0, mode: "add" });
  return { hist: density ? hist.div(hist.sum()).div(edges.diff()) : hist, binEdges: edges };
}

/** All choices of `r` elements of a vector, one a row. @throws ShapeError unless 1-d. */
export function combinations(
  x: Tensor,
  { r = 2, withReplacement = false }: { readonly r?: number; readonly withReplacement?: boolean } = {},
): Tensor {
  if (x.ndim !== 1) throw new ShapeError(`combinations: Expect a 1D vector, but got shape ${formatShape(x.shape)}`);
  const list = choices(x.shape[0], r, withReplacement);
  const at = positions(x, list.flat());
  return apply("indexSelect", [x, at], { dim: 0 }, "Index").reshape([list.length, r]);
}
