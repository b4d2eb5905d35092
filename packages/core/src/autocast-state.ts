import type { Device } from "./backend.js";
import type { Tensor } from "./tensor/tensor.js";

/** What {@link autocast} does on a device while its region is open. */
export interface Casting {
  /** A tensor in the region's dtype, if it is of a floating-point dtype of at most 32 bits. */
  lower(x: Tensor): Tensor;
  /** Runs a function whose ops take float32 for 16 bits. */
  full<T>(fn: () => T): T;
}

/** The devices whose ops are cast now. */
export const casting: Map<Device, Casting> = new Map();

/** What casts ops on the device of `x` now: they may get tensors of several dtypes then. */
export function castingOf(x: Tensor): Casting | undefined {
  return casting.size === 0 ? undefined : casting.get(x.device);
}

/** What is cast now, as something that runs a function under it later, such as a recomputation. */
export function captureCasting(): <T>(fn: () => T) => T {
  const then = [...casting];
  const become = (entries: readonly (readonly [Device, Casting])[]): void => {
    casting.clear();
    for (const [device, entry] of entries) casting.set(device, entry);
  };
  return (fn) => {
    const now = [...casting];
    become(then);
    try {
      return fn();
    } finally {
      become(now);
    }
  };
}

/** Runs a composition on `x` that {@link autocast} computes in float32, such as a loss. */
export function inFullPrecision<T>(x: Tensor, fn: () => T): T {
  const open = castingOf(x);
  return open === undefined ? fn() : open.full(fn);
}
