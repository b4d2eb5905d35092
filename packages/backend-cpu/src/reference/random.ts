/**
 * The counter-based random stream, as core defines it.
 *
 * @module
 */
import { uniform32 } from "@sconce/core";
import type { ReferenceKernel } from "./array.js";

export const random: ReferenceKernel<"random"> = (_, [{ data }], { seed, offset }) => {
  for (let i = 0; i < data.length; i++) data[i] = uniform32(seed, offset, i);
};
