import "@sconce/backend-cpu";
import { gradcheck, gradgradcheck } from "@sconce/autograd";
import { eye, manualSeed, ones, randn, type Tensor, tensor, zeros } from "@sconce/core";
import * as L from "@sconce/core/linalg";
import { beforeEach, describe, expect, it } from "vitest";

beforeEach(() => {
  manualSeed(0);
});

const noise = (...shape: number[]): Tensor => randn(shape, { dtype: "float64" });
const symmetric = (...shape: number[]): Tensor => {
  const x = noise(...shape);
  return x.add(x.mT);
};
const positive = (...shape: number[]): Tensor => {
  const x = noise(...shape);
  return x.matmul(x.mT).add(eye(shape[shape.length - 1], { dtype: "float64" }));
};

/** Rotations by a right angle along the diagonal, each tied to the next. */
function jordan(n: number): Tensor {
  const a = zeros([n, n], { dtype: "float64" });
  for (let i = 0; i < n; i += 2) {
    a.setAt([i, i + 1], -1);
    a.setAt([i + 1, i], 1);
    for (let j = i; j < Math.min(i + 2, n - 2); j++) a.setAt([j, j + 2], 1);
  }
  return a;
}

function expectSame(actual: Tensor, expected: Tensor, tolerance = 1e-10): void {
  expect(actual.shape).toEqual(expected.shape);
  if (actual.numel() > 0) expect(actual.sub(expected).abs().max().itemSync()).toBeLessThan(tolerance);
}

function expectOrthonormal(x: Tensor): void {
  expectSame(
    x.mT.matmul(x),
    eye(x.shape[x.ndim - 1], { dtype: "float64" }).expand([...x.shape.slice(0, -2), x.shape[x.ndim - 1], x.shape[x.ndim - 1]]),
  );
}

const SHAPES = [
  [5, 5],
  [7, 4],
  [4, 7],
  [2, 3, 6, 4],
  [1, 1],
  [0, 3],
  [3, 0],
  [0, 4, 4],
  [40, 60],
  [60, 40],
];

describe("decompositions give their matrix back", () => {
  it.each([
    [2, 2],
    [70, 40],
    [40, 70],
  ])("svd of [%i, %i] takes numbers whose squares leave the range", (m, n) => {
    for (const scale of [1, 1e200, 1e-200]) {
      const a = noise(m, n);
      const { u, s, vh } = L.svd(a.mul(scale), { fullMatrices: false });
      expectOrthonormal(u);
      expectOrthonormal(vh.mT);
      expectSame(u.mul(s.div(scale)).matmul(vh), a);
    }
  });

  it.each(SHAPES.map((shape) => [shape.join(", "), shape] as const))("svd, qr and lu of [%s]", (_name, shape) => {
    const a = noise(...shape);
    for (const fullMatrices of [true, false]) {
      const { u, s, vh } = L.svd(a, { fullMatrices });
      const k = s.shape[s.ndim - 1];
      expectSame(
        u
          .narrow(-1, 0, k)
          .mul(s.unsqueeze(-2))
          .matmul(vh.narrow(-2, 0, k)),
        a,
      );
      expectOrthonormal(u);
      expectOrthonormal(vh.mT);
      expectSame(L.svdvals(a), s);
    }
    for (const mode of ["reduced", "complete"] as const) {
      const { q, r } = L.qr(a, { mode });
      expectSame(q.matmul(r), a);
      expectOrthonormal(q);
      expectSame(r.triu(), r);
      if (mode === "reduced") expectSame(L.qr(a, { mode: "r" }).r, r);
    }
    const { p, l, u } = L.lu(a);
    expectSame(p.matmul(l).matmul(u), a);
  });

  it("singular values of deficient matrices, and bases for them", () => {
    const a = noise(6, 2).matmul(noise(2, 5));
    const { u, s, vh } = L.svd(a);
    expectOrthonormal(u);
    expectOrthonormal(vh.mT);
    expectSame(s.narrow(0, 2, 3), zeros([3], { dtype: "float64" }), 1e-13);
    expect(L.matrixRank(a).itemSync()).toBe(2);
    expectOrthonormal(L.svd(zeros([3, 3], { dtype: "float64" })).u);
  });

  it.each([27, 59])("svd and qr of %i equal rows, whose factors fall out of the range", (n) => {
    for (let i = 0; i < 4; i++) {
      const a = noise(1, n).expand([2 * n, n]);
      const { u, s, vh } = L.svd(a, { fullMatrices: false });
      const { q, r } = L.qr(a);
      for (const basis of [u, vh.mT, q]) expectOrthonormal(basis);
      expectSame(u.mul(s).matmul(vh), a);
      expectSame(q.matmul(r), a);
    }
  });

  it.each([1e-310, 1e306])("qr and eigh of numbers near %d", (scale) => {
    const a = symmetric(12, 12).mul(scale);
    const { q, r } = L.qr(a);
    const { eigenvalues, eigenvectors } = L.eigh(a);
    for (const basis of [q, eigenvectors]) expectOrthonormal(basis);
    expectSame(q.matmul(r).div(scale), a.div(scale));
    expectSame(eigenvectors.mul(eigenvalues.div(scale)).matmul(eigenvectors.mT), a.div(scale));
  });

  it("eigh, cholesky and eig", () => {
    const a = symmetric(2, 9, 9);
    const { eigenvalues, eigenvectors } = L.eigh(a);
    expectSame(eigenvectors.mul(eigenvalues.unsqueeze(-2)).matmul(eigenvectors.mT), a);
    expectOrthonormal(eigenvectors);
    expectSame(L.eigvalsh(a, { uplo: "U" }), eigenvalues);
    const c = positive(2, 6, 6);
    expectSame(L.cholesky(c).matmul(L.cholesky(c).mT), c);
    expectSame(L.cholesky(c, { upper: true }), L.cholesky(c).mT);
    expectSame(L.choleskyInverse(L.cholesky(c)), L.inv(c));
  });

  it.each([1, 2, 3, 8, 30])("eig of %i rows, real and complex", (n) => {
    const a = noise(n, n);
    const { eigenvalues, eigenvectors } = L.eig(a);
    const [re, im] = eigenvectors.unbind(-1);
    const [x, y] = eigenvalues.unbind(-1).map((part) => part.unsqueeze(-2));
    expectSame(a.matmul(re), re.mul(x).sub(im.mul(y)));
    expectSame(a.matmul(im), re.mul(y).add(im.mul(x)));
    expectSame(re.square().add(im.square()).sum(-2), ones([n], { dtype: "float64" }));
    expectSame(L.eigvals(a), eigenvalues);
  });

  it.each([
    ["of one eigenvector alone", () => eye(30, { dtype: "float64" }).add(ones(29, { dtype: "float64" }).diagEmbed({ offset: -1 }))],
    ["of one plane of eigenvectors alone", () => jordan(20)],
    ["that is tiny", () => noise(8, 8).mul(1e-200)],
    ["that is huge", () => noise(8, 8).mul(1e300)],
    ["that is not even normal", () => noise(8, 8).mul(1e-310)],
  ])("eig of a matrix %s", (_, make) => {
    const a = make();
    const { eigenvalues, eigenvectors } = L.eig(a);
    const size = a.abs().max();
    const [re, im] = eigenvectors.unbind(-1);
    const [l, m] = eigenvalues.div(size).unbind(-1);
    const unit = a.div(size);
    expectSame(unit.matmul(re), re.mul(l).sub(im.mul(m)), 1e-12);
    expectSame(unit.matmul(im), re.mul(m).add(im.mul(l)), 1e-12);
    expectSame(eigenvectors.square().sum([0, 2]), ones(a.shape[0], { dtype: "float64" }));
    expectSame(L.eigvals(a).div(size), eigenvalues.div(size), 1e-12);
  });

  it("symmetric indefinite systems, with blocks of two rows", () => {
    const zero = tensor([
      [0, 1, 2],
      [1, 0, 3],
      [2, 3, 0],
    ]).double();
    for (const a of [symmetric(3, 12, 12), zero]) {
      const b = noise(a.shape[a.ndim - 1], 2);
      const { ld, pivots, info } = L.ldlFactorEx(a);
      expectSame(a.matmul(L.ldlSolve(ld, pivots, b)), b.expand([...a.shape.slice(0, -2), ...b.shape]), 1e-8);
      expect(info.eq(0).all().itemSync()).toBe(1);
    }
    expect(L.ldlFactor(zero).pivots.lt(0).any().itemSync()).toBe(1);
    expect(() => L.ldlFactorEx(zeros([2, 2]), { checkErrors: true })).toThrow(/zero block at 1/);
  });

  it("the exponential of a large matrix", () => {
    const a = noise(6, 6).mul(5);
    const { eigenvalues, eigenvectors } = L.eigh(a.add(a.mT));
    const expected = eigenvectors.mul(eigenvalues.exp().unsqueeze(-2)).matmul(eigenvectors.mT);
    expectSame(L.matrixExp(a.add(a.mT)).div(expected.abs().max()), expected.div(expected.abs().max()));
  });
});

describe("systems", () => {
  it("are solved from both sides, for vectors and batches", () => {
    const a = noise(2, 4, 4);
    const b = noise(2, 4, 3);
    expectSame(a.matmul(L.solve(a, b)), b);
    expectSame(L.solve(a, b.mT, { left: false }).matmul(a), b.mT);
    const vectors = noise(2, 4);
    expectSame(a.matmul(L.solve(a, vectors).unsqueeze(-1)).squeeze(-1), vectors);
    expectSame(a.matmul(L.inv(a)), eye(4, { dtype: "float64" }).expand([2, 4, 4]));
    const { lu, pivots } = L.luFactor(a);
    for (const left of [true, false]) {
      for (const adjoint of [true, false]) {
        const right = left ? b : b.mT;
        const matrix = adjoint ? a.mT : a;
        const x = L.luSolve(lu, pivots, right, { left, adjoint });
        expectSame(left ? matrix.matmul(x) : x.matmul(matrix), right);
      }
    }
  });

  it("of least squares agree with the pseudoinverse", () => {
    const a = noise(7, 3);
    const b = noise(7, 2);
    const { solution, residuals, rank } = L.lstsq(a, b);
    expectSame(solution, L.pinv(a).matmul(b));
    expectSame(a.mT.matmul(a.matmul(solution).sub(b)), zeros([3, 2], { dtype: "float64" }));
    expectSame(residuals, a.matmul(solution).sub(b).square().sum(0));
    expect(rank.itemSync()).toBe(3);
    expectSame(a.matmul(L.pinv(a)).matmul(a), a);
  });

  it("that are singular say which", () => {
    const a = tensor([
      [
        [1, 0],
        [0, 1],
      ],
      [
        [1, 2],
        [2, 4],
      ],
    ]);
    expect(() => L.inv(a)).toThrow(/linalg.inv: The diagonal element 2 is zero, the inversion could not be completed/);
    expect(() => L.solve(a, ones([2, 2, 1]))).toThrow(L.LinAlgError);
    expect(L.solveEx(a, ones([2, 2, 1])).info.tolistSync()).toEqual([0, 2]);
    expect(() =>
      L.cholesky(
        tensor([
          [1, 2],
          [2, 1],
        ]),
      ),
    ).toThrow(/leading minor of order 2 is not positive-definite/);
    expect(
      L.choleskyEx(
        tensor([
          [1, 2],
          [2, 1],
        ]),
      ).info.itemSync(),
    ).toBe(2);
    expect(() =>
      L.svd(
        tensor([
          [Number.NaN, 1],
          [1, 1],
        ]),
      ),
    ).toThrow(/non-finite values/);
  });
});

type Fn = (...inputs: Tensor[]) => Tensor;

describe("gradients", () => {
  const cases: readonly (readonly [name: string, inputs: () => Tensor[], fn: Fn])[] = [
    ["solve", () => [noise(2, 3, 3), noise(3, 2)], (a, b) => L.solve(a, b)],
    ["inv", () => [noise(2, 3, 3)], (a) => L.inv(a)],
    [
      "solveTriangular",
      () => [noise(3, 3).add(eye(3, { dtype: "float64" }).mul(3)), noise(3, 2)],
      (a, b) => L.solveTriangular(a, b, { upper: true }),
    ],
    [
      "solveTriangular from the right",
      () => [noise(3, 3), noise(2, 3)],
      (a, b) => L.solveTriangular(a, b, { upper: false, left: false, unitriangular: true }),
    ],
    ["cholesky", () => [positive(3, 3)], (a) => L.cholesky(a.add(a.mT).mul(0.5))],
    ["qr, tall", () => [noise(4, 3)], (a) => L.qr(a).q.sin().sum().add(L.qr(a).r.cos().sum())],
    ["qr, wide", () => [noise(3, 5)], (a) => L.qr(a).q.sin().sum().add(L.qr(a).r.cos().sum())],
    ["lu", () => [noise(3, 3)], (a) => L.lu(a).l.sin().sum().add(L.lu(a).u.cos().sum())],
    ["lu, wide", () => [noise(2, 4)], (a) => L.lu(a).l.sin().sum().add(L.lu(a).u.cos().sum())],
    ["lu, tall", () => [noise(4, 2)], (a) => L.lu(a).l.sin().sum().add(L.lu(a).u.cos().sum())],
    ["luSolve", () => [noise(3, 3), noise(3, 2)], (a, b) => L.luSolve(L.luFactor(a).lu, L.luFactor(a).pivots, b)],
    ["det", () => [noise(2, 3, 3)], (a) => L.det(a)],
    ["slogdet", () => [noise(3, 3)], (a) => L.slogdet(a).logabsdet],
    ["eigh", () => [symmetric(3, 3)], (a) => ((s) => L.eigh(s).eigenvectors.square().mul(L.eigh(s).eigenvalues))(a.add(a.mT).mul(0.5))],
    ["eigvalsh", () => [symmetric(3, 3)], (a) => L.eigvalsh(a.add(a.mT).mul(0.5))],
    [
      "svd",
      () => [noise(4, 3)],
      (a) => ((r) => r.u.square().sum(-2).add(r.s).add(r.vh.square().mT.matmul(r.s)))(L.svd(a, { fullMatrices: false })),
    ],
    ["svd, wide", () => [noise(2, 4)], (a) => ((r) => r.u.mul(r.s).matmul(r.vh.pow(3)))(L.svd(a, { fullMatrices: false }))],
    ["svdvals", () => [noise(2, 4)], (a) => L.svdvals(a)],
    ["pinv", () => [noise(4, 2)], (a) => L.pinv(a)],
    ["pinv, wide", () => [noise(2, 4)], (a) => L.pinv(a)],
    ["lstsq", () => [noise(4, 2), noise(4, 2)], (a, b) => L.lstsq(a, b).solution],
    ["matrixExp", () => [noise(3, 3)], (a) => L.matrixExp(a)],
    ["matrixPower", () => [noise(3, 3)], (a) => L.matrixPower(a, -3)],
    [
      "matrixNorm",
      () => [noise(3, 4)],
      (a) =>
        L.matrixNorm(a, { ord: "nuc" })
          .add(L.matrixNorm(a, { ord: 2 }))
          .add(L.norm(a, { ord: 1 })),
    ],
    ["householderProduct", () => [noise(4, 2), noise(2)], (a, tau) => L.householderProduct(a, tau)],
    ["tensorsolve", () => [noise(2, 3, 6), noise(2, 3)], (a, b) => L.tensorsolve(a, b)],
    ["eigvals", () => [noise(3, 3)], (a) => L.eigvals(a).square().sum(-1)],
    ["eig", () => [noise(3, 3)], (a) => L.eig(a).eigenvectors.square().sum(-1)],
  ];

  it.each(cases)("of %s are right to the second order", (_name, inputs, fn) => {
    const leaves = inputs().map((x) => x.detach().requiresGrad_());
    expect(gradcheck(fn, leaves)).toBe(true);
    expect(gradgradcheck(fn, leaves)).toBe(true);
  });

  it("of a determinant are right where it is 0", () => {
    const a = noise(3, 2).matmul(noise(2, 3)).requiresGrad_();
    expect(gradcheck((x) => L.det(x), [a])).toBe(true);
    expect(gradgradcheck((x) => L.det(x), [a])).toBe(true);
  });

  it("that do not exist say so", () => {
    const a = noise(4, 2).requiresGrad_();
    expect(() => L.qr(a, { mode: "complete" }).q.sum().backward()).toThrow(/not differentiable when mode="complete" and nrows > ncols/);
    expect(() => L.qr(a, { mode: "r" }).r.sum().backward()).toThrow(/not implemented when mode="r"/);
  });

  it("show PyTorch's names", () => {
    const a = positive(2, 2).requiresGrad_();
    expect(L.cholesky(a).gradFn?.name).toBe("LinalgCholeskyExBackward0");
    expect(L.svd(a).s.gradFn?.name).toBe("LinalgSvdBackward0");
    expect(L.det(a).gradFn?.name).toBe("LinalgDetBackward0");
  });
});

describe("arguments", () => {
  it("that fit no function get one clear error", () => {
    expect(() => L.inv(ones([2, 3]))).toThrow(/A must be batches of square matrices, but they are 2 by 3 matrices/);
    expect(() => L.det(ones([3]))).toThrow(/must have at least 2 dimensions/);
    expect(() => L.svd(ones([2, 2], { dtype: "int32" }))).toThrow(/Expected a floating point tensor as input/);
    expect(() => L.solve(ones([2, 2]), ones([3, 1]))).toThrow(/Incompatible shapes of A and B for the equation AX = B/);
    expect(() => L.eigh(ones([2, 2]), { uplo: "X" as never })).toThrow(/Expected UPLO argument/);
    expect(() => L.matrixNorm(ones([2, 2]), { ord: 3 })).toThrow(/Order 3 not supported/);
    expect(() => L.norm(ones([2, 2, 2]), { ord: 2 })).toThrow(/the input must be 1D or 2D/);
    expect(() => L.vander(ones([2]), { N: 1 })).toThrow(/N must be greater than 1/);
    expect(() => L.lstsq(ones([3, 2]), ones([2, 1]))).toThrow(/should match/);
  });

  it("norms and condition numbers are those of the definitions", () => {
    const a = tensor([
      [3, 0],
      [0, -4],
    ]);
    expect(L.norm(a).itemSync()).toBe(5);
    expect(L.norm(a, { ord: "nuc" }).itemSync()).toBe(7);
    expect(L.norm(a, { ord: 2 }).itemSync()).toBe(4);
    expect(L.norm(a, { ord: Number.POSITIVE_INFINITY, keepdim: true }).tolistSync()).toEqual([[4]]);
    expect(L.vectorNorm(a, { ord: 1, dim: 0 }).tolistSync()).toEqual([3, 4]);
    expect(
      L.cond(
        tensor([
          [4, 0],
          [0, 2],
        ]),
      ).itemSync(),
    ).toBe(2);
    expect(
      L.cond(
        tensor([
          [4, 0],
          [0, 2],
        ]),
        { p: 1 },
      ).itemSync(),
    ).toBe(2);
    expect(
      L.matrixPower(
        tensor([
          [1, 1],
          [0, 1],
        ]),
        5,
      ).tolistSync(),
    ).toEqual([
      [1, 5],
      [0, 1],
    ]);
  });
});

describe("matrices without elements", () => {
  it("have a condition number of 0", () => {
    for (const p of [undefined, 2, -2, 1, Number.POSITIVE_INFINITY, "fro"] as const) {
      expect(L.cond(zeros(0, 0), { p }).tolistSync()).toBe(0);
      expect(L.cond(zeros(2, 0, 0), { p }).tolistSync()).toEqual([0, 0]);
    }
    expect(L.cond(zeros(2, 0)).tolistSync()).toBe(0);
  });
});

describe("results by name", () => {
  it("can be taken apart in order, as tuples are", () => {
    const a = positive(3, 3);
    const named = [L.qr(a), L.svd(a), L.eigh(a), L.eig(a), L.slogdet(a), L.lu(a), L.luFactor(a), L.ldlFactor(a), L.lstsq(a, a), L.invEx(a)];
    for (const result of named) expect([...result]).toEqual(Object.values(result));
    const [q, r] = L.qr(a);
    expectSame(q.matmul(r), a);
  });
});
