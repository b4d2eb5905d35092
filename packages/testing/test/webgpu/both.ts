import { createCpuBackend } from "@sconce/backend-cpu";
import { type Backend, type KernelName, type Kernels, type Spec, sizeOf, type TypedArray } from "@sconce/core";
import { expectClose, type HostTensor } from "../../../backend-cpu/src/testing.js";

export { expectClose, generator, type HostTensor, hostTensor, LAYOUTS, tensorOf, values } from "../../../backend-cpu/src/testing.js";

const reference = createCpuBackend({ reference: true });

/** Runs a kernel on one backend and reads its results. */
export async function runOn<K extends KernelName>(
  backend: Backend,
  kernel: K,
  inputs: readonly HostTensor[],
  outputs: readonly Spec[],
  attrs: Kernels[K],
): Promise<TypedArray[]> {
  const views = inputs.map(({ array, dtype, shape, strides, offset }) => ({
    handle: backend.upload(array, dtype),
    dtype,
    shape,
    strides,
    offset,
  }));
  const handles = backend.run(kernel, views, outputs, attrs);
  const results = await Promise.all(handles.map((handle, i) => backend.download(handle, outputs[i].dtype, sizeOf(outputs[i].shape))));
  for (const handle of new Set([...handles, ...views.map((view) => view.handle)])) backend.free(handle);
  return results;
}

/** Fails unless a kernel gives what the CPU's reference kernel gives, floats within `tolerance`; returns what that gives. */
export async function expectSame<K extends KernelName>(
  backend: Backend,
  kernel: K,
  inputs: readonly HostTensor[],
  outputs: readonly Spec[],
  attrs: Kernels[K],
  tolerance = 1e-6,
  label: string = kernel,
): Promise<TypedArray[]> {
  const want = await runOn(reference, kernel, inputs, outputs, attrs);
  const got = await runOn(backend, kernel, inputs, outputs, attrs);
  want.forEach((array, i) => expectClose(got[i], array, tolerance, `${label} ${i}`));
  return want;
}
