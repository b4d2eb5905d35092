import {
  apply,
  constantValue,
  type DType,
  expectTensor,
  formatShape,
  type Shape,
  ShapeError,
  sameShape,
  type Tensor,
  tensorOf,
} from "@sconce/core";

/** A number as a tensor without dimensions beside `like`: takes no memory and gets no gradient. */
export function scalar(like: Tensor, value: number, dtype: DType = like.dtype): Tensor {
  return tensorOf(constantValue(like.storage.backend, [], dtype, value));
}

/** `yes` where a bool tensor is true, else `no`; shapes are known to fit. */
export function choose(condition: Tensor, yes: Tensor | number, no: Tensor | number, dtype: DType): Tensor {
  const operand = (x: Tensor | number): Tensor => (typeof x === "number" ? scalar(condition, x, dtype) : x.cast(dtype));
  return apply("where", [condition, operand(yes), operand(no)], null);
}

/** `torch.Size([2, 3])`, as PyTorch's texts show a shape. */
export function sizeText(shape: Shape): string {
  return `torch.Size(${formatShape(shape)})`;
}

/** @throws ShapeError unless the shapes are equal. */
export function requireSameShape(op: string, input: Tensor, target: Tensor, message: string): void {
  for (const x of [input, target]) expectTensor(op, x);
  if (!sameShape(input.shape, target.shape)) {
    throw new ShapeError(`${op}: ${message}, got ${formatShape(target.shape)} and ${formatShape(input.shape)}`, {
      shapes: [input.shape, target.shape],
    });
  }
}
