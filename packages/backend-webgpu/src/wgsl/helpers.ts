import { ELEMENTARY } from "./elementary.js";
import { HALF } from "./half.js";
import { INTEGER } from "./integer.js";
import { SPECIAL } from "./special.js";

/** Functions that printed kernels may call, by name. A kernel's text holds those that it needs. */
export const HELPERS: { readonly [name: string]: string } = { ...ELEMENTARY, ...HALF, ...INTEGER, ...SPECIAL };
