import { cos, pow, sin } from "../../elementwise/math-wide.js";
import type { VectorFunctions } from "../../elementwise/simd.js";
import type { SpecialFunctions } from "../../reference/scalar.js";
import { digamma, erf, erfc, erfinv, lgamma } from "../../reference/special.js";

/**
 * `erfc`, `erfinv`, `lgamma`, `digamma`, and `erf` in double precision; `sin`, `cos` and `pow` of float32 four at a time, which without this
 * part are computed one by one.
 * @example
 * import { cpuBackend, dense, special } from "@sconce/backend-cpu/parts";
 * registerBackend(cpuBackend([dense, special]));
 */
export const special: { readonly special: SpecialFunctions; readonly vectors: VectorFunctions } = {
  special: { erf, erfc, erfinv, lgamma, digamma },
  vectors: { sin, cos, pow },
};
