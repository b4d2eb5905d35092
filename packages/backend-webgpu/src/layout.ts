import type { Layout } from "@sconce/core";

/** True if a layout can be read four elements at a time along dimension `dim`: steps of one there, of fours elsewhere. */
export function isVector({ shape, strides, offset }: Layout, dim: number): boolean {
  if (offset % 4 !== 0 || shape[dim] % 4 !== 0 || strides[dim] !== 1) return false;
  for (let d = 0; d < strides.length; d++) if (d !== dim && shape[d] !== 1 && strides[d] % 4 !== 0) return false;
  return true;
}
