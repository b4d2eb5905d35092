import {
  type Backend,
  type Device,
  DTYPES,
  type DType,
  type Handle,
  hostArray,
  type KernelName,
  type Kernels,
  type Spec,
  sizeOf,
  type TypedArray,
  type View,
} from "@sconce/core";
import { decomposedIn, type KernelPart, rowOf } from "../kernels/parts/table.js";
import { elementsOf } from "./array.js";
import { useSpecial } from "./scalar.js";

/** Kernels that only move elements, so that they take every dtype as it is. */
const MOVES: ReadonlySet<KernelName> = new Set<KernelName>(["gather", "indexSelect", "concat"]);

/** The limits of the CPU. */
export const LIMITS: Backend["limits"] = {
  dtypes: new Set(DTYPES),
  narrow: MOVES,
  maxInputs: 16,
  maxExpr: 48,
  maxBytes: 2 ** 31,
  // A few steps of a network of images: more would only be colder in the caches.
  resident: 2 ** 28,
};

interface HostHandle {
  readonly array: TypedArray;
}

/** The CPU as plain typed arrays under the reference kernels: for comparison, and for engines without WebAssembly SIMD. */
export class ReferenceBackend implements Backend {
  readonly name: Device = "cpu";
  readonly limits: Backend["limits"] = LIMITS;
  readonly decomposed: ReadonlySet<KernelName>;
  readonly #kernels: KernelPart;

  constructor(kernels: KernelPart) {
    this.#kernels = kernels;
    this.decomposed = decomposedIn(kernels);
    if (kernels.special !== undefined) useSpecial(kernels.special);
  }

  upload(data: TypedArray, _dtype: DType): Handle {
    return { array: data.slice() } satisfies HostHandle;
  }

  async download(handle: Handle, dtype: DType, length: number): Promise<TypedArray> {
    return this.downloadSync(handle, dtype, length);
  }

  downloadSync(handle: Handle, _dtype: DType, length: number): TypedArray {
    return (handle as HostHandle).array.slice(0, length);
  }

  run<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], attrs: Kernels[K]): readonly Handle[] {
    const handles: HostHandle[] = outputs.map(({ shape, dtype }) => ({ array: hostArray(dtype, sizeOf(shape)) }));
    rowOf(this.#kernels, kernel).reference(
      inputs.map((x) => ({ ...x, data: elementsOf((x.handle as HostHandle).array) })),
      outputs.map(({ shape, dtype }, i) => ({ shape, dtype, data: elementsOf(handles[i].array) })),
      attrs,
    );
    return handles;
  }

  free(_handle: Handle): void {}
}
