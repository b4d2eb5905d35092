import { apply, NotSupportedError, Tensor, typeName, ValueError } from "@sconce/core";

/** Takes a hook back. */
export class RemovableHandle {
  readonly #remove: () => void;

  constructor(remove: () => void) {
    this.#remove = remove;
  }

  /** Removes the hook; again does nothing. */
  remove(): void {
    this.#remove();
  }

  /** Removes the hook at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.remove();
  }
}

/** Hooks in the order of their registration; the same function may be there twice. */
export class Hooks<F> {
  readonly #entries = new Set<{ readonly hook: F }>();

  get size(): number {
    return this.#entries.size;
  }

  add(hook: F): RemovableHandle {
    if (typeof hook !== "function") throw new ValueError(`hook: expected a function, got ${typeName(hook)}`);
    const entry = { hook };
    this.#entries.add(entry);
    return new RemovableHandle(() => this.#entries.delete(entry));
  }

  addAll(other: Hooks<F>): void {
    for (const { hook } of other.#entries) this.#entries.add({ hook });
  }

  *values(): Generator<F> {
    for (const { hook } of [...this.#entries]) yield hook;
  }
}

/** What a backward hook gets: the gradient of each tensor input or output; null for one without. */
export type Gradients = readonly (Tensor | null)[];

/** Sees the gradients of a module's inputs and outputs; what it returns replaces those of the inputs. */
export type BackwardHook<M> = (module: M, gradInput: Gradients, gradOutput: Gradients) => Gradients | undefined;

/** The part of autograd's tensors that backward hooks need. */
interface Recorded {
  readonly requiresGrad?: boolean;
  registerHook?(hook: (grad: Tensor) => Tensor | undefined): unknown;
}

function recorded(x: Tensor): Recorded {
  return x as unknown as Recorded;
}

/**
 * One call of a module with backward hooks. Inputs and outputs pass through an identity of their own, so that the hooks see this
 * module's part of the gradient and not that of other users of the same tensors.
 */
export class BackwardCall<M> {
  readonly #module: M;
  readonly #hooks: Hooks<BackwardHook<M>>;
  #gradOutput: (Tensor | null)[] = [];
  #gradInput: (Tensor | null)[] = [];
  #waiting = 0;
  #inputs = 0;

  constructor(module: M, hooks: Hooks<BackwardHook<M>>) {
    this.#module = module;
    this.#hooks = hooks;
  }

  /** The inputs, watched where they want gradients. */
  enter(inputs: readonly unknown[]): unknown[] {
    const tensors = inputs.filter((x) => x instanceof Tensor);
    this.#gradInput = tensors.map(() => null);
    let slot = 0;
    return inputs.map((x) => {
      if (!(x instanceof Tensor)) return x;
      const index = slot++;
      if (recorded(x).requiresGrad !== true) return x;
      this.#inputs++;
      const watched = apply("alias", [x], null, "BackwardHook");
      recorded(watched).registerHook?.((grad) => this.#inputGrad(index, grad));
      return watched;
    });
  }

  /** The output or outputs, watched. */
  leave(output: unknown): unknown {
    if (Array.isArray(output)) {
      this.#gradOutput = output.map(() => null);
      return output.map((x, i) => this.#watchOutput(x, i));
    }
    this.#gradOutput = [null];
    return this.#watchOutput(output, 0);
  }

  #watchOutput(output: unknown, index: number): unknown {
    if (!(output instanceof Tensor) || recorded(output).requiresGrad !== true) return output;
    const watched = apply("alias", [output], null, "BackwardHook");
    recorded(watched).registerHook?.((grad) => this.#outputGrad(index, grad));
    return watched;
  }

  #outputGrad(index: number, grad: Tensor): undefined {
    this.#gradOutput[index] = grad;
    this.#waiting = this.#inputs;
    // Without a trained input nothing will report later: the hooks run now.
    if (this.#inputs === 0) this.#run();
  }

  #inputGrad(index: number, grad: Tensor): Tensor | undefined {
    this.#gradInput[index] = grad;
    if (--this.#waiting > 0) return undefined;
    const changed = this.#run();
    if (changed !== undefined && this.#inputs > 1) {
      throw new NotSupportedError(
        `registerFullBackwardHook: expected one tensor input where a hook replaces its gradient, got ${this.#inputs}; use tensor hooks instead`,
      );
    }
    return changed?.[index] ?? undefined;
  }

  #run(): Gradients | undefined {
    let gradInput: Gradients = this.#gradInput;
    let changed = false;
    for (const hook of this.#hooks.values()) {
      const result = hook(this.#module, gradInput, this.#gradOutput);
      if (result === undefined) continue;
      gradInput = result;
      changed = true;
    }
    return changed ? gradInput : undefined;
  }
}
