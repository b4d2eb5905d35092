import { apply } from "../dispatch.js";
import { isFloatingPoint } from "../dtype.js";
import { formatShape, ValueError } from "../errors.js";
import { normalizeDim } from "../shape.js";
import { constantLike, eq, fromHost, not, positions, unsqueezeAt } from "./compose.js";
import { coordinates, readSync } from "./host.js";
import { accumulatorDType } from "./reduction.js";
import { OrderOps } from "./reduction-order.js";
import type { Tensor } from "./tensor.js";

/** What `unique` and `uniqueConsecutive` take. */
export interface UniqueOptions {
  /** Compares the slices along this dimension; else single elements. */
  readonly dim?: number | null;
  readonly returnInverse?: boolean;
  readonly returnCounts?: boolean;
}

/** Distinct elements, for each input element the position of its equal in `output`, and how often each occurs. */
export interface UniqueResult {
  readonly output: Tensor;
  /** int32; for each input element its position in `output`. */
  readonly inverse: Tensor;
  readonly counts: Tensor;
}

interface Groups {
  /** First member of each group. */
  readonly first: number[];
  readonly counts: number[];
  readonly inverse: Int32Array;
}

/** Rows of `width` elements, gathered into groups of equals along `order`. */
function groups(data: ArrayLike<number | bigint>, width: number, order: ArrayLike<number>): Groups {
  const first: number[] = [];
  const counts: number[] = [];
  const inverse = new Int32Array(order.length);
  let last = -1;
  for (let i = 0; i < order.length; i++) {
    const row = order[i];
    if (last < 0 || compareRows(data, width, last, row) !== 0) {
      first.push(row);
      counts.push(0);
      last = row;
    }
    counts[counts.length - 1]++;
    inverse[row] = first.length - 1;
  }
  return { first, counts, inverse };
}

/** Lexicographic order with NaN last; NaN equals nothing. */
function compareRows(data: ArrayLike<number | bigint>, width: number, a: number, b: number): number {
  for (let i = 0; i < width; i++) {
    const x = data[a * width + i];
    const y = data[b * width + i];
    if (x < y) return -1;
    if (x > y) return 1;
    if (x !== y) return Number.isNaN(x) ? 1 : -1;
  }
  return 0;
}

function unique(x: Tensor, options: UniqueOptions, op: string, consecutive: boolean): Tensor | UniqueResult {
  const { dim, returnInverse = false, returnCounts = false } = options;
  const flat = dim == null || x.ndim === 0;
  const d = flat ? 0 : normalizeDim(dim, x.ndim, op);
  const source = flat ? x.detach().reshape([-1]) : x.detach();
  const rows = source.shape[d];
  const order = [d, ...source.shape.map((_, i) => i).filter((i) => i !== d)];
  const data = readSync(apply("permute", [source], { dims: order }), op);
  const width = rows === 0 ? 0 : data.length / rows;
  const list = Array.from({ length: rows }, (_, i) => i);
  if (!consecutive) list.sort((a, b) => compareRows(data, width, a, b));
  const { first, counts, inverse } = groups(data, width, list);
  const output = apply("indexSelect", [source, positions(x, first)], { dim: d });
  if (!returnInverse && !returnCounts) return output;
  return {
    output,
    inverse: fromHost(x.storage.backend, flat ? x.shape : [rows], "int32", inverse),
    counts: positions(x, counts).cast(accumulatorDType(constantLike(x, 0, "int32"))),
  };
}

/** Ops whose result depends on which elements are there, so that they read them. */
export class CountOps extends OrderOps {
  /**
   * The distinct elements in ascending order, or the distinct slices along `dim`.
   * @throws NotSupportedError on a device that cannot be read at once.
   * @example
   * tensor([2, 1, 2]).unique(); // tensor([1., 2.])
   */
  unique(): Tensor;
  unique(options: UniqueOptions & ({ readonly returnInverse: true } | { readonly returnCounts: true })): UniqueResult;
  unique(options: { readonly dim?: number | null }): Tensor;
  unique(options: UniqueOptions = {}): Tensor | UniqueResult {
    return unique(this.self, options, "unique", false);
  }

  /** One element of each run of equal ones, or one slice along `dim`. @throws NotSupportedError on a device that cannot be read at once. */
  uniqueConsecutive(): Tensor;
  uniqueConsecutive(options: UniqueOptions & ({ readonly returnInverse: true } | { readonly returnCounts: true })): UniqueResult;
  uniqueConsecutive(options: { readonly dim?: number | null }): Tensor;
  uniqueConsecutive(options: UniqueOptions = {}): Tensor | UniqueResult {
    return unique(this.self, options, "uniqueConsecutive", true);
  }

  /**
   * The coordinates of the elements that are not 0 as int32 `[count, ndim]`, or one 1-d tensor per dimension with `asTuple`.
   * @throws NotSupportedError on a device that cannot be read at once.
   * @example
   * tensor([0, 3, 4]).nonzero(); // tensor([[1], [2]])
   */
  nonzero(): Tensor;
  nonzero(options: { readonly asTuple: true }): Tensor[];
  nonzero({ asTuple = false }: { readonly asTuple?: boolean } = {}): Tensor | Tensor[] {
    const x = asTuple && this.ndim === 0 ? this.reshape([1]) : this.self;
    const data = readSync(x, "nonzero");
    const columns = coordinates(data, x.shape);
    if (asTuple) return columns.map((column) => positions(x, column));
    const rows = columns.length === 0 ? Number(data[0] !== 0 && data[0] !== 0n) : columns[0].length;
    const out = new Int32Array(rows * columns.length);
    for (let c = 0; c < columns.length; c++) for (let r = 0; r < rows; r++) out[r * columns.length + c] = columns[c][r];
    return fromHost(x.storage.backend, [rows, columns.length], "int32", out);
  }

  /** The coordinates of the elements that are not 0, as int32 `[count, ndim]`. */
  argwhere(): Tensor {
    return this.nonzero();
  }

  /**
   * How often each non-negative integer occurs in this 1-d tensor, or the sum of the `weights` there.
   * @throws ValueError for other inputs. @throws NotSupportedError on a device that cannot be read at once.
   * @example
   * tensor([1, 1, 3]).int().bincount(); // tensor([0, 2, 0, 1])
   */
  bincount({ weights, minlength = 0 }: { readonly weights?: Tensor | null; readonly minlength?: number } = {}): Tensor {
    const valid = this.ndim === 1 && !this.isFloatingPoint() && this.dtype !== "bool";
    const classes = valid ? readSync(this.self, "bincount") : [];
    let most = -1;
    let least = 0;
    for (const value of classes) {
      most = Math.max(most, Number(value));
      least = Math.min(least, Number(value));
    }
    if (!valid || least < 0) {
      throw new ValueError(
        `bincount: bincount only supports 1-d non-negative integral inputs, got ${formatShape(this.shape)} ${this.dtype}`,
        {
          shapes: [this.shape],
          dtypes: [this.dtype],
        },
      );
    }
    if (weights != null && (weights.ndim !== 1 || weights.shape[0] !== this.shape[0])) {
      throw new ValueError(
        `bincount: weights should be 1-d and have the same length as input, got ${formatShape(weights.shape)} for ${formatShape(this.shape)}`,
        { shapes: [this.shape, weights.shape] },
      );
    }
    const length = Math.max(minlength, most + 1);
    const wide = this.storage.backend.limits.dtypes.has("float64") ? "float64" : "float32";
    const dtype = weights == null ? accumulatorDType(this.self) : isFloatingPoint(weights.dtype) ? weights.dtype : wide;
    const base = constantLike(this.self, 0, dtype, [length]);
    if (this.numel() === 0) return base.clone();
    const source = weights == null ? constantLike(this.self, 1, dtype, this.shape) : weights.detach().cast(dtype);
    return apply("indexUpdate", [base, this.detach().cast("int32"), source], { dim: 0, mode: "add" });
  }

  /** True where an element equals one of `test`. */
  isin(test: Tensor, { invert = false }: { readonly invert?: boolean } = {}): Tensor {
    const x = this.detach();
    const list = test.detach().cast(this.dtype).reshape([-1]);
    const same = eq(unsqueezeAt(x, x.ndim), list);
    const found = apply("reduce", [same], { op: "any", dims: [x.ndim], keepdim: false });
    return invert ? not(found) : found;
  }
}
