import type { SpecialFunctions } from "../../reference/scalar.js";
import { digamma, erf, erfc, erfinv, lgamma } from "../../reference/special.js";

/**
 * `erfc`, `erfinv`, `lgamma`, `digamma`, and `erf` in double precision.
 * @example
 * import { cpuBackend, dense, special } from "@sconce/backend-cpu/parts";
 * registerBackend(cpuBackend([dense, special]));
 */
export const special: { readonly special: SpecialFunctions } = { special: { erf, erfc, erfinv, lgamma, digamma } };
