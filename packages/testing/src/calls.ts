import type { Tensor } from "@sconce/core";
import * as core from "@sconce/core";
import * as complexNumbers from "@sconce/core/complex";
import * as fft from "@sconce/core/fft";
import * as linalg from "@sconce/core/linalg";
import * as masked from "@sconce/core/masked";
import * as math from "@sconce/core/math";
import * as layers from "@sconce/core/nn";
import * as special from "@sconce/core/special";
import { functional } from "@sconce/nn";
import type { OpInfo } from "./golden.js";
import { arrange, camelCase, camelKeys, parseSignature, readSignature, type Signature } from "./signatures.js";
import { complexTensors, isTensor } from "./values.js";

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
  avg_pool1d: "input kernel_size | stride padding ceil_mode count_include_pad",
  bilinear: "input1 input2 weight bias",
  hardshrink: "input lambd",
  prelu: "input weight",
  as_strided: "input size stride storage_offset",
  as_strided_scatter: "input src size stride storage_offset",
  bernoulli: "input | generator",
  chunk: "input chunks dim",
  cat: "tensors dim",
  clamp: "input | min max",
  clamp_max: "input max",
  clamp_min: "input min",
  constant_pad_nd: "input pad value",
  conv1d: "input weight bias | stride padding dilation groups",
  conv2d: "input weight bias | stride padding dilation groups",
  conv3d: "input weight bias | stride padding dilation groups",
  conv_transpose1d: "input weight bias | stride padding output_padding groups dilation",
  conv_transpose2d: "input weight bias | stride padding output_padding groups dilation",
  conv_transpose3d: "input weight bias | stride padding output_padding groups dilation",
  count_nonzero: "input dim",
  cross: "input other dim",
  cov: "input | correction fweights aweights",
  diag: "input diagonal",
  diagflat: "input offset",
  dist: "input other p",
  eye: "n m | dtype device requires_grad",
  empty: "size | dtype device requires_grad",
  empty_like: "input | dtype device",
  fill: "input value",
  flatten: "input start_dim end_dim",
  full_like: "input fill_value | dtype device",
  index_fill: "input dim index value",
  index_put: "input indices values | accumulate",
  lerp: "input end weight",
  "linalg.solve_triangular": "input B | upper left unitriangular",
  log_softmax: "input dim | dtype",
  logsumexp: "input dim | keepdim",
  masked_fill: "input mask value",
  masked_scatter: "input mask source",
  max: "input dim | keepdim",
  min: "input dim | keepdim",
  multinomial: "input num_samples | replacement generator",
  narrow_copy: "input dim start length",
  "nn.functional.adaptive_max_pool1d": "input output_size | return_indices",
  "nn.functional.adaptive_max_pool2d": "input output_size | return_indices",
  "nn.functional.adaptive_max_pool3d": "input output_size | return_indices",
  "nn.functional.batch_norm": "input running_mean running_var | weight bias training momentum eps",
  "nn.functional.celu": "input alpha | inplace",
  "nn.functional.dropout": "input p | training inplace",
  "nn.functional.dropout2d": "input p | training inplace",
  "nn.functional.dropout3d": "input p | training inplace",
  "nn.functional.feature_alpha_dropout": "input p | training inplace",
  "nn.functional.elu": "input alpha | inplace",
  "nn.functional.embedding": "input weight | padding_idx max_norm norm_type scale_grad_by_freq sparse",
  "nn.functional.embedding_bag":
    "input weight | offsets max_norm norm_type scale_grad_by_freq mode sparse per_sample_weights include_last_offset padding_idx",
  "nn.functional.fractional_max_pool2d": "input kernel_size | output_size output_ratio return_indices",
  "nn.functional.fractional_max_pool3d": "input kernel_size | output_size output_ratio return_indices",
  "nn.functional.glu": "input dim",
  "nn.functional.interpolate": "input | size scale_factor mode align_corners recompute_scale_factor antialias",
  "nn.functional.grid_sample": "input grid | mode padding_mode align_corners",
  "nn.functional.instance_norm": "input | running_mean running_var weight bias use_input_stats momentum eps",
  "nn.functional.leaky_relu": "input negative_slope | inplace",
  "nn.functional.linear": "input weight bias",
  "nn.functional.log_softmax": "input dim | dtype",
  "nn.functional.max_pool1d": "input kernel_size | stride padding dilation ceil_mode return_indices",
  "nn.functional.max_pool2d": "input kernel_size | stride padding dilation ceil_mode return_indices",
  "nn.functional.max_pool3d": "input kernel_size | stride padding dilation ceil_mode return_indices",
  "nn.functional.max_unpool1d": "input indices kernel_size | stride padding output_size",
  "nn.functional.max_unpool2d": "input indices kernel_size | stride padding output_size",
  "nn.functional.max_unpool3d": "input indices kernel_size | stride padding output_size",
  "nn.functional.one_hot": "input num_classes",
  "nn.functional.pad": "input pad | mode value",
  "nn.functional.rrelu": "input | lower upper training inplace",
  "nn.functional.softmax": "input dim | dtype",
  "nn.functional.softmin": "input dim | dtype",
  "nn.functional.softshrink": "input lambd",
  "nn.functional.threshold": "input threshold value | inplace",
  "nn.functional.unfold": "input kernel_size | dilation padding stride",
  norm: "input p | dim keepdim dtype",
  normal: "mean std",
  ones: "size | dtype device requires_grad",
  pdist: "input p",
  permute: "input dims",
  polygamma: "n input",
  pow: "input exponent",
  put: "input index source | accumulate",
  quantile: "input q | dim keepdim interpolation",
  rand_like: "input | dtype device",
  randint_like: "input low high | dtype device",
  randn: "size | dtype device requires_grad",
  randn_like: "input | dtype device",
  repeat_interleave: "input repeats dim | output_size",
  roll: "input shifts dims",
  rot90: "input k dims",
  rsub: "input other | alpha",
  scatter: "input dim index src | reduce",
  "Tensor.new_empty_strided": "input size stride | dtype device",
  trapz: "input | x dx dim",
  segment_reduce: "input reduce | lengths offsets axis unsafe initial",
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
  // PyTorch multiplies by the reciprocal.
  "Tensor.__rdiv__": ([x, y]) => (x as Tensor).reciprocal().mul(y as Tensor),
  // PyTorch takes the base for a plain value, without gradient.
  "Tensor.__rpow__": ([x, y]) => (y as Tensor).detach().pow(x as Tensor),
  "Tensor.__rmod__": ([x, y]) => (y as Tensor).remainder(x as Tensor),
  "Tensor.__rmatmul__": ([x, y]) => (y as Tensor).matmul(x as Tensor),
  "Tensor.__rand__": ([x, y]) => (y as Tensor).bitwiseAnd(x as Tensor),
  "Tensor.__ror__": ([x, y]) => (y as Tensor).bitwiseOr(x as Tensor),
  "Tensor.__rxor__": ([x, y]) => (y as Tensor).bitwiseXor(x as Tensor),
  "special.polygamma": ([x, n], kwargs) => special.polygamma((n ?? kwargs.n) as number, x as Tensor),
  "Tensor.to": ([x, ...rest]) => toCall(x as Tensor, rest),
  arange: (args, { end, ...options }) =>
    core.arange(...([...args, ...(end === undefined ? [] : [end])].map(Number) as [number, number]), options),
  atleast_1d: ([x]) => eachOf(x, core.atleast1d),
  atleast_2d: ([x]) => eachOf(x, core.atleast2d),
  atleast_3d: ([x]) => eachOf(x, core.atleast3d),
  broadcast_shapes: (shapes) => core.broadcastShapes(...shapes.map((shape) => [shape].flat() as number[])),
  einsum: ([equation, operands]) => core.einsum(equation as string, ...(operands as Tensor[])),
  meshgrid: (args, options) => core.meshgrid(args.flat() as Tensor[], options),
  "nn.functional._scaled_dot_product_attention": ([q, k, v], kwargs) => attention(q as Tensor, k as Tensor, v as Tensor, kwargs),
  // Deprecated names of interpolation.
  "nn.functional.upsample_bilinear": ([x], kwargs) =>
    functional.interpolate(x as Tensor, { ...camelKeys(present(kwargs)), mode: "bilinear", alignCorners: true }),
  "nn.functional.upsample_nearest": ([x], kwargs) => functional.interpolate(x as Tensor, camelKeys(present(kwargs))),
  unique: ([x], kwargs) => uniqueCall((x as Tensor).unique(camelKeys(present(kwargs)) as never), kwargs),
  unique_consecutive: ([x], kwargs) => uniqueCall((x as Tensor).uniqueConsecutive(camelKeys(present(kwargs)) as never), kwargs),
  where: ([condition, x, y]) => core.where(condition as Tensor, x as Tensor, y as Tensor),
};

/** Functions of `torch` itself that are in `linalg` only, with the same parameters. */
const LEGACY: ReadonlySet<string> = new Set("cholesky cholesky_inverse cholesky_solve geqrf logdet lu_unpack matrix_exp ormqr".split(" "));

/** The deprecated functions of `torch` by those of `linalg` that took their place. */
const DEPRECATED: { readonly [call: string]: (args: readonly unknown[], kwargs: Kwargs) => unknown } = {
  lu: ([a, pivot, withInfo]) => {
    const { lu, pivots, info } = linalg.luFactorEx(a as Tensor, { pivot: pivot as boolean });
    return withInfo ? [lu, pivots, info] : [lu, pivots];
  },
  lu_solve: ([b, lu, pivots]) => linalg.luSolve(lu as Tensor, pivots as Tensor, b as Tensor),
  pinverse: ([a], { rcond }) => linalg.pinv(a as Tensor, { rtol: (rcond as number | undefined) ?? 1e-15 }),
  qr: ([a, given], { some }) => linalg.qr(a as Tensor, { mode: (given ?? some ?? true) ? "reduced" : "complete" }),
  svd: ([a], { some }) => {
    const { u, s, vh } = linalg.svd(a as Tensor, { fullMatrices: some === false });
    return [u, s, vh.mT];
  },
  symeig: ([a], { upper }) => linalg.eigh(a as Tensor, { uplo: upper === false ? "L" : "U" }),
  triangular_solve: ([b, a], { upper, transpose, unitriangular }) => {
    const isUpper = (upper as boolean | undefined) ?? true;
    const matrix = transpose ? (a as Tensor).mT : (a as Tensor);
    const options = { upper: transpose ? !isUpper : isUpper, unitriangular: unitriangular === true };
    return [linalg.solveTriangular(matrix, b as Tensor, options), (a as Tensor).clone()];
  },
};

/** PyTorch 1.13 returns the weights too, which are the attention to an identity. */
function attention(q: Tensor, k: Tensor, v: Tensor, { dropout_p, is_causal }: Kwargs): [Tensor, Tensor] {
  const options = { dropoutP: dropout_p as number, isCausal: is_causal as boolean };
  const n = k.shape[k.ndim - 2];
  const identity = core.eye(n, { device: k.device }).expand([...k.shape.slice(0, -1), n]);
  return [functional.scaledDotProductAttention(q, k, v, options), functional.scaledDotProductAttention(q, k, identity, options)];
}

function eachOf(x: unknown, fn: (x: Tensor) => Tensor): unknown {
  return Array.isArray(x) ? x.map(fn) : fn(x as Tensor);
}

function present(kwargs: Kwargs): Kwargs {
  return Object.fromEntries(Object.entries(kwargs).filter(([, value]) => value !== null));
}

/** PyTorch returns only the parts that were asked for. */
function uniqueCall(result: unknown, kwargs: Kwargs): unknown {
  if (isTensor(result)) return result;
  const { output, inverse, counts } = result as core.UniqueResult;
  return [output, ...(kwargs.return_inverse ? [inverse] : []), ...(kwargs.return_counts ? [counts] : [])];
}

/** `to(device?, dtype?, non_blocking, copy)` and `to(other, non_blocking, copy)`. */
function toCall(x: Tensor, rest: readonly unknown[]): unknown {
  const copy = rest.at(-1) as boolean;
  const [first] = rest;
  if (isTensor(first)) return x.to({ device: first.device, dtype: first.dtype, copy });
  const dtype = rest.findLast((value) => typeof value === "string") as core.DType;
  return x.to({ dtype, copy });
}

/** PyTorch takes real numbers for complex ones; here they are made pairs first. */
function ofPairs(fn: Fn): Fn {
  return (x, ...rest) => fn(complexTensors.has(x as Tensor) ? x : complexNumbers.complex(x as Tensor), ...rest);
}

/** Dimensions of pairs count without the last one. */
function aroundPairs(fn: Fn): Fn {
  return (x, options) => {
    if (!complexTensors.has(x as Tensor)) return fn(x, options);
    const rank = (x as Tensor).ndim - 1;
    const { dim = Array.from({ length: rank }, (_, d) => d) } = (options ?? {}) as { readonly dim?: number | readonly number[] };
    return fn(x, { dim: [dim].flat().map((d) => (d < 0 ? d + rank : d)) });
  };
}

/** Calls that take complex numbers go to the module of pairs then. */
const COMPLEX = new Set("abs angle conj imag matmul mul real view_as_real".split(" "));

function orPairs(short: string, form: Form): Form {
  const pairs = SPACES.complex?.[short] as Fn;
  return {
    name: form.name,
    call: (args, kwargs) => (args.some((x) => complexTensors.has(x as Tensor)) ? pairs(...args) : form.call(args, kwargs)),
  };
}

const FOURIER = fft as unknown as { readonly [name: string]: Fn };
const OF_PAIRS = "fft fft2 fftn ifft ifft2 ifftn irfft irfft2 irfftn hfft hfft2 hfftn".split(" ");
const FFT: { readonly [name: string]: Fn } = {
  ...FOURIER,
  ...Object.fromEntries(OF_PAIRS.map((name) => [name, ofPairs(FOURIER[name])])),
  ...Object.fromEntries(["fftshift", "ifftshift"].map((name) => [name, aroundPairs(FOURIER[name])])),
};

/** Namespaces, which are modules of their own here. */
const SPACES: { readonly [space: string]: { readonly [name: string]: Fn } | undefined } = {
  linalg: linalg as unknown as { readonly [name: string]: Fn },
  special: special as unknown as { readonly [name: string]: Fn },
  fft: FFT,
  masked: masked as unknown as { readonly [name: string]: Fn },
  math: math as unknown as { readonly [name: string]: Fn },
  complex: complexNumbers as unknown as { readonly [name: string]: Fn },
};

/** Functions that have another name here. */
const NAMES: { readonly [name: string]: string } = { logsigmoid: "logSigmoid" };

/** The name after the namespace, such as `linalg.norm` or `Tensor.view`. */
function localName(call: string): string {
  return call
    .replace(/^torch\./, "")
    .replace(/^aten\.slice\.Tensor.*$/, "slice")
    .replace(/ \(.*\)$/, "");
}

/** In-place methods have the parameters of the others. */
function signatureOf(called: string, info: OpInfo | undefined): Signature | undefined {
  const name = called in SIGNATURES ? called : called.replace(/^Tensor\.(.*[^_])_$/, "$1");
  if (name in SIGNATURES) return readSignature(SIGNATURES[name]);
  if (/^Tensor\.(bool|byte|char|short|int|long|half|bfloat16|float|double|chalf|contiguous)$/.test(name))
    return readSignature("input | memory_format");
  const lines = info?.signature ?? [];
  return lines.length > 0 ? parseSignature(lines) : undefined;
}

/** `std(x, true)` means `unbiased`; Python's bools count as numbers; positions in tensors are plain numbers here. */
function normalized(name: string, args: readonly unknown[], kwargs: Kwargs): [readonly unknown[], Kwargs] {
  if ((name === "narrow" || name === "tensor_split") && args.slice(1).some(isTensor)) {
    return [[args[0], ...args.slice(1).map((arg) => (isTensor(arg) ? arg.tolistSync() : arg))], kwargs];
  }
  if (/^(std|var)(_mean)?$/.test(name) && typeof args[1] === "boolean") return [[args[0]], { ...kwargs, unbiased: args[1] }];
  if (typeof kwargs.alpha === "boolean") return [args, { ...kwargs, alpha: Number(kwargs.alpha) }];
  return [args, kwargs];
}

/** Needs singular values, so it is in `linalg` only. */
function nuclearNorm([x, , at, keep]: readonly unknown[], { dim = at, keepdim = keep }: Kwargs): Tensor {
  return linalg.norm(x as Tensor, { ord: "nuc", ...(camelKeys(present({ dim: dim ?? null, keepdim: keepdim ?? null })) as object) });
}

/** The ways in which this library offers a call, the usual one first; none if it does not. */
export function formsOf(call: string, info: OpInfo | undefined): Form[] {
  const name = call.includes("torch.special.polygamma") ? "special.polygamma" : localName(call);
  return rawForms(call, name, info).map((form) => ({
    name: form.name,
    call: (args, kwargs) => {
      if (name === "norm" && (args[1] ?? kwargs.p) === "nuc") return nuclearNorm(args, kwargs);
      return form.call(...normalized(name, args, kwargs));
    },
  }));
}

function rawForms(call: string, name: string, info: OpInfo | undefined): Form[] {
  const signature = signatureOf(name, info);
  if (name in SPECIAL) return [{ name, call: SPECIAL[name] }];
  if (name in DEPRECATED) return [{ name, call: DEPRECATED[name] }];
  if (call.endsWith("(attribute)")) return attributeForm(name.replace("Tensor.", ""));
  const last = name.replace(/^.*\./, "");
  const short = NAMES[last] ?? camelCase(last);
  const forms: Form[] = [];
  if (name.startsWith("nn.functional.")) {
    addFunction(forms, `F.${short}`, (functional as unknown as { [name: string]: Fn })[short], signature);
    return forms;
  }
  if (name.includes(".") && !name.startsWith("Tensor.")) {
    const [space] = name.split(".");
    addFunction(forms, `${space}.${short}`, SPACES[space]?.[short], signature);
    return forms;
  }
  if (LEGACY.has(name)) {
    addFunction(forms, `linalg.${short}`, SPACES.linalg?.[short], signature);
    return forms;
  }
  addMethod(forms, short, signature, call.endsWith("(on a copy)"));
  for (const space of ["special", "math", "complex", "fft"])
    if (forms.length === 0) addFunction(forms, `${space}.${short}`, SPACES[space]?.[short], signature);
  addFunction(forms, short, ({ ...core, ...layers } as unknown as { [name: string]: Fn })[short], signature);
  if (forms.length === 0) addFunction(forms, `F.${short}`, (functional as unknown as { [name: string]: Fn })[short], signature);
  return COMPLEX.has(name) ? forms.map((form) => orPairs(short, form)) : forms;
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
