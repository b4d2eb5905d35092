import type { PrimitiveName, Primitives } from "@sconce/core";

/** PyTorch's words for primitives where they are not the primitive's own name; with attributes or the rank of the first input. */
type Word<K extends PrimitiveName> = string | ((attrs: Primitives[K], rank: number) => string);

const WORDS: { readonly [K in PrimitiveName]?: Word<K> } = {
  cast: "ToCopy",
  transfer: "ToCopy",
  floorDivide: "Div2",
  truncDivide: "Div2",
  pow: "Pow",
  bceWithLogits: "BinaryCrossEntropyWithLogits",
  clamp: "Clamp1",
  clampMin: "Clamp1",
  clampMax: "Clamp1",
  geluTanh: "Gelu",
  smoothL1: "SmoothL1Loss",
  huber: "HuberLoss",
  reshape: "View",
  squeeze: "Squeeze1",
  reduce: ({ op, dims }, rank) => REDUCE[op](dims.length === rank),
  matmul: (_, rank) => (rank === 2 ? "Mm" : "Bmm"),
  conv: "Convolution",
  convInput: "ConvolutionBackward",
  convWeight: "ConvolutionBackward",
  maxPool: (_, rank) => (rank === 4 ? "MaxPool2DWithIndices" : rank === 5 ? "MaxPool3DWithIndices" : "MaxPool1D"),
  avgPool: (_, rank) => `AvgPool${rank - 2}D`,
  avgPoolGrad: (_, rank) => `AvgPool${rank - 2}DBackward`,
  scatter: ({ mode }) => (mode === "add" ? "ScatterAdd" : mode === "set" ? "Scatter" : "ScatterReduce"),
  indexUpdate: ({ mode }) => (mode === "add" ? "IndexAdd" : mode === "set" ? "IndexCopy" : "IndexReduce"),
  updateSlice: "SliceScatter",
  cumulate: ({ op }) => `Cum${op}`,
  softmax: ({ log }) => (log ? "LogSoftmax" : "Softmax"),
  concat: "Cat",
};

const REDUCE: { readonly [O in Primitives["reduce"]["op"]]: (all: boolean) => string } = {
  sum: (all) => (all ? "Sum" : "Sum1"),
  prod: (all) => (all ? "Prod" : "Prod1"),
  max: (all) => (all ? "Max1" : "Amax"),
  min: (all) => (all ? "Min1" : "Amin"),
  any: () => "Any",
  all: () => "All",
};

/** The name of the node of a primitive that the user called by no other name. */
export function defaultName<K extends PrimitiveName>(op: K, attrs: Primitives[K], rank: number): string {
  const word = WORDS[op] as Word<K> | undefined;
  if (word === undefined) return nameOf(op[0].toUpperCase() + op.slice(1));
  return nameOf(typeof word === "string" ? word : word(attrs, rank));
}

/** Words that end in a digit of their own. */
const WITH_DIGIT: ReadonlySet<string> = new Set(["Atan2", "Exp2", "Expm1", "Log10", "Log2", "Logaddexp2"]);

/** `Addmm` to `AddmmBackward0`, `Sum1` to `SumBackward1`. */
export function nameOf(label: string): string {
  if (label === "Copy") return "CopyBackwards";
  if (WITH_DIGIT.has(label)) return `${label}Backward0`;
  const digits = /\d+$/.exec(label);
  return digits === null ? `${label}Backward0` : `${label.slice(0, digits.index)}Backward${digits[0]}`;
}
