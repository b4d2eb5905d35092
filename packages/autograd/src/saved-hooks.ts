import { type Device, exposed, SconceError, Tensor } from "@sconce/core";
import { mode, type Packing } from "./mode.js";

/** A region with its own way of keeping tensors; made by {@link savedTensorsHooks}. */
export class SavedTensorsRegion implements Disposable {
  readonly #before: Packing | null = mode.packing;

  constructor(hooks: Packing) {
    if (disabled !== null) throw new SconceError(`savedTensorsHooks: ${disabled}`);
    mode.packing = hooks;
  }

  /** Ends it. */
  [Symbol.dispose](): void {
    mode.packing = this.#before;
  }
}

/** Keeps a tensor past the end of the scope that made it: the graph may outlive it. */
function outliving(x: Tensor): Tensor {
  x.storage.owner?.remove(x.storage);
  return x;
}

let disabled: string | null = null;

/**
 * Lets `pack` decide how the tensors are kept that ops recorded in a region keep for backward, and `unpack` bring them back there. Both run
 * without recording. The region is that of a function, or lasts to the end of the block with `using`.
 *
 * Source: https://pytorch.org/docs/stable/autograd.html#torch.autograd.graph.saved_tensors_hooks
 *
 * @throws SconceError where {@link disableSavedTensorsHooks} forbids it; from backward, if `unpack` returns anything but a tensor.
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * const half = (t: Tensor) => t.to("float64"); // any other form that can be undone
 * const y = graph.savedTensorsHooks(half, (t) => (t as Tensor).float(), () => x.square().sum());
 * y.backward();
 */
export function savedTensorsHooks(pack: (tensor: Tensor) => unknown, unpack: (packed: never) => Tensor): SavedTensorsRegion;
export function savedTensorsHooks<T>(pack: (tensor: Tensor) => unknown, unpack: (packed: never) => Tensor, fn: () => T): T;
export function savedTensorsHooks<T>(
  pack: (tensor: Tensor) => unknown,
  unpack: (packed: never) => Tensor,
  fn?: () => T,
): T | SavedTensorsRegion {
  // The user may keep what is made there.
  const region = regionOf(pack, (packed: never) => exposed(null, () => unpack(packed)));
  return fn === undefined ? region : within(region, fn);
}

function within<T>(region: SavedTensorsRegion, fn: () => T): T {
  using _ = region;
  return fn();
}

function regionOf(pack: (tensor: Tensor) => unknown, unpack: (packed: never) => Tensor): SavedTensorsRegion {
  return new SavedTensorsRegion({
    pack: (kept) => {
      const packed = pack(outliving(kept.unpack()));
      kept.release();
      return packed instanceof Tensor ? outliving(packed) : packed;
    },
    unpack: unpack as (packed: unknown) => Tensor,
  });
}

/**
 * Keeps what ops recorded in a function keep on the CPU, and brings it back to its device in backward.
 *
 * Source: https://pytorch.org/docs/stable/autograd.html#torch.autograd.graph.save_on_cpu
 *
 * @throws NotSupportedError on a device that cannot be read at once.
 * @example
 * const x = tensor([1, 2], { requiresGrad: true });
 * graph.saveOnCpu(() => x.square().sum()).backward();
 */
export function saveOnCpu<T>(fn: () => T): T {
  const pack = (x: Tensor): [Device, Tensor] => [x.device, x.cpu()];
  return within(
    regionOf(pack, ([device, x]: [Device, Tensor]) => x.to({ device })),
    fn,
  );
}

/**
 * Forbids {@link savedTensorsHooks} while a function runs; its use throws an error with the message.
 *
 * Source: https://pytorch.org/docs/stable/autograd.html#torch.autograd.graph.disable_saved_tensors_hooks
 *
 * @example
 * graph.disableSavedTensorsHooks("not here", () => 1);
 */
export function disableSavedTensorsHooks<T>(message: string, fn: () => T): T {
  const before = disabled;
  disabled = message;
  try {
    return fn();
  } finally {
    disabled = before;
  }
}
