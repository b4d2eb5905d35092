import { composite } from "../dispatch.js";
import { formatShape, ShapeError, ValueError } from "../errors.js";
import { applyHost, type HostOp } from "../extension.js";
import { optionsOf } from "../options.js";
import { readSync } from "../tensor/host.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastBatch, type Named, named, requireMatrix, requireSame, requireSquare, sizeOfMatrix, zerosOf } from "./common.js";
import { svd } from "./dense/svd.js";
import { batched, over } from "./host.js";
import { inv, solve } from "./solve.js";
import { matrixRank, requireFinite, svdvals, symmetric, type ToleranceOptions, toleranceOf } from "./spectral.js";

const PINV: HostOp<{ readonly hermitian: boolean }> = {
  name: "LinalgPinv",
  call: "linalg.pinv",
  infer: ([a]) => [over(a, [a.shape[a.shape.length - 1], a.shape[a.shape.length - 2]])],
  run: batched([2, 0, 0], [2], ([a, [atol], [rtol]], [out], [[m, n]], { hermitian }, at) => {
    requireFinite("linalg.pinv", a, at);
    const { u, s, v } = svd(hermitian ? symmetric(a, n, false) : a, m, n, false);
    const limit = Math.max(atol, rtol * (s[0] ?? 0));
    for (let k = 0; k < s.length; k++) {
      if (s[k] <= limit) continue;
      for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[i * m + j] += (v[k * n + i] * u[k * m + j]) / s[k];
    }
  }),
  vjp: ([g], { inputs: [a], outputs: [p] }) => [pinvGrad(a, p, g as Tensor), null, null],
};

/** Source: PyTorch's pinv_backward; Golub and Pereyra, https://doi.org/10.1137/0710036 */
function pinvGrad(a: Tensor, p: Tensor, g: Tensor): Tensor {
  const [m, n] = sizeOfMatrix(a);
  const [gh, ph] = [g.mT, p.mT];
  if (m <= n) {
    const k = gh.matmul(p);
    const kp = k.matmul(ph);
    return kp
      .sub(p.matmul(k).mT)
      .sub(a.matmul(p).matmul(kp))
      .add(ph.matmul(p).matmul(gh.sub(k.matmul(a))));
  }
  const k = p.matmul(gh);
  const pk = ph.matmul(k);
  return gh.sub(a.matmul(k)).matmul(p).matmul(ph).sub(k.matmul(p).mT).add(pk).sub(pk.matmul(p).matmul(a));
}

/**
 * The Moore-Penrose pseudoinverse of matrices `[..., m, n]`: `[..., n, m]`. Singular values up to `max(atol, rtol * largest)` count as 0;
 * `rtol` is `max(m, n)` times the dtype's epsilon if no `atol` is given.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.pinv.html
 *
 * @throws ShapeError unless there are two dimensions or more. @throws LinAlgError if an element is not finite.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { pinv } from "@sconce/core/linalg";
 * pinv(tensor([[1], [1]])); // [[0.5, 0.5]]
 */
export function pinv(a: Tensor, options: ToleranceOptions = {}): Tensor {
  requireMatrix("linalg.pinv", a);
  const { atol, rtol, hermitian } = toleranceOf("linalg.pinv", a, options);
  if (hermitian) requireSquare("linalg.pinv", a);
  return applyHost(PINV, [a, atol, rtol], { hermitian })[0];
}

/** What {@link lstsq} takes. */
export interface LstsqOptions {
  /** Singular values up to `rcond` times the largest count as 0. */
  readonly rcond?: number | null;
  /** Which of LAPACK's drivers decides what else is returned; all give the solution of least norm. */
  readonly driver?: "gels" | "gelsy" | "gelsd" | "gelss" | null;
}

/** What {@link lstsq} returns; what does not apply is empty. */
export interface LstsqResult {
  readonly solution: Tensor;
  /** Squared lengths of the residuals, where there are more rows than columns and the rank is full. */
  readonly residuals: Tensor;
  /** int32 ranks; empty for `gels`. */
  readonly rank: Tensor;
  /** For `gelsd` and `gelss`. */
  readonly singularValues: Tensor;
}

/**
 * The x of least norm that minimises `‖a x - b‖` for matrices `[..., m, n]` and b `[..., m, k]` or `[..., m]`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.linalg.lstsq.html
 *
 * @throws ShapeError if the shapes do not fit.
 * @example
 * import "@sconce/backend-cpu";
 * import { tensor } from "@sconce/core";
 * import { lstsq } from "@sconce/core/linalg";
 * const { solution } = lstsq(tensor([[1, 0], [1, 1], [1, 2]]), tensor([[1], [3], [5]])); // [[1], [2]]
 */
export function lstsq(a: Tensor, b: Tensor, options: LstsqOptions = {}): Named<LstsqResult> {
  const op = "linalg.lstsq";
  const { rcond, driver: given } = optionsOf(op, options, { rcond: Number, driver: Object });
  const driver = given ?? "gelsy";
  requireMatrix(op, a);
  requireSame(op, a, b);
  if (!["gels", "gelsy", "gelsd", "gelss"].includes(driver)) {
    throw new ValueError(`${op}: expected driver "gels", "gelsy", "gelsd" or "gelss", got ${JSON.stringify(driver)}`);
  }
  const [m, n] = sizeOfMatrix(a);
  const vector = b.ndim === a.ndim - 1;
  const right = vector ? b.unsqueeze(-1) : b;
  if (right.ndim < 2 || right.shape[right.ndim - 2] !== m) {
    throw new ShapeError(`${op}: input.size(-2) should match other.size(-2), got ${formatShape(a.shape)} and ${formatShape(b.shape)}`, {
      shapes: [a.shape, b.shape],
    });
  }
  const [aa, bb] = broadcastBatch(op, a, right);
  const tolerance = { rtol: rcond };
  const solution = composite("LinalgLstsq", [aa, bb], () => pinv(aa, tolerance).matmul(bb));
  const rank = matrixRank(aa, tolerance);
  const isFull = m > n && Array.from(readSync(rank, op), Number).every((r) => r === n);
  return named({
    solution: vector ? solution.squeeze(-1) : solution,
    residuals: isFull ? aa.matmul(solution).sub(bb).square().sum(-2).detach() : zerosOf(a, [0]),
    rank: driver === "gels" ? zerosOf(rank, [0]) : rank,
    singularValues: driver === "gelsd" || driver === "gelss" ? svdvals(aa.detach()) : zerosOf(a, [0]),
  });
}

/**
 * The inverse of a tensor as a map from its last dimensions to its first `ind`: `tensordot(tensorinv(a), b)` undoes `tensordot(a, x)`.
 * @throws ShapeError unless both products of sizes are equal.
 */
export function tensorinv(a: Tensor, options: { readonly ind?: number } = {}): Tensor {
  const op = "linalg.tensorinv";
  const { ind } = optionsOf(op, options, { ind: 2 });
  if (!(ind > 0)) throw new ValueError(`${op}: Expected a strictly positive integer for 'ind', got ${ind}`);
  const [to, from] = [a.shape.slice(0, ind), a.shape.slice(ind)];
  const size = to.reduce((x, y) => x * y, 1);
  if (size !== from.reduce((x, y) => x * y, 1)) {
    throw new ShapeError(
      `${op}: Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), got ${formatShape(a.shape)}`,
      {
        shapes: [a.shape],
      },
    );
  }
  return inv(a.reshape([size, size])).reshape([...from, ...to]);
}

/**
 * The x for which `tensordot(a, x)` over x's dimensions is b; `dims` of a are moved to its end first.
 * @throws ShapeError if the shapes do not fit.
 */
export function tensorsolve(a: Tensor, b: Tensor, options: { readonly dims?: readonly number[] | null } = {}): Tensor {
  const op = "linalg.tensorsolve";
  const { dims } = optionsOf(op, options, { dims: Array });
  const moved =
    dims === null
      ? a
      : a.movedim(
          dims,
          dims.map((_, i) => a.ndim - dims.length + i),
        );
  const rest = moved.shape.slice(b.ndim);
  const size = b.numel();
  if (rest.reduce((x, y) => x * y, 1) !== size) {
    throw new ShapeError(
      `${op}: Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), got ${formatShape(a.shape)} and ${formatShape(b.shape)}`,
      { shapes: [a.shape, b.shape] },
    );
  }
  return solve(moved.reshape([size, size]), b.reshape([size])).reshape(rest);
}
