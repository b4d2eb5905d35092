import {
  type Backend,
  type Device,
  type DType,
  getAutocastDType,
  getDefaultDevice,
  getDefaultDType,
  NotSupportedError,
  type Shape,
  sameShape,
  startedDevices,
  Tensor,
} from "@sconce/core";
import { needsGrad } from "../history.js";
import { mode } from "../mode.js";
import { formOf, isOpaque } from "./tree.js";

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
  /** Arguments that are no tensors, in the places of their leaves; the class in those of tensors. */
  readonly #values: readonly unknown[];
  readonly #inEnvironment: () => boolean;

  /** `tensors` are those among `leaves`, the leaves of the arguments. */
  constructor(args: readonly unknown[], leaves: readonly unknown[], tensors: readonly Tensor[]) {
    this.#form = formOf(args, leaves);
    this.#keys = tensors.map((x) => {
      const { shape, dtype, storage } = x;
      return { shape, dtype, backend: storage.backend, needsGrad: needsGrad(x), alias: aliasOf(x, tensors) };
    });
    this.#values = leaves.map((leaf) => (leaf instanceof Tensor ? Tensor : checkValue(leaf)));
    this.#inEnvironment = environment();
  }

  /** True if a program for this signature serves a call. */
  fits(args: readonly unknown[], leaves: readonly unknown[], tensors: readonly Tensor[]): boolean {
    const keys = this.#keys;
    const values = this.#values;
    if (leaves.length !== values.length || tensors.length !== keys.length || !this.#inEnvironment()) return false;
    for (let i = 0; i < leaves.length; i++) if (!Object.is(leaves[i] instanceof Tensor ? Tensor : leaves[i], values[i])) return false;
    for (let i = 0; i < keys.length; i++) if (!isLike(tensors[i], keys[i]) || aliasOf(tensors[i], tensors) !== keys[i].alias) return false;
    return formOf(args, leaves) === this.#form;
  }
}

function aliasOf({ storage }: Tensor, all: readonly Tensor[]): number {
  let i = 0;
  while (all[i].storage !== storage) i++;
  return i;
}

function isLike(x: Tensor, { shape, dtype, backend, needsGrad: needs }: TensorKey): boolean {
  return x.dtype === dtype && x.storage.backend === backend && sameShape(x.shape, shape) && needsGrad(x) === needs;
}

function refuse(why: string): never {
  throw new NotSupportedError(`compile: ${why}`);
}

/** @throws NotSupportedError for a tensor that no program can take. */
export function checkArgument(x: Tensor): void {
  if (x.wrapped !== null) refuse("a compiled function cannot run inside of vmap or another transform; compile the transformed function");
}

function checkValue(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) refuse("a typed array among the arguments would be frozen; pass tensor(array)");
  if (isOpaque(value)) {
    const name = value.constructor?.name ?? "an object";
    refuse(`${name} among the arguments would be frozen; pass what it holds, tensors and numbers`);
  }
  return value;
}

/** Modes that the ops of a function depend on: a check that they are those of now. */
function environment(): () => boolean {
  const { enabled, inference, packing } = mode;
  const dtype = getDefaultDType();
  const device = getDefaultDevice();
  const devices = startedDevices();
  const casts = devices.map((name) => getAutocastDType(name));
  const isSame = (name: Device, i: number): boolean => getAutocastDType(name) === casts[i];
  return () =>
    mode.enabled === enabled &&
    mode.inference === inference &&
    mode.packing === packing &&
    getDefaultDType() === dtype &&
    getDefaultDevice() === device &&
    devices.every(isSame);
}
