import { evenly } from "../creation-options.js";
import { ShapeError, ValueError } from "../errors.js";
import { applyHost, type HostOp } from "../extension.js";
import { constantLike } from "../tensor/compose.js";
import type { Tensor } from "../tensor/tensor.js";

/** What {@link histogramdd} takes. */
export interface HistogramddOptions {
  /** The least and the greatest edge of each dimension, in turn; those of the points if left out. */
  readonly range?: readonly number[];
  /** A weight for each point. */
  readonly weight?: Tensor;
  /** Densities, whose integral is 1, where it would be counts. */
  readonly density?: boolean;
}

const HISTOGRAM: HostOp<null> = {
  name: "histogramdd",
  infer: ([points, , ...edges]) => [{ shape: edges.map(({ shape }) => shape[0] - 1), dtype: points.dtype }],
  run: ([points, weights, ...edges], [out]) => {
    const n = edges.length;
    for (let i = 0; i < weights.data.length; i++) {
      let at = 0;
      for (let d = 0; d < n && at >= 0; d++) {
        const bin = binOf(points.data[i * n + d] as number, edges[d].data as Float64Array);
        at = bin < 0 ? -1 : at * out.shape[d] + bin;
      }
      if (at >= 0) out.data[at] = ((out.data[at] as number) + (weights.data[i] as number)) as never;
    }
  },
};

/** The bin of a number, -1 if there is none; the last one has both its edges. */
function binOf(x: number, edges: Float64Array): number {
  const last = edges.length - 1;
  if (!(x >= edges[0] && x <= edges[last])) return -1;
  let [low, high] = [0, last];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (edges[middle] <= x) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * A histogram of points `[..., D]` in D dimensions. `bins` are numbers of bins, one for all or one for each dimension, or edges for each.
 * Runs on the host, without gradient.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.histogramdd.html
 *
 * @throws ShapeError if bins, ranges or weights do not fit. @throws ValueError for bins that hold nothing.
 */
export function histogramdd(
  x: Tensor,
  bins: number | readonly (number | Tensor)[],
  { range, weight, density = false }: HistogramddOptions = {},
): { readonly hist: Tensor; readonly binEdges: readonly Tensor[] } {
  const op = "histogramdd";
  if (x.ndim < 2) throw new ShapeError(`${op}: input tensor should have at least 2 dimensions, but got ${x.ndim}`, { shapes: [x.shape] });
  const n = x.shape[x.ndim - 1];
  const counts = typeof bins === "number" ? new Array<number>(n).fill(bins) : bins;
  if (counts.length !== n) throw new ShapeError(`${op}: expected ${n} sequences of bin edges or numbers of bins, got ${counts.length}`);
  if (range !== undefined && range.length !== 2 * n) throw new ShapeError(`${op}: expected ${2 * n} range values, got ${range.length}`);
  const points = x.detach().reshape([-1, n]);
  const binEdges = counts.map((count, d) => (typeof count === "number" ? evenEdges(op, points, d, count, range) : count));
  const weights = weight === undefined ? constantLike(x, 1, x.dtype, [points.shape[0]]) : weight.detach().reshape([-1]);
  if (weights.shape[0] !== points.shape[0])
    throw new ShapeError(`${op}: expected ${points.shape[0]} weights, got ${weights.shape[0]}`, { shapes: [weights.shape] });
  const [hist] = applyHost(HISTOGRAM, [points, weights, ...binEdges], null);
  return { hist: density ? densityOf(hist, binEdges) : hist, binEdges };
}

/** Edges of `count` even bins from the least to the greatest of `[N]` numbers. */
const EDGES: HostOp<{ readonly count: number; readonly range: readonly number[] | undefined }> = {
  name: "histogramdd",
  infer: ([{ dtype }], { count }) => [{ shape: [count + 1], dtype }],
  run: ([{ data, dtype }], [edges], { count, range }) => {
    const numbers = data as Float64Array;
    const empty = numbers.length === 0;
    let [low, high] = range ?? (empty ? [0, 1] : [numbers.reduce((a, b) => Math.min(a, b)), numbers.reduce((a, b) => Math.max(a, b))]);
    if (low === high) [low, high] = [low - 0.5, high + 0.5];
    const edge = evenly(low, high, count + 1, dtype);
    for (let i = 0; i <= count; i++) edges.data[i] = edge(i) as never;
  },
};

function evenEdges(op: string, points: Tensor, d: number, count: number, range: readonly number[] | undefined): Tensor {
  if (!(count > 0)) throw new ValueError(`${op}: bins must be > 0, but got ${count} for dimension ${d}`);
  return applyHost(EDGES, [points.select(1, d)], { count, range: range?.slice(2 * d, 2 * d + 2) })[0];
}

/** Counts over their sum and the sizes of their bins. */
function densityOf(hist: Tensor, edges: readonly Tensor[]): Tensor {
  const scaled = hist.div(hist.sum());
  return edges.reduce((y, edge, d) => {
    const n = edge.shape[0];
    const widths = edge.narrow(0, 1, n - 1).sub(edge.narrow(0, 0, n - 1));
    return y.div(widths.reshape([n - 1, ...new Array<number>(hist.ndim - 1 - d).fill(1)]));
  }, scaled);
}
