import { apply, composite } from "../dispatch.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import type { Index } from "../indexing-spec.js";
import { checkScalarFits } from "../promotion.js";
import { type Shape, sizeOf } from "../shape.js";
import { TensorBase } from "./base.js";
import { constantLike, expandTo, permuteTo, reshapeTo, where } from "./compose.js";
import { joinPickers, type Pick, plan, readMask } from "./indexing-plan.js";
import { CountOps } from "./reduction-count.js";
import type { Tensor } from "./tensor.js";

/** What `setAt` takes. */
export interface SetAtOptions {
  /** Adds to the picked entries, repeated ones once for each time, instead of replacing them. */
  readonly accumulate?: boolean;
}

/** The picked dimensions together and as one. */
function flatten(view: Tensor, { order, flat }: Pick): Tensor {
  return reshapeTo(permuteTo(view, order), flat);
}

/** Runs a kernel that reads positions; if it refuses one, says which. */
function explained<T>(pick: Pick, run: () => T): T {
  try {
    return run();
  } catch (error) {
    pick.explain();
    throw error;
  }
}

function getPicked(view: Tensor, pick: Pick): Tensor {
  const rows = explained(pick, () => apply("indexSelect", [flatten(view, pick), pick.index], { dim: pick.start }, "IndexSelect"));
  return reshapeTo(rows, pick.shape);
}

/** `view` with the picked entries replaced by `value` or increased by it. */
function updated(view: Tensor, pick: Pick, value: Tensor, accumulate: boolean): Tensor {
  const { order, flat, start, index, shape } = pick;
  const rows = [...flat];
  rows[start] = index.shape[0];
  const source = reshapeTo(fit(value, shape), rows);
  const mode = accumulate ? "add" : "set";
  const out = explained(pick, () => apply("indexUpdate", [flatten(view, pick), index, source], { dim: start, mode }, "IndexPut"));
  const back = order.map((_, d) => order.indexOf(d));
  return permuteTo(
    reshapeTo(
      out,
      order.map((d) => view.shape[d]),
    ),
    back,
  );
}

/** Stretches a value to the shape it is written to; leading sizes of 1 do not count. */
function fit(value: Tensor, shape: Shape): Tensor {
  let own = value.shape;
  while (own.length > shape.length && own[0] === 1) own = own.slice(1);
  const lead = shape.length - own.length;
  const fits = lead >= 0 && own.every((n, i) => n === 1 || n === shape[lead + i]);
  if (!fits) {
    throw new ShapeError(
      `setAt: shape mismatch: value tensor of shape ${formatShape(value.shape)} cannot be broadcast to indexing result of shape ${formatShape(shape)}`,
      { shapes: [value.shape, shape] },
    );
  }
  return expandTo(reshapeTo(value, own), shape);
}

/** Stretches a mask over the dimensions of the view that follow its own. */
function stretchMask(mask: Tensor, dim: number, rank: number): Tensor {
  const trailing = rank - dim - mask.ndim;
  const flags = mask.cast("bool");
  return trailing === 0 ? flags : flags.reshape([...mask.shape, ...new Array<number>(trailing).fill(1)]);
}

function toValue(op: string, x: Tensor, value: Tensor | number | bigint | boolean): Tensor {
  if (value instanceof TensorBase) return value.cast(x.dtype);
  checkScalarFits(op, value, x.dtype);
  return constantLike(x, value);
}

/** Reading and writing by index. */
export class IndexingOps extends CountOps {
  /**
   * The elements at an index, as PyTorch's `x[...]`: integers, slices (`"1:-1"`, `"::2"`), `"..."`, `null` (a new dimension) give views;
   * lists, integer tensors and masks give copies.
   * @throws ShapeError if an index is out of bounds. @throws NotSupportedError for a mask on a device that cannot be read at once.
   * @example
   * const x = arange(6).reshape([2, 3]);
   * x.at(":", 1); // tensor([1, 4])
   * x.at([0, 1], [2, 0]); // tensor([2, 3])
   */
  at(...indices: readonly Index[]): Tensor {
    const { view, pickers, mask } = plan(this.self, indices, "at");
    if (pickers.length === 0 && mask === null) return view === this.self ? apply("alias", [view], null, "Alias") : view;
    const picked = mask === null ? pickers : readMask(mask, "at");
    return composite("Index", [view], () => getPicked(view, joinPickers(view, picked, "at")));
  }

  /**
   * Writes `value`, stretched and converted, into the elements at an index (see {@link at}; a list of entries, or one entry that is
   * not a list).
   * @throws ShapeError if an index is out of bounds or the value does not fit.
   * @example
   * const x = zeros([2, 3]);
   * x.setAt([":", 1], 5); // [[0, 5, 0], [0, 5, 0]]
   */
  setAt(
    indices: readonly Index[] | Exclude<Index, readonly unknown[]>,
    value: Tensor | number | bigint | boolean,
    options: SetAtOptions = {},
  ): Tensor {
    const { accumulate = false } = options;
    const list = Array.isArray(indices) ? (indices as readonly Index[]) : [indices as Index];
    const { view, pickers, mask } = plan(this.self, list, "setAt");
    const source = toValue("setAt", this.self, value);
    const target = view as unknown as IndexingOps;
    if (pickers.length === 0 && mask === null) {
      target.assign(accumulate ? apply("add", [view, fit(source, view.shape)], null) : fit(source, view.shape));
    } else if (mask !== null && sizeOf(source.shape) === 1 && !accumulate) {
      const flags = stretchMask(mask.tensor, mask.dim, view.ndim);
      target.assign(composite("IndexPut", [view, source], () => where(flags, source.reshape([]), view)));
    } else {
      const pick = joinPickers(view, mask === null ? pickers : readMask(mask, "setAt"), "setAt");
      target.assign(composite("IndexPut", [view, source], () => updated(view, pick, source, accumulate)));
    }
    return this.self;
  }

  /**
   * A copy with `value` written at the positions that index tensors (one per leading dimension, or a mask) name.
   * @throws ShapeError if an index is out of bounds or the value does not fit.
   */
  indexPut(indices: readonly Tensor[], value: Tensor | number, { accumulate = false }: SetAtOptions = {}): Tensor {
    const { view, pickers, mask } = plan(this.self, indices, "indexPut");
    const source = toValue("indexPut", this.self, value);
    if (pickers.length === 0 && mask === null) throw new ValueError("indexPut: expected at least one index tensor, got none");
    const pick = joinPickers(view, mask === null ? pickers : readMask(mask, "indexPut"), "indexPut");
    return composite("IndexPut", [view, source], () => updated(view, pick, source, accumulate));
  }

  /** {@link indexPut} in place. */
  indexPut_(indices: readonly Tensor[], value: Tensor | number, options: SetAtOptions = {}): Tensor {
    return this.assign(this.indexPut(indices, value, options));
  }
}
