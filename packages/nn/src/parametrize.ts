import { formatShape, ShapeError, sameShape, Tensor, ValueError, write } from "@sconce/core";
import { deriveField, restoreField } from "./derived.js";
import { ListContainer } from "./layers/container.js";
import { ModuleDict } from "./layers/sequential.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/** A module that computes a parameter from others. */
export interface Parametrization extends Module {
  /** What `forward` makes a value from: one tensor, or several. */
  rightInverse?(value: Tensor): Tensor | readonly Tensor[];
}

/** The parametrizations of one parameter, applied in order. State: `original` (or `original0`, `original1` ...), then theirs. */
export class ParametrizationList extends ListContainer<Module> {
  /** Number of originals; 0 for a single one without a number. */
  readonly originals: number;

  constructor(first: Module, value: Tensor) {
    super();
    const inverse = (first as Parametrization).rightInverse?.(value) ?? value;
    const list = inverse instanceof Tensor ? [inverse] : inverse;
    this.originals = inverse instanceof Tensor ? 0 : list.length;
    const { trainable: requiresGrad } = value;
    const make = (x: Tensor): Parameter => new Parameter(x.detach().clone(), { requiresGrad });
    // The parameter itself stays where it can, for the optimizers that know it.
    list.forEach((x, i) => this.registerParameter(this.nameOf(i), x instanceof Parameter && this.originals === 0 ? x : make(x)));
    this.append(first);
  }

  private nameOf(i: number): string {
    return this.originals === 0 ? "original" : `original${i}`;
  }

  private get values(): Parameter[] {
    const fields = this as unknown as Record<string, Parameter>;
    return Array.from({ length: Math.max(this.originals, 1) }, (_, i) => fields[this.nameOf(i)]);
  }

  /** The value of the parameter. */
  override forward(): Tensor {
    const [first, ...rest] = this;
    return rest.reduce((x: Tensor, module) => module(x), first(...this.values) as Tensor);
  }

  /** Sets the originals so that the parameter takes a value, as far as the parametrizations can. */
  assign(value: Tensor): void {
    let x: Tensor | readonly Tensor[] = value.detach();
    for (const module of [...this].reverse()) x = (module as Parametrization).rightInverse?.(x as Tensor) ?? x;
    const list = x instanceof Tensor ? [x] : x;
    this.values.forEach((original, i) => write(original, list[i].detach()));
  }

  protected override checkItem(item: Module): Module {
    if (item instanceof Module) return item;
    throw new ValueError("registerParametrization: expected a module");
  }
}

type Fields = Record<string, unknown>;

function listOf(module: Module, name: string): ParametrizationList | null {
  const lists = (module as unknown as Fields).parametrizations;
  return lists instanceof ModuleDict && lists.has(name) ? (lists.get(name) as ParametrizationList) : null;
}

/** Whether a module, or its parameter `name`, is parametrized. */
export function isParametrized(module: Module, name?: string): boolean {
  if (name !== undefined) return listOf(module, name) !== null;
  return (module as unknown as Fields).parametrizations instanceof ModuleDict;
}

/**
 * Computes a parameter of a module by another module from now on: `module[name]` is `parametrization(original)`, anew whenever it is
 * read. A second one acts on the result of the first. State: `parametrizations.weight.original` for the parameter `weight`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.register_parametrization.html
 * @throws ValueError if there is no parameter of this name. @throws ShapeError if the result has another shape.
 * @example
 * class Symmetric extends nn.Module {
 *   forward(x: Tensor): Tensor {
 *     return x.triu().add(x.triu(1).t());
 *   }
 * }
 * nn.utils.parametrize.registerParametrization(new nn.Linear(4, 4), "weight", new Symmetric());
 */
export function registerParametrization<M extends Module>(module: M, name: string, parametrization: Module): M {
  const op = "registerParametrization";
  const fields = module as unknown as Fields;
  const value = fields[name];
  if (!(value instanceof Tensor)) {
    throw new ValueError(`${op}: Module '${module.constructor.name}' does not have a parameter with name '${name}'`);
  }
  const present = listOf(module, name);
  if (present !== null) {
    const original = (parametrization as Parametrization).rightInverse?.(value.detach());
    if (original instanceof Tensor) present.assign(original);
    present.append(parametrization);
  } else {
    const list = new ParametrizationList(parametrization, value);
    const result = list.forward();
    if (!sameShape(result.shape, value.shape)) {
      throw new ShapeError(
        `${op}: Registering a parametrization may not change the shape of the tensor, got ${formatShape(result.shape)} for ${formatShape(value.shape)}`,
        { shapes: [result.shape, value.shape] },
      );
    }
    const plain = module.constructor.name;
    const first = !isParametrized(module);
    if (first) fields.parametrizations = new ModuleDict<Module>();
    (fields.parametrizations as ModuleDict).set(name, list);
    deriveField(module, {
      className: first ? `Parametrized${plain}` : plain,
      field: name,
      get: (m) => listOf(m, name)?.forward(),
      set: (m, x) => listOf(m, name)?.assign(x as Tensor),
    });
  }
  return module;
}

/**
 * Makes a parameter an ordinary one again, with the value that it has now; with `leaveParametrized: false`, with its original one.
 * @throws ValueError unless it is parametrized.
 */
export function removeParametrizations<M extends Module>(
  module: M,
  name: string,
  { leaveParametrized = true }: { readonly leaveParametrized?: boolean } = {},
): M {
  const op = "removeParametrizations";
  const list = listOf(module, name);
  if (list === null) throw new ValueError(`${op}: Module ${module.constructor.name} does not have a parametrization on ${name}`);
  if (!leaveParametrized && list.originals > 0) {
    throw new ValueError(
      `${op}: Cannot leave unparametrized (leave_parametrized=False) a tensor that is parametrized in terms of a sequence of tensors`,
    );
  }
  const original = list.parameters()[0];
  const value = leaveParametrized ? list.forward().detach().clone() : original.detach();
  const parametrizations = (module as unknown as Fields).parametrizations as ModuleDict;
  parametrizations.delete(name);
  if (parametrizations.size === 0) Reflect.deleteProperty(module, "parametrizations");
  const same = list.originals === 0 && sameShape(original.shape, value.shape);
  if (same && leaveParametrized) write(original, value);
  restoreField(module, name, same ? original : new Parameter(value, { requiresGrad: original.trainable }));
  return module;
}
