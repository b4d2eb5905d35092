import type { Backend, Handle, HostFunction, Spec, View } from "@sconce/core";
import { sizeOf } from "@sconce/core";

/** Inputs, which are whole buffers in order, results, and what makes these of those. */
export type HostCall = readonly [inputs: readonly View[], outputs: readonly Spec[], fn: HostFunction];

/** How a device has the host compute: when its work is done, or at once where it can block; undefined if it cannot at all. */
export function hostOf(backend: Backend): ((...call: HostCall) => readonly Handle[]) | undefined {
  if (backend.later !== undefined) return backend.later.bind(backend);
  if (backend.downloadSync === undefined) return undefined;
  const { upload } = backend;
  const downloadSync = backend.downloadSync.bind(backend);
  return (inputs, outputs, fn) => {
    const results = fn(inputs.map(({ handle, dtype, shape }) => downloadSync(handle, dtype, sizeOf(shape))));
    return results.map((data, i) => upload.call(backend, data, outputs[i].dtype));
  };
}
