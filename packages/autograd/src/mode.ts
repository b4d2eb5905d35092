import type { Tensor } from "@sconce/core";
import type { Kept } from "./saved.js";

/** What happens to tensors that nodes keep: `pack` takes each over when it is recorded, `unpack` gives it back in backward. */
export interface Packing {
  readonly pack: (kept: Kept) => unknown;
  readonly unpack: (packed: unknown) => Tensor;
  /** Called when nothing will ask for it again. */
  readonly release?: (packed: unknown) => void;
}

/** What autograd is doing now. */
export interface Mode {
  /** Ops are recorded. */
  enabled: boolean;
  /** Nodes remember where they were made, and gradients are checked for NaN. */
  anomaly: boolean;
  /** Recording is off for evaluation. */
  inference: boolean;
  /** What packs the tensors that nodes keep; null for none. */
  packing: Packing | null;
}

/** The one mutable setting of the package. */
export const mode: Mode = { enabled: true, anomaly: false, inference: false, packing: null };
