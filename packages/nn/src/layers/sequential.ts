import { hidden, Tensor } from "@sconce/core";
import { asModule, Module } from "../module.js";
import { DictContainer, entriesOf, ListContainer, type NamedItems, notCallable } from "./container.js";

/**
 * Layers that run one after the other; each gets what the one before returned. Layers are reached by position (`net[0]`, `net.at(-1)`),
 * and by name where they have names. What goes between layers of this library is freed as soon as no gradient needs it, unless hooks see it.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.Sequential.html
 *
 * @example
 * const net = new nn.Sequential(new nn.Linear(4, 8), new nn.ReLU(), new nn.Linear(8, 1));
 * const named = new nn.Sequential({ flatten: new nn.Flatten(), linear: new nn.Linear(784, 10) });
 * net(randn([16, 4])); // [16, 1]
 */
export class Sequential<M extends Module = Module> extends ListContainer<M> {
  static override readonly transient: boolean = true;

  constructor(layers: NamedItems<NoInfer<M>>);
  constructor(...layers: readonly NoInfer<M>[]);
  constructor(...layers: readonly (M | NamedItems<M>)[]) {
    super();
    const [first] = layers;
    const named = layers.length === 1 && isNamed(first);
    this.setItems(named ? entriesOf(first as NamedItems<M>) : layers.map((layer, i) => [String(i), layer as M] as const));
  }

  override forward(input: Tensor): Tensor {
    return hidden(() => {
      let x = input;
      for (const layer of this) x = (layer as Module)(x);
      return x;
    });
  }

  /** The layers from `start` up to `end` in a new Sequential that shares them; names are kept. */
  slice(start?: number, end?: number): Sequential<M> {
    const entries = [...Module.itemsOf(this)] as [string, M][];
    return new Sequential<M>(entries.slice(start, end));
  }

  protected override checkItem(item: M): M {
    return asModule(item);
  }
}

/** True for named layers in any form. */
function isNamed(value: unknown): boolean {
  return typeof value === "object" && value !== null && !(value instanceof Tensor || (Array.isArray(value) && value[0] instanceof Module));
}

/**
 * Modules in a list, found by the module that holds it (those in a plain array are not). The list itself is not callable.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.ModuleList.html
 *
 * @example
 * class Stack extends nn.Module {
 *   layers = new nn.ModuleList([new nn.Linear(4, 4), new nn.Linear(4, 4)]);
 *   forward(x: Tensor): Tensor {
 *     for (const layer of this.layers) x = layer(x);
 *     return x;
 *   }
 * }
 */
export class ModuleList<M extends Module = Module> extends ListContainer<M> {
  constructor(modules?: Iterable<M> | null) {
    super();
    this.extend(modules ?? []);
  }

  /** Not defined for a list. @throws NotSupportedError always. */
  override forward(): never {
    return notCallable(this);
  }

  /** The modules from `start` up to `end` in a new list that shares them. */
  slice(start?: number, end?: number): ModuleList<M> {
    return new ModuleList([...this].slice(start, end));
  }

  protected override checkItem(item: M): M {
    return asModule(item);
  }
}

/**
 * Modules by name, found by the module that holds it (those in a plain object are not). Iterates over names and modules.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.ModuleDict.html
 *
 * @example
 * const heads = new nn.ModuleDict({ digit: new nn.Linear(8, 10), sign: new nn.Linear(8, 1) });
 * heads.get("digit")(randn([64, 8])); // [64, 10]
 */
export class ModuleDict<M extends Module = Module> extends DictContainer<M> {
  constructor(modules?: NamedItems<M> | null) {
    super();
    this.update(modules ?? {});
  }

  /** Not defined for a dictionary. @throws NotSupportedError always. */
  override forward(): never {
    return notCallable(this);
  }

  protected override checkItem(item: M): M {
    return asModule(item);
  }
}
