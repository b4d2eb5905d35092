import { grad, vmap } from "@sconce/autograd/func";
import { type Device, realiseAll, type Tensor } from "@sconce/core";
import { type Form, formsOf } from "./calls.js";
import { Mismatch } from "./compare.js";
import type { OpCase, OpInfo } from "./golden.js";
import { construct } from "./modules.js";
import { keyOf } from "./ops-runner.js";
import { elements, isTensor, Values } from "./values.js";

/** Runs cases of operators on two examples at once and on each alone. */
export class BatchedRunner {
  readonly #values: Values;
  readonly #info: { readonly [op: string]: OpInfo };

  constructor(device: Device, info: { readonly [op: string]: OpInfo }) {
    this.#values = new Values(device, construct);
    this.#info = info;
  }

  /**
   * Compares results and gradients. False where there is nothing to compare: no tensors, or results that are none.
   * @throws Mismatch at the first difference.
   */
  async run(c: OpCase): Promise<boolean> {
    const [form] = formsOf(c.call, this.#info[keyOf(c)] ?? this.#info[c.op]);
    if (form === undefined || c.stochastic !== undefined || c.gauge) return false;
    const args = c.args.map((value) => this.#values.value(value));
    const kwargs = Object.fromEntries(Object.entries(c.kwargs).map(([name, value]) => [name, this.#values.value(value)]));
    const places = placesOf(args, kwargs);
    if (places.length === 0) return false;
    const call = (tensors: readonly Tensor[]): Tensor[] => tensorsIn(form.call(...fill(args, kwargs, tensors)));
    const all = places.map(() => 0 as const);
    let compared = await compare(call, places, all);
    if (places.length > 1) compared = (await compare(call, places, [0, ...places.slice(1).map(() => null)])) && compared;
    if (compared && c.grads !== undefined) await compareGradients(call, places, all);
    return compared;
  }
}

type Call = (tensors: readonly Tensor[]) => Tensor[];
type Kwargs = { readonly [name: string]: unknown };

function placesOf(args: unknown, kwargs: Kwargs): Tensor[] {
  const found: Tensor[] = [];
  fill(args, kwargs, [], found);
  return found;
}

/** The arguments with other tensors, in order; what `found` gets are those that were there. */
function fill(args: unknown, kwargs: Kwargs, tensors: readonly Tensor[], found: Tensor[] = []): Parameters<Form["call"]> {
  const replace = (value: unknown): unknown => {
    if (isTensor(value)) return tensors[found.push(value) - 1] ?? value;
    return Array.isArray(value) ? value.map(replace) : value;
  };
  const filled = replace(args) as unknown[];
  return [filled, Object.fromEntries(Object.entries(kwargs).map(([name, value]) => [name, replace(value)]))];
}

function tensorsIn(result: unknown): Tensor[] {
  if (isTensor(result)) return [result];
  if (typeof result !== "object" || result === null) return [];
  const parts: unknown[] = Array.isArray(result)
    ? result
    : Symbol.iterator in result
      ? [...(result as Iterable<unknown>)]
      : Object.values(result);
  return parts.flatMap(tensorsIn);
}

/** The same elements in reverse order: what an op asks of its elements still holds. */
function other(x: Tensor): Tensor {
  return x.flip(x.shape.map((_, i) => i)).contiguous();
}

function examplesOf(x: Tensor): Tensor {
  return x
    .unsqueeze(0)
    .expand([2, ...x.shape])
    .clone()
    .setAt(1, other(x));
}

/** The results of each example alone; null for an op that is not offered. */
function resultsAlone(call: Call, places: readonly Tensor[], dims: readonly (0 | null)[]): Tensor[][] | null {
  try {
    const alone = [call(places), call(places.map((x, i) => (dims[i] === null ? x : other(x))))];
    realiseAll(alone.flat());
    return alone;
  } catch {
    return null;
  }
}

async function compare(call: Call, places: readonly Tensor[], dims: readonly (0 | null)[]): Promise<boolean> {
  const alone = resultsAlone(call, places, dims);
  if (alone === null || alone[0].length === 0) return false;
  const given = places.map((x, i) => (dims[i] === null ? x : examplesOf(x)));
  const together = vmap((...tensors: Tensor[]) => call(tensors), { inDims: dims })(...given);
  for (const [k, y] of together.entries())
    for (const i of [0, 1]) await expectEqual(y.select(0, i), alone[i][k], `result ${k} of example ${i}`);
  return true;
}

async function compareGradients(call: Call, places: readonly Tensor[], dims: readonly (0 | null)[]): Promise<void> {
  const floats = places.flatMap((x, i) => (x.isFloatingPoint() ? [i] : []));
  const total = (...tensors: Tensor[]): Tensor =>
    call(tensors)
      .filter((y) => y.isFloatingPoint())
      .map((y) => y.double().sigmoid().sum())
      .reduce((a, b) => a.add(b));
  const gradients = grad(total as (...tensors: Tensor[]) => Tensor, { argnums: floats }) as unknown as (...tensors: Tensor[]) => Tensor[];
  const alone = [gradients(...places), gradients(...places.map(other))];
  const together = vmap(gradients, { inDims: dims })(...places.map(examplesOf));
  for (const [k, y] of together.entries())
    for (const i of [0, 1]) await expectEqual(y.select(0, i), alone[i][k], `gradient ${k} of example ${i}`);
}

async function expectEqual(actual: Tensor, expected: Tensor, what: string): Promise<void> {
  if (String(actual.shape) !== String(expected.shape) || actual.dtype !== expected.dtype) {
    throw new Mismatch(`${what}: expected [${expected.shape}] ${expected.dtype}, got [${actual.shape}] ${actual.dtype}`);
  }
  const [a, b] = [await elements(actual), await elements(expected)];
  for (let i = 0; i < b.length; i++) {
    const [x, y] = [Number(a[i]), Number(b[i])];
    const same = Object.is(x, y) || x === y || Math.abs(x - y) <= 1e-5 + 1e-4 * Math.abs(y);
    if (!same) throw new Mismatch(`${what}: element ${i} is ${x}, expected ${y}`);
  }
}
