import { createCpuBackend } from "@sconce/backend-cpu";
import { type Backend, registerBackend } from "@sconce/core";

/** Ways to compute on the CPU that must give the same numbers. */
const VARIANTS = ["fused", "eager", "reference"] as const;

export type Variant = (typeof VARIANTS)[number];

/** Every op at once, in a kernel of its own. */
function eager(): Backend {
  const backend = createCpuBackend();
  const limits: Backend["limits"] = { ...backend.limits, maxExpr: 1 };
  return Object.defineProperty(backend, "limits", { value: limits });
}

const MAKE: { readonly [V in Variant]: () => Backend } = {
  fused: () => createCpuBackend(),
  eager,
  reference: () => createCpuBackend({ reference: true }),
};

/** Makes device "cpu" compute in one way: new tensors are of it. */
export function useVariant(variant: Variant): void {
  registerBackend(MAKE[variant]());
}

/** The variant that the environment asks for. @throws Error for an unknown one. */
export function requestedVariant(): Variant {
  const name = process.env.SCONCE_VARIANT ?? "fused";
  const found = VARIANTS.find((variant) => variant === name);
  if (found === undefined) throw new Error(`SCONCE_VARIANT: expected one of ${VARIANTS.join(", ")}, got ${name}`);
  return found;
}
