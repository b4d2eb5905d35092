import { Tensor, ValueError } from "@sconce/core";
import { Parameter } from "../parameter.js";
import { DictContainer, ListContainer, type NamedItems, notCallable } from "./container.js";

/**
 * Parameters in a list, found by the module that holds it. Plain tensors become parameters.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.ParameterList.html
 *
 * @example
 * weights = new nn.ParameterList([randn([4, 4]), randn([4, 1])]);
 */
export class ParameterList extends ListContainer<Parameter> {
  constructor(parameters?: Iterable<Tensor> | null) {
    super();
    this.extend(parameters ?? []);
  }

  /** Adds a parameter at the end. Returns this. */
  override append(parameter: Tensor): this {
    return super.append(parameter as Parameter);
  }

  /** Adds parameters at the end. Returns this. */
  override extend(parameters: Iterable<Tensor>): this {
    return super.extend(parameters as Iterable<Parameter>);
  }

  /** Not defined for a list. @throws NotSupportedError always. */
  override forward(): never {
    return notCallable(this);
  }

  override extraRepr(): string {
    return [...this].map((parameter, i) => describe(String(i), `torch.${parameter.dtype}`, parameter)).join("\n");
  }

  protected override checkItem(item: Tensor): Parameter {
    return asParameter(item);
  }
}

/**
 * Parameters by name, found by the module that holds it. Plain tensors become parameters.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.ParameterDict.html
 *
 * @example
 * weights = new nn.ParameterDict({ left: randn([4, 4]), right: randn([4, 1]) });
 */
export class ParameterDict extends DictContainer<Parameter> {
  constructor(parameters?: NamedItems<Tensor> | null) {
    super();
    this.update(parameters ?? {});
  }

  /** Adds or replaces a parameter. Returns this. */
  override set(name: string, parameter: Tensor): this {
    return super.set(name, parameter as Parameter);
  }

  /** Adds or replaces parameters. Returns this. */
  override update(parameters: NamedItems<Tensor>): this {
    return super.update(parameters as NamedItems<Parameter>);
  }

  /** Not defined for a dictionary. @throws NotSupportedError always. */
  override forward(): never {
    return notCallable(this);
  }

  override extraRepr(): string {
    return [...this].map(([name, parameter]) => describe(name, parameter.type(), parameter)).join("\n");
  }

  protected override checkItem(item: Tensor): Parameter {
    return asParameter(item);
  }
}

function asParameter(item: Tensor): Parameter {
  if (item instanceof Parameter) return item;
  if (item instanceof Tensor) return new Parameter(item, { requiresGrad: item.isFloatingPoint() });
  throw new ValueError(`expected tensors, got ${typeof item}`);
}

function describe(name: string, type: string, parameter: Parameter): string {
  return `  (${name}): Parameter containing: [${type} of size ${parameter.shape.join("x")}]`;
}
