import {
  type Backend,
  type DType,
  getAutocastDType,
  getDefaultDevice,
  getDefaultDType,
  isWhole,
  NotSupportedError,
  type Shape,
  sameShape,
  startedDevices,
  Tensor,
} from "@sconce/core";
import { knownHistory, needsGrad } from "../history.js";
import { mode } from "../mode.js";
import { formOf } from "./tree.js";

interface TensorKey {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly backend: Backend;
  readonly needsGrad: boolean;
  /** The first tensor among the arguments with the same memory. */
  readonly alias: number;
}

/** What a program was compiled for: the form of the arguments, and the modes that were on. */
export class Signature {
  readonly #form: string;
  readonly #keys: readonly TensorKey[];
  /** Other arguments, and the modes. */
  readonly #values: readonly unknown[];

  /** `tensors` are those among `leaves`, the leaves of the arguments. */
  constructor(args: readonly unknown[], leaves: readonly unknown[], tensors: readonly Tensor[]) {
    this.#form = formOf(args);
    this.#keys = tensors.map((x) => keyOf(x, tensors));
    this.#values = [...leaves.map((leaf) => (leaf instanceof Tensor ? Tensor : checkValue(leaf))), ...environment()];
  }

  /** True if a program for the other one serves this one. */
  equals(other: Signature): boolean {
    return (
      this.#form === other.#form &&
      this.#keys.every((key, i) => sameKey(key, other.#keys[i])) &&
      this.#values.length === other.#values.length &&
      this.#values.every((value, i) => Object.is(value, other.#values[i]))
    );
  }
}

function keyOf(x: Tensor, all: readonly Tensor[]): TensorKey {
  const { shape, dtype, storage } = x;
  const alias = all.findIndex((other) => other.storage === storage);
  return { shape, dtype, backend: storage.backend, needsGrad: needsGrad(x), alias };
}

function sameKey(a: TensorKey, b: TensorKey): boolean {
  return (
    a.dtype === b.dtype && a.backend === b.backend && a.needsGrad === b.needsGrad && a.alias === b.alias && sameShape(a.shape, b.shape)
  );
}

function refuse(why: string): never {
  throw new NotSupportedError(`compile: ${why}`, { op: "compile" });
}

/** @throws NotSupportedError for a tensor that no program can take. */
export function checkArgument(x: Tensor): void {
  if (x.wrapped !== null) refuse("a compiled function cannot run inside of vmap or another transform; compile the transformed function");
  if (!mode.enabled || !needsGrad(x)) return;
  if (knownHistory(x)?.node) {
    refuse(
      "an argument is the result of recorded ops, whose graph a replay does not have; compile the function that computes it too, or detach() it",
    );
  }
  if (!isWhole(x, x.storage)) refuse("an argument that requires gradients is a view; pass the whole tensor, or a clone that requires them");
}

function checkValue(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) refuse("a typed array among the arguments would be frozen; pass tensor(array)");
  return value;
}

/** Modes that the ops of a function depend on. */
function environment(): unknown[] {
  const casts = startedDevices().flatMap((device) => [device, getAutocastDType(device)]);
  return [mode.enabled, mode.inference, mode.anomaly, mode.packing, getDefaultDType(), getDefaultDevice(), ...casts];
}
