import * as core from "@sconce/core";
import type { Tensor } from "@sconce/core";
import { functional } from "@sconce/nn";
import type { OpInfo } from "./golden.js";
import { arrange, camelCase, parseSignature, readSignature, type Signature } from "./signatures.js";
import { isTensor } from "./values.js";

type Fn = (...args: unknown[]) => unknown;
type Kwargs = { readonly [name: string]: unknown };

/** One way to make a call. */
export interface Form {
  /** For reports: `Tensor.sum`, `sum`, `F.relu`. */
  readonly name: string;
  call(args: readonly unknown[], kwargs: Kwargs): unknown;
}

/**
 * Calls whose parameters differ from the documented ones, or whose documentation names none. Words are positional, words after `|` are
 * options, `a=b` renames.
 */
const SIGNATURES: { readonly [call: string]: string } = {
  "Tensor.expand": "input size",
  "Tensor.expand_as": "input other",
  "Tensor.reshape_as": "input other",
  "Tensor.view_as": "input other",
  "Tensor.zero_": "input",
  "Tensor.repeat": "input sizes",
  "Tensor.view": "input shape",
  "Tensor.resize_": "input size",
  "Tensor.resize_as_": "input other",
  "Tensor.sum_to_size": "input size size2 size3",
  "Tensor.to": "input target dtype | copy",
  "Tensor.uniform_": "input from to",
  "Tensor.unfold": "input dimension size step",
  "Tensor.new_empty": "input size | dtype device",
  "Tensor.new_zeros": "input size | dtype device",
  "Tensor.new_ones": "input size | dtype device",
  "Tensor.new_full": "input size fill_value | dtype device",
  "Tensor.__rpow__": "input other",
  "Tensor.__rmod__": "input other",
  argmax: "input | dim keepdim",
  arange: "start end step | dtype device requires_grad",
  as_strided: "input size stride storage_offset",
  block_diag: "tensors",
  bernoulli: "input | generator",
  chunk: "input chunks dim",
  cat: "tensors dim",
  clamp: "input | min max",
  clamp_max: "input max",
  clamp_min: "input min",
  constant_pad_nd: "input pad value",
  count_nonzero: "input dim",
  cross: "input other dim",
  cov: "input | correction fweights aweights",
  diag: "input diagonal",
  diagflat: "input offset",
  dist: "input other p",
  einsum: "equation operands",
  eye: "n m | dtype device requires_grad",
  empty: "size | dtype device requires_grad",
  empty_like: "input | dtype device",
  fill: "input value",
  flatten: "input start_dim end_dim",
  full_like: "input fill_value | dtype device",
  index_fill: "input dim index value",
  index_put: "input indices values | accumulate",
  lerp: "input end weight",
  log_softmax: "input dim | dtype",
  logsumexp: "input dim | keepdim",
  masked_fill: "input mask value",
  masked_scatter: "input mask source",
  max: "input dim | keepdim",
  min: "input dim | keepdim",
  multinomial: "input num_samples | replacement generator",
  narrow_copy: "input dim start length",
  norm: "input p | dim keepdim dtype",
  normal: "mean std",
  ones: "size | dtype device requires_grad",
  permute: "input dims",
  polygamma: "n input",
  pow: "input exponent",
  put: "input index source | accumulate",
  quantile: "input q | dim keepdim interpolation",
  rand_like: "input | dtype device",
  randint_like: "input low high | dtype device",
  randn: "size | dtype device requires_grad",
  randn_like: "input | dtype device",
  roll: "input shifts dims",
  rot90: "input k dims",
  rsub: "input other | alpha",
  scatter: "input dim index src | reduce",
  searchsorted: "input values | right side sorter out_int32",
  slice_scatter: "input src dim | start end step",
  slice: "input dim start end step",
  softmax: "input dim | dtype",
  split: "input split_size_or_sections dim",
  split_with_sizes: "input split_sizes dim",
  squeeze: "input dim",
  stack: "tensors dim",
  std: "input | dim unbiased keepdim correction",
  std_mean: "input | dim unbiased keepdim correction",
  sum: "input | dim keepdim dtype",
  take_along_dim: "input indices dim",
  tensor_split: "input indices_or_sections dim",
  tensordot: "a b dims",
  tile: "input dims",
  topk: "input k | dim largest sorted",
  tril: "input diagonal",
  triu: "input diagonal",
  tril_indices: "row col | offset dtype device",
  triu_indices: "row col | offset dtype device",
  unbind: "input dim",
  unique: "input | sorted return_inverse return_counts dim",
  unique_consecutive: "input | return_inverse return_counts dim",
  var: "input | dim unbiased keepdim correction",
  var_mean: "input | dim unbiased keepdim correction",
  zeros: "size | dtype device requires_grad",
};

/** Calls with a shape of their own: what they become here. */
const SPECIAL: { readonly [call: string]: (args: readonly unknown[], kwargs: Kwargs) => unknown } = {
  "Tensor.__getitem__": ([x, index]) => (x as Tensor).at(...(index as never[])),
  "Tensor.__radd__": ([x, y]) => (y as Tensor).add(x as Tensor),
  "Tensor.__rsub__": ([x, y]) => (y as Tensor).sub(x as Tensor),
  "Tensor.__rmul__": ([x, y]) => (y as Tensor).mul(x as Tensor),
  "Tensor.__rdiv__": ([x, y]) => (y as Tensor).div(x as Tensor),
  "Tensor.__rpow__": ([x, y]) => (y as Tensor).pow(x as Tensor),
  "Tensor.__rmod__": ([x, y]) => (y as Tensor).remainder(x as Tensor),
  "Tensor.__rmatmul__": ([x, y]) => (y as Tensor).matmul(x as Tensor),
  "Tensor.__rand__": ([x, y]) => (y as Tensor).bitwiseAnd(x as Tensor),
  "Tensor.__ror__": ([x, y]) => (y as Tensor).bitwiseOr(x as Tensor),
  "Tensor.__rxor__": ([x, y]) => (y as Tensor).bitwiseXor(x as Tensor),
  "Tensor.to": ([x, ...rest]) => toCall(x as Tensor, rest),
  where: ([condition, x, y]) => (x as Tensor).where(condition as Tensor, y as Tensor),
};

/** `to(device?, dtype?, non_blocking, copy)` and `to(other, non_blocking, copy)`. */
function toCall(x: Tensor, rest: readonly unknown[]): unknown {
  const copy = rest.at(-1) as boolean;
  const [first] = rest;
  if (isTensor(first)) return x.to({ device: first.device, dtype: first.dtype, copy });
  const dtype = rest.findLast((value) => typeof value === "string") as core.DType;
  return x.to({ dtype, copy });
}

/** The name after the namespace, such as `linalg.norm` or `Tensor.view`. */
function localName(call: string): string {
  return call.replace(/^torch\./, "").replace(/^aten\.slice\.Tensor.*$/, "slice").replace(/ \(.*\)$/, "");
}

function signatureOf(name: string, info: OpInfo | undefined): Signature | undefined {
  if (name in SIGNATURES) return readSignature(SIGNATURES[name]);
  if (/^Tensor\.(bool|byte|char|short|int|long|half|bfloat16|float|double|chalf|contiguous)$/.test(name)) return readSignature("input | memory_format");
  const lines = info?.signature ?? [];
  return lines.length > 0 ? parseSignature(lines) : undefined;
}

/** The ways in which this library offers a call, the usual one first; none if it does not. */
export function formsOf(call: string, info: OpInfo | undefined): Form[] {
  const name = localName(call);
  const signature = signatureOf(name, info);
  if (name in SPECIAL) return [{ name, call: SPECIAL[name] }];
  if (call.endsWith("(attribute)")) return attributeForm(name.replace("Tensor.", ""));
  const short = camelCase(name.replace(/^.*\./, ""));
  const forms: Form[] = [];
  if (name.startsWith("nn.functional.")) {
    addFunction(forms, `F.${short}`, (functional as unknown as { [name: string]: Fn } | undefined)?.[short], signature);
    return forms;
  }
  if (name.includes(".") && !name.startsWith("Tensor.")) {
    const space = (core as unknown as { [name: string]: { [name: string]: Fn } | undefined })[name.split(".")[0]];
    addFunction(forms, camelCase(name), space?.[short], signature);
    return forms;
  }
  addMethod(forms, short, signature, call.endsWith("(on a copy)"));
  addFunction(forms, short, (core as unknown as { [name: string]: Fn })[short], signature);
  addFunction(forms, `F.${short}`, (functional as unknown as { [name: string]: Fn } | undefined)?.[short], signature);
  return forms;
}

function attributeForm(name: string): Form[] {
  if (!(name in core.Tensor.prototype)) return [];
  return [{ name: `Tensor.${name}`, call: ([x]) => (x as unknown as { [name: string]: unknown })[name] }];
}

function addFunction(forms: Form[], name: string, fn: Fn | undefined, signature: Signature | undefined): void {
  if (typeof fn !== "function") return;
  forms.push({ name, call: (args, kwargs) => fn(...(signature === undefined ? args : arrange(signature, args, kwargs))) });
}

function addMethod(forms: Form[], name: string, signature: Signature | undefined, onCopy: boolean): void {
  const method = (core.Tensor.prototype as unknown as { [name: string]: Fn | undefined })[name];
  if (typeof method !== "function") return;
  forms.push({
    name: `Tensor.${name}`,
    call: (args, kwargs) => {
      const laid = signature === undefined ? args : arrange(signature, args, kwargs);
      const [receiver, ...rest] = laid;
      if (!isTensor(receiver)) throw new NotAMethod(name);
      return method.apply(onCopy ? receiver.clone() : receiver, rest);
    },
  });
}

/** Thrown by a method form whose receiver is no tensor: another form may fit. */
export class NotAMethod extends Error {}
