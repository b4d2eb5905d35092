import { contiguousValue, DTypeError, full, type Shape, Tensor, type TensorOptions, typeName, ValueError, zeros } from "@sconce/core";

/** Settings of a {@link Parameter}. */
export interface ParameterOptions {
  /** Whether training adapts it; true unless said otherwise. */
  readonly requiresGrad?: boolean;
}

/**
 * A tensor that a module trains: a field that holds one is found by `module.parameters()`. It shares the memory of the tensor it is
 * made from, starts without history, and outlives the scope that made it.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html
 *
 * @throws DTypeError for integers and bool, unless `requiresGrad` is false.
 * @example
 * class Scale extends nn.Module {
 *   factor = new nn.Parameter(ones([3]));
 *   forward(x: Tensor): Tensor {
 *     return x.mul(this.factor);
 *   }
 * }
 */
export class Parameter extends Tensor {
  constructor(data: Tensor, { requiresGrad = true }: ParameterOptions = {}) {
    if (!(data instanceof Tensor)) throw new ValueError(`Parameter: expected a tensor, got ${typeName(data)}`);
    if (requiresGrad && !data.isFloatingPoint()) {
      throw new DTypeError(
        `Parameter: Only Tensors of floating point dtype can require gradients, got ${data.dtype}; pass { requiresGrad: false } or convert it`,
        { dtypes: [data.dtype] },
      );
    }
    super(data.storage, data);
    this.markTrainable(requiresGrad);
    escapeScope(data);
  }

  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }
}

/** Keeps a tensor's memory past the end of the scope that made it. */
export function escapeScope(x: Tensor): void {
  x.storage.owner?.remove(x.storage);
}

/**
 * A parameter or buffer whose shape is not known yet: that of a lazy layer before its first input.
 * @example
 * new nn.LazyLinear(10).weight instanceof nn.UninitializedParameter; // true
 */
export class UninitializedParameter extends Parameter {
  constructor({ dtype, device, trainable = true }: TensorOptions & { readonly trainable?: boolean } = {}) {
    super(zeros([0], { dtype, device }), { requiresGrad: trainable });
    Object.defineProperty(this, "shape", {
      configurable: true,
      get: () => {
        throw new ValueError(
          "Can't access the shape of an uninitialized parameter or buffer. Call `forward` to initialize the parameters of lazy layers before accessing them.",
        );
      },
    });
  }

  /** Gives it a shape, and zeros: from now on it is a plain {@link Parameter}, or a plain tensor where it does not train. */
  materialize(shape: Shape): void {
    const { dtype, device, trainable } = this;
    const filled = full(shape, 0, { dtype, device });
    this.storage.replace(contiguousValue(filled));
    Object.defineProperty(this, "shape", { value: filled.shape, writable: true, enumerable: true });
    Object.assign(this, { strides: filled.strides });
    Object.setPrototypeOf(this, trainable ? Parameter.prototype : Tensor.prototype);
  }

  /** Itself: there is nothing to share yet. */
  override detach(): Tensor {
    return this;
  }

  override toString(): string {
    return "<UninitializedParameter>";
  }
}

/** True for a parameter or buffer whose shape is not known yet. */
export function isLazy(x: unknown): x is UninitializedParameter {
  return x instanceof UninitializedParameter;
}

/** Clears the gradients of parameters: to null, or to zeros. */
export function zeroGrads(parameters: readonly Tensor[], setToNone: boolean): void {
  for (const parameter of parameters as readonly { zeroGrad?(options: { setToNone: boolean }): void }[])
    parameter.zeroGrad?.({ setToNone });
}
