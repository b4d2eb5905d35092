import { realise } from "./fusion.js";
import type { Tensor } from "./tensor/tensor.js";

/**
 * Reads tensors to the host, all in one turn, so that whatever needs their elements at once works on a device that cannot block: masks as
 * indices, `nonzero`, `unique`, `itemSync`, printing, linear algebra that the host computes. Views of them are known, too; what is written
 * in place later is not.
 * @example
 * const x = tensor([3, -1, 2]);
 * const mask = x.gt(0);
 * await prefetch(mask);
 * x.at(mask); // tensor([3., 2.]), on every device
 */
export async function prefetch(...tensors: readonly Tensor[]): Promise<void> {
  await Promise.all(
    tensors.map(async ({ storage }) => {
      const { value } = storage;
      if (storage.backend.downloadSync !== undefined || value.copy !== null) return;
      // Held while it is read.
      value.retain();
      try {
        value.copy = await value.backend.download(realise(value), value.dtype, value.size);
      } finally {
        value.release();
      }
    }),
  );
}
