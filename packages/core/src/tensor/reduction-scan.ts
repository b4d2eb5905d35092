import { apply, applyAll, composite } from "../dispatch.js";
import { type DType, getDefaultDType, isFloatingPoint } from "../dtype.js";
import { normalizeDims } from "../shape.js";
import { add, alongDim, eq, exp, inWide, log, logaddexp, narrowAt, requireFloat, squeezeAt, sub, where } from "./compose.js";
import { accumulatorDType, type Dim, ReductionOps } from "./reduction.js";
import { ValuesIndices } from "./results.js";
import type { Tensor } from "./tensor.js";

/** Converts before working. */
export interface DTypeOption {
  readonly dtype?: DType | null;
}

function softmax(x: Tensor, dim: number, { dtype }: DTypeOption, op: string, log: boolean): Tensor {
  const from = dtype == null ? x : x.cast(dtype);
  requireFloat(from, op, `"${log ? "log_softmax" : "softmax"}" not implemented for integers`);
  return alongDim(from, dim, op, (y, d) => [apply("softmax", [y], { dim: d, log }, log ? "LogSoftmax" : "Softmax")])[0];
}

function logsumexp(x: Tensor, dims: readonly number[], keepdim: boolean): Tensor {
  const empty = x.numel() === 0;
  const peak = empty ? x.detach().sum(dims, { keepdim: true }) : x.detach().amax(dims, { keepdim: true });
  const infinite = eq(apply("abs", [peak], null), Number.POSITIVE_INFINITY);
  const shift = where(infinite, 0, peak);
  const total = apply("reduce", [exp(sub(x, shift))], { op: "sum", dims, keepdim });
  return add(log(total), keepdim || dims.length === 0 ? shift : squeezeAt(shift, ...dims));
}

function cumulate(x: Tensor, dim: number, { dtype }: DTypeOption, op: "sum" | "prod"): Tensor {
  const from = x.cast(dtype ?? accumulatorDType(x));
  return alongDim(from, dim, `cum${op}`, (y, d) => [apply("cumulate", [y], { op, dim: d }, op === "sum" ? "Cumsum" : "Cumprod")])[0];
}

function cumulateExtreme(x: Tensor, dim: number, op: "max" | "min"): ValuesIndices {
  const label = op === "max" ? "Cummax" : "Cummin";
  const [values, indices] = alongDim(x, dim, `cum${op}`, (y, d) => applyAll("cumulate", [y], { op, dim: d }, label));
  return new ValuesIndices(values, indices);
}

/** Running log-sum-exp by doubling: after step k each entry holds that of the 2^k entries up to it. */
function logCumulate(x: Tensor, dim: number): Tensor {
  const n = x.shape[dim];
  let out = x;
  for (let step = 1; step < n; step *= 2) {
    const head = narrowAt(out, dim, 0, step);
    const tail = logaddexp(narrowAt(out, dim, step, n - step), narrowAt(out, dim, 0, n - step));
    out = apply("concat", [head, tail], { dim });
  }
  return out;
}

/** Ops that normalise or accumulate along a dimension and keep the shape. */
export class ScanOps extends ReductionOps {
  /**
   * Softmax along `dim`. @throws DTypeError for integers without `dtype`.
   * @example
   * tensor([[0, 0], [1, 1]]).softmax(1); // tensor([[0.5000, 0.5000], [0.5000, 0.5000]])
   */
  softmax(dim: number, options: DTypeOption = {}): Tensor {
    return softmax(this.self, dim, options, "softmax", false);
  }

  /** Logarithm of the softmax along `dim`, without overflow. @throws DTypeError for integers without `dtype`. */
  logSoftmax(dim: number, options: DTypeOption = {}): Tensor {
    return softmax(this.self, dim, options, "logSoftmax", true);
  }
  /**
   * `log(sum(exp(x)))` over dimensions, without overflow.
   * @example
   * tensor([1000, 1000]).logsumexp(0); // tensor(1000.6931)
   */
  logsumexp(dim: Dim, { keepdim = false }: { readonly keepdim?: boolean } = {}): Tensor {
    const x = isFloatingPoint(this.dtype) ? this.self : this.cast(getDefaultDType());
    const dims = normalizeDims(dim, x.ndim, "logsumexp");
    return composite("Logsumexp", [x], () => inWide(x, (y) => logsumexp(y, dims, keepdim)));
  }

  /**
   * Running sum along `dim`; integers and bool as int64 where the device has it.
   * @example
   * tensor([1, 2, 3]).cumsum(0); // tensor([1., 3., 6.])
   */
  cumsum(dim: number, options: DTypeOption = {}): Tensor {
    return cumulate(this.self, dim, options, "sum");
  }

  /** Running product along `dim`; integers and bool as int64 where the device has it. */
  cumprod(dim: number, options: DTypeOption = {}): Tensor {
    return cumulate(this.self, dim, options, "prod");
  }

  /** {@link cumsum} in place. */
  cumsum_(dim: number): Tensor {
    return this.assign(this.cumsum(dim, { dtype: this.dtype }));
  }

  /** {@link cumprod} in place. */
  cumprod_(dim: number): Tensor {
    return this.assign(this.cumprod(dim, { dtype: this.dtype }));
  }

  /** Running maximum along `dim` and its positions (last of equals). */
  cummax(dim: number): ValuesIndices {
    return cumulateExtreme(this.self, dim, "max");
  }

  /** Running minimum along `dim` and its positions (last of equals). */
  cummin(dim: number): ValuesIndices {
    return cumulateExtreme(this.self, dim, "min");
  }

  /** Running `log(sum(exp(x)))` along `dim`, without overflow. @throws DTypeError for integers. */
  logcumsumexp(dim: number): Tensor {
    requireFloat(this.self, "logcumsumexp", "expected a floating-point tensor");
    return alongDim(this.self, dim, "logcumsumexp", (y, d) => [composite("Logcumsumexp", [y], () => logCumulate(y, d))])[0];
  }
}
