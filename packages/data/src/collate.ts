import { ShapeError, stack, Tensor, tensor, ValueError } from "@sconce/core";

/** What {@link defaultCollate} makes of samples of type `T`. */
export type Collated<T> = T extends Tensor
  ? Tensor
  : T extends number | boolean | bigint
    ? Tensor
    : T extends string
      ? string[]
      : T extends readonly unknown[]
        ? { -readonly [K in keyof T]: Collated<T[K]> }
        : T extends object
          ? { [K in keyof T]: Collated<T[K]> }
          : T[];

/**
 * Makes a batch of samples: tensors are stacked, numbers become a tensor (int32 if all are integers, int64 beyond its range, else float32), booleans a bool
 * tensor, bigints an int64 tensor, strings stay a list; tuples and objects are collated entry by entry.
 * @throws ShapeError if tensors or tuples differ in size. @throws ValueError for anything else.
 * @example
 * defaultCollate([[tensor([1, 2]), 0], [tensor([3, 4]), 1]]); // [Tensor [2, 2], Tensor [2]]
 */
export function defaultCollate<T>(samples: readonly T[]): Collated<T> {
  return collate(samples) as Collated<T>;
}

function collate(samples: readonly unknown[]): unknown {
  const [first] = samples;
  if (first instanceof Tensor) return stack(samples as Tensor[]);
  switch (typeof first) {
    case "number":
      return collateNumbers(samples as number[]);
    case "boolean":
    case "bigint":
      return tensor(samples as boolean[]);
    case "string":
      return [...samples];
  }
  if (Array.isArray(first)) {
    if (samples.some((s) => !Array.isArray(s) || s.length !== first.length)) {
      throw new ShapeError("defaultCollate: each element in list of batch should be of equal size");
    }
    return first.map((_, i) => collate((samples as unknown[][]).map((s) => s[i])));
  }
  if (first !== null && typeof first === "object" && Object.getPrototypeOf(first) === Object.prototype) {
    const stranger = samples.findIndex((s) => s === null || typeof s !== "object");
    if (stranger >= 0)
      throw new ValueError(`defaultCollate: expected objects throughout the batch, got ${String(samples[stranger])} at ${stranger}`);
    return Object.fromEntries(Object.keys(first).map((key) => [key, collate((samples as Record<string, unknown>[]).map((s) => s[key]))]));
  }
  throw new ValueError(
    `defaultCollate: batch must contain tensors, numbers, booleans, strings, arrays or plain objects; found ${first === null ? "null" : (first?.constructor?.name ?? typeof first)}; give DataLoader a collate function`,
  );
}

/** Integers as int32, or int64 where one is beyond it; a batch with any other number as floats. */
function collateNumbers(samples: readonly number[]): Tensor {
  if (!samples.every(Number.isInteger)) return tensor(samples);
  const wide = samples.some((n) => n !== (n | 0));
  return tensor(samples, { dtype: wide ? "int64" : "int32" });
}
