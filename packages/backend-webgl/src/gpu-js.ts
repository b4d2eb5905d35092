/**
 * gpu.js as a chunk of its own: the build bundles this file, so that users of the package install nothing beside it and applications
 * load it when the device starts.
 *
 * @module
 */
import * as namespace from "gpu.js";
import type { GpuJs } from "./gpu.js";

type Module = GpuJs & { readonly GPU?: GpuJs; readonly default?: Module };

const { GPU: named, default: fallback } = namespace as unknown as Module;

/** The class `GPU`; where it is found depends on how CommonJS was turned into a module. */
export const GPU: GpuJs = (named ?? fallback?.GPU ?? fallback) as GpuJs;
