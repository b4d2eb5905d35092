import { isFloatingPoint, Storage, Tensor, tensorOver } from "@sconce/core";
import { Module } from "./module.js";
import { escapeScope, Parameter } from "./parameter.js";

/**
 * A deep copy of a module: parameters and buffers get memory of their own, what was shared inside stays shared, modes and hooks are
 * kept, gradients are not. `structuredClone` cannot do it, since a module is a function. The constructor does not run, so a class
 * with `#private` fields of its own cannot be copied.
 *
 * @example
 * const teacher = nn.clone(net).eval();
 */
export function clone<M extends Module>(module: M): M {
  return new Copier().copy(module) as M;
}

/** Copies values, each once. */
class Copier {
  readonly #done = new Map<object, unknown>();

  readonly copy = (value: unknown): unknown => {
    if (value === null || (typeof value !== "object" && !(value instanceof Module))) return value;
    const found = this.#done.get(value);
    if (found !== undefined) return found;
    if (value instanceof Module) return Module.copy(value, (copy) => this.#done.set(value, copy), this.copy);
    const copy = value instanceof Tensor ? this.#tensor(value) : this.#container(value);
    this.#done.set(value, copy);
    return copy;
  };

  #tensor(x: Tensor): Tensor {
    const copy = tensorOver(this.#storage(x.storage), x);
    escapeScope(copy);
    return x instanceof Parameter
      ? new Parameter(copy, { requiresGrad: x.trainable })
      : copy.markTrainable(x.trainable && isFloatingPoint(x.dtype));
  }

  /** Values are write-once, so the copy shares the value until one side is written. */
  #storage(storage: Storage): Storage {
    const found = this.#done.get(storage) as Storage | undefined;
    if (found !== undefined) return found;
    const copy = new Storage(storage.value);
    this.#done.set(storage, copy);
    return copy;
  }

  #container(value: object): unknown {
    if (ArrayBuffer.isView(value)) return (value as Uint8Array).slice();
    if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, this.copy(item)]));
    if (value instanceof Set) return new Set([...value].map(this.copy));
    if (Array.isArray(value)) return value.map(this.copy);
    const prototype = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.copy(item)]));
  }
}
