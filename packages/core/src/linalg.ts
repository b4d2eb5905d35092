/**
 * Linear algebra as in `torch.linalg`, by free functions: programs carry only those that they name. Decompositions run on the host, in
 * double precision, for float32 and float64 tensors of every device.
 * @module linalg
 */
export { multiDot } from "./functions-linalg.js";
export { LinAlgError, type Named } from "./linalg/common.js";
export * from "./linalg/determinant.js";
export * from "./linalg/eig.js";
export {
  cholesky,
  choleskyEx,
  choleskyInverse,
  choleskySolve,
  geqrf,
  householderProduct,
  type OrmqrOptions,
  ormqr,
  type QrMode,
  qr,
  type UpperOptions,
} from "./linalg/factor.js";
export { type HermitianOptions, type LdlResult, ldlFactor, ldlFactorEx, ldlSolve } from "./linalg/ldl.js";
export {
  type LuSolveOptions,
  lu,
  luFactor,
  luFactorEx,
  luSolve,
  luUnpack,
  type PivotOptions,
  type Plu,
  type UnpackOptions,
} from "./linalg/lu.js";
export * from "./linalg/norms.js";
export { type LstsqOptions, type LstsqResult, lstsq, pinv, tensorinv, tensorsolve } from "./linalg/pinv.js";
export * from "./linalg/products.js";
export {
  type CheckOptions,
  inv,
  invEx,
  type LeftOptions,
  solve,
  solveEx,
  solveTriangular,
  type TriangularOptions,
} from "./linalg/solve.js";
export {
  type Eigen,
  eigh,
  eigvalsh,
  matrixRank,
  type SvdResult,
  svd,
  svdvals,
  type ToleranceOptions,
  type UploOptions,
} from "./linalg/spectral.js";
