import { DTypeError, Tensor } from "@sconce/core";

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
    if (requiresGrad && !data.isFloatingPoint()) {
      throw new DTypeError(
        `Parameter: Only Tensors of floating point dtype can require gradients, got ${data.dtype}; pass { requiresGrad: false } or convert it`,
        { op: "Parameter", dtypes: [data.dtype] },
      );
    }
    super(data.storage, data);
    this.trainable = requiresGrad;
    escapeScope(data);
  }

  override toString(): string {
    return `Parameter containing:\n${super.toString()}`;
  }
}

/** Keeps a tensor's memory past the end of the scope that made it. */
export function escapeScope(x: Tensor): void {
  x.storage.owner?.escape(x.storage);
}
