import {
  contiguousValue,
  type Device,
  DTYPES,
  type DType,
  DTypeError,
  type Storage,
  Tensor,
  type ToOptions,
  tensorOver,
  ValueError,
  zeros,
} from "@sconce/core";

/** What a module can be moved to. */
export type Target = Device | DType | Tensor | ToOptions;

interface Goal {
  readonly device?: Device;
  readonly dtype?: DType;
}

/** Splits the arguments of `.to()` in device and dtype. */
export function parseTarget(target: Target, dtype?: DType): Goal {
  if (target instanceof Tensor) return { device: target.device, dtype: target.dtype };
  if (typeof target !== "string") {
    if (typeof target !== "object" || target === null)
      throw new ValueError(`to: expected a dtype, a device, a tensor or options, got ${target}`);
    return target;
  }
  return (DTYPES as readonly string[]).includes(target) ? { dtype: target as DType } : { device: target as Device, dtype };
}

/** A tensor of a module, by its state key. */
export type Named = readonly [name: string, tensor: Tensor];

/** Parameters, buffers and gradients, as moving a module takes them along. */
export function tensorsOf(module: { namedParameters(): Iterable<Named>; namedBuffers(): Iterable<Named> }): Named[] {
  const parameters = [...module.namedParameters()];
  const grads = parameters.map(([name, p]): [string, unknown] => [`${name}.grad`, (p as { grad?: unknown }).grad]);
  return [...parameters, ...module.namedBuffers(), ...(grads.filter(([, grad]) => grad instanceof Tensor) as [string, Tensor][])];
}

/**
 * Converts tensors in place: their storages get other values, so every view and every optimizer sees the change. Integers keep
 * their dtype. Nothing changes unless everything can.
 */
export function convertAll(tensors: Iterable<Named>, goal: Goal): void {
  const results = new Map<Storage, Tensor>();
  for (const [name, x] of tensors) {
    if (results.has(x.storage) || !differs(x, goal)) continue;
    results.set(
      x.storage,
      explained(name, () => whole(x).to(goalOf(x, goal))),
    );
  }
  for (const [storage, result] of results) refill(storage, result);
}

/** Puts zeros in the place of all elements, on a device. Nothing changes unless everything can. */
export function emptyAll(tensors: readonly Named[], device: Device): void {
  const made = tensors.map(([name, { storage }]) => {
    const { size, dtype } = storage;
    return [storage, explained(name, () => zeros([size], { dtype, device }))] as const;
  });
  for (const [storage, result] of made) refill(storage, result);
}

/** {@link convertAll} to a device without blocking. */
export async function convertAllAsync(tensors: Iterable<Named>, device: Device): Promise<void> {
  const results = new Map<Storage, Tensor>();
  for (const [, x] of tensors) {
    if (!results.has(x.storage) && differs(x, { device })) results.set(x.storage, await whole(x).toAsync(device));
  }
  for (const [storage, result] of results) refill(storage, result);
}

function goalOf(x: Tensor, { device = x.device, dtype }: Goal): Required<Goal> {
  return { device, dtype: dtype !== undefined && x.isFloatingPoint() ? dtype : x.dtype };
}

function differs(x: Tensor, goal: Goal): boolean {
  const { device, dtype } = goalOf(x, goal);
  return device !== x.device || dtype !== x.dtype;
}

/** All memory behind a tensor, so that a view of a larger tensor keeps its place in it. */
function whole({ storage }: Tensor): Tensor {
  return tensorOver(storage, { shape: [storage.size], strides: [1], offset: 0 });
}

function refill(storage: Storage, result: Tensor): void {
  storage.host = null;
  storage.replace(contiguousValue(result));
}

function explained<T>(name: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (error instanceof DTypeError) throw new DTypeError(`${error.message} (tensor "${name}" of the module)`, error);
    throw error;
  }
}
