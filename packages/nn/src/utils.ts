import { cat, formatShape, ShapeError, type Tensor, write } from "@sconce/core";

export * as rnn from "./packed.js";
export * as parametrizations from "./parametrizations.js";
export * as parametrize from "./parametrize.js";
export { removeSpectralNorm, removeWeightNorm, type SpectralNormOptions, spectralNorm, weightNorm } from "./weight-norms.js";

/**
 * All parameters in one vector, in order.
 * @example
 * nn.utils.parametersToVector(net.parameters());
 */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  return cat([...parameters].map((parameter) => parameter.reshape([-1])));
}

/**
 * Writes a vector of {@link parametersToVector} back into the parameters.
 * @throws ShapeError unless it holds as many elements as they do.
 */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Tensor>): void {
  const list = [...parameters];
  const total = list.reduce((n, parameter) => n + parameter.numel(), 0);
  if (vector.ndim !== 1 || vector.shape[0] !== total) {
    throw new ShapeError(`vectorToParameters: expected a vector of ${total} elements, got ${formatShape(vector.shape)}`, {
      shapes: [vector.shape],
    });
  }
  const source = vector.detach();
  let start = 0;
  for (const parameter of list) {
    const size = parameter.numel();
    write(parameter, source.narrow(0, start, size).reshape(parameter.shape).to({ device: parameter.device, dtype: parameter.dtype }));
    start += size;
  }
}
