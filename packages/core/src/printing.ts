import { formatShape } from "./errors.js";
import { isReadable } from "./evaluate.js";
import { formatTensor } from "./format.js";
import { decodeArray } from "./half.js";
import type { Tensor } from "./tensor/tensor.js";

/** The last part of a tensor's text, such as `gradFn=<AddmmBackward0>`; undefined for none. */
export type PrintSuffix = (tensor: Tensor) => string | undefined;

const suffixes: PrintSuffix[] = [];

/** Adds a part to the text of every tensor. */
export function addPrintSuffix(suffix: PrintSuffix): void {
  suffixes.push(suffix);
}

/** The text of a tensor, as PyTorch prints it; the shape stands for elements that cannot be read at once. */
export function printTensor(tensor: Tensor): string {
  const suffix = suffixes
    .map((of) => of(tensor))
    .filter((text) => text !== undefined)
    .join(", ");
  const { shape, dtype, device } = tensor;
  if (tensor.isDisposed) return `tensor(<freed>, shape=${formatShape(shape)}, dtype=${dtype})`;
  if (!isReadable(tensor)) {
    return `tensor(..., shape=${formatShape(shape)}, dtype=${dtype}, device='${device}'${suffix === "" ? "" : `, ${suffix}`})`;
  }
  return formatTensor({ shape, dtype, data: decodeArray(tensor.detach().dataSync(), dtype) }, { device, suffix });
}
