import { formatShape, ShapeError, sameShape, stack, type Tensor, ValueError } from "@sconce/core";
import { Module } from "./module.js";

/** Tensors by their dotted names. */
type Named = { readonly [name: string]: Tensor };

/** How {@link functionalCall} finds what to replace. */
export interface FunctionalCallOptions {
  /** What is one tensor under several names in the module is replaced under all of them. */
  readonly tieWeights?: boolean;
  /** Every parameter and buffer must be given. */
  readonly strict?: boolean;
}

interface Slot {
  readonly name: string;
  readonly tensor: Tensor;
  readonly put: (tensor: Tensor) => void;
}

function slotsOf(module: Module): Slot[] {
  return module
    .namedModules()
    .flatMap(([path, inner]) =>
      Module.tensorsOf(inner).map(([key, tensor, put]) => ({ name: path === "" ? key : `${path}.${key}`, tensor, put })),
    );
}

/** What each slot gets, by the tensor that is in it or by its name. */
function replacements(
  slots: readonly Slot[],
  given: Named,
  { tieWeights = true, strict = false }: FunctionalCallOptions,
): Map<Slot, Tensor> {
  const byName = new Map(slots.map((slot) => [slot.name, slot]));
  const found = new Map<Slot, Tensor>();
  for (const [name, tensor] of Object.entries(given)) {
    const slot = byName.get(name);
    if (slot === undefined) throw new ValueError(`functionalCall: Unexpected key(s): ${name}`);
    if (!sameShape(slot.tensor.shape, tensor.shape)) {
      throw new ShapeError(
        `functionalCall: expected ${formatShape(slot.tensor.shape)} for ${name}, got ${formatShape(tensor.shape)}; inside of vmap the function sees one example`,
        { shapes: [slot.tensor.shape, tensor.shape] },
      );
    }
    for (const other of tieWeights ? slots : [slot]) {
      if (other.tensor !== slot.tensor) continue;
      const before = found.get(other);
      if (before !== undefined && before !== tensor && tieWeights) {
        throw new ValueError(`functionalCall: functional_call got multiple values for keys ${[other.name, name].sort()}, which are tied`);
      }
      found.set(other, tensor);
    }
  }
  if (strict) {
    const missing = slots.filter((slot) => !found.has(slot)).map(({ name }) => name);
    if (missing.length > 0) throw new ValueError(`functionalCall: Missing key(s): ${missing.join(", ")}`);
  }
  return found;
}

/**
 * Calls a module with other tensors in place of its parameters and buffers, which are not changed: the module as a function of them.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.func.functional_call.html
 *
 * @throws ValueError for a name that the module does not have, or for tied tensors with different values.
 * @throws ShapeError for a tensor of another shape.
 * @example
 * import { grad, vmap } from "@sconce/autograd/func";
 *
 * const net = new nn.Linear(3, 1);
 * const params = Object.fromEntries(net.namedParameters());
 * const loss = (p: typeof params, x: Tensor) => nn.functionalCall(net, p, x).square().sum();
 * const perSample = vmap(grad(loss), { inDims: [null, 0] })(params, ones([8, 3]));
 * perSample.weight.shape; // [8, 1, 3]
 */
export function functionalCall<M extends Module>(
  module: M,
  tensors: Named | readonly Named[],
  args: Parameters<M["forward"]> | Parameters<M["forward"]>[0],
  options: FunctionalCallOptions = {},
): ReturnType<M["forward"]> {
  const given: Named = Array.isArray(tensors) ? Object.assign({}, ...tensors) : (tensors as Named);
  const slots = slotsOf(module);
  const swapped = [...replacements(slots, given, options)];
  for (const [slot, tensor] of swapped) slot.put(tensor);
  try {
    const list = (Array.isArray(args) ? args : [args]) as Parameters<M["forward"]>;
    return module(...list) as ReturnType<M["forward"]>;
  } finally {
    for (const [slot] of swapped) slot.put(slot.tensor);
  }
}

/**
 * Parameters and buffers of several modules of one kind, each stacked along a new dimension 0: what `vmap` over an ensemble takes.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.func.stack_module_state.html
 *
 * @throws ValueError for no modules, for modules of different classes or in different modes.
 * @example
 * import { vmap } from "@sconce/autograd/func";
 *
 * const nets = [1, 2, 3].map(() => new nn.Linear(3, 1));
 * const [params, buffers] = nn.stackModuleState(nets);
 * const run = (p: typeof params, b: typeof buffers, x: Tensor) => nn.functionalCall(nets[0], [p, b], x);
 * vmap(run, { inDims: [0, 0, null] })(params, buffers, ones([8, 3])).shape; // [3, 8, 1]
 */
export function stackModuleState(modules: readonly Module[]): [params: { [name: string]: Tensor }, buffers: { [name: string]: Tensor }] {
  const op = "stackModuleState";
  if (modules.length === 0) throw new ValueError(`${op}: Expected at least one model, got 0.`);
  const [first] = modules;
  if (modules.some(({ training }) => training !== first.training)) {
    throw new ValueError(`${op}: Expected all models to have the same training/eval mode.`);
  }
  if (modules.some(({ constructor }) => constructor !== first.constructor)) {
    throw new ValueError(`${op}: Expected all models to be of the same class.`);
  }
  const stacked = (lists: readonly (readonly [string, Tensor])[][]): { [name: string]: Tensor } =>
    Object.fromEntries(
      lists[0].map(([name, tensor], i) => {
        const together = stack(lists.map((list) => list[i][1].detach()));
        return [name, tensor.trainable ? together.markTrainable() : together];
      }),
    );
  return [stacked(modules.map((module) => module.namedParameters())), stacked(modules.map((module) => module.namedBuffers()))];
}
