/** What autograd is doing now. */
export interface Mode {
  /** Ops are recorded. */
  enabled: boolean;
  /** Nodes remember where they were made, and gradients are checked for NaN. */
  anomaly: boolean;
}

/** The one mutable setting of the package. */
export const mode: Mode = { enabled: true, anomaly: false };
