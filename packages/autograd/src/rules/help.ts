import {
  apply,
  constantValue,
  encodeArray,
  type Layout,
  numberArray,
  type Shape,
  sameShape,
  settledValue,
  sizeOf,
  type Tensor,
  tensorOf,
} from "@sconce/core";

/** Zeros on the device of `like`, which take no memory until they are needed. */
export function zeros(like: Tensor, shape: Shape = like.shape): Tensor {
  return filled(like, shape, 0);
}

/** A number everywhere, in the dtype and on the device of `like`. */
export function filled(like: Tensor, shape: Shape, value: number): Tensor {
  return tensorOf(constantValue(like.storage.backend, shape, like.dtype, value));
}

/** The gradient of an op whose result does not change with its input. */
export function flat(g: Tensor): Tensor {
  return zeros(g);
}

/** `yes` where a bool tensor holds, `no` elsewhere. */
export function where(condition: Tensor, yes: Tensor | number, no: Tensor | number): Tensor {
  const like = (typeof yes === "number" ? no : yes) as Tensor;
  const operand = (x: Tensor | number): Tensor => (typeof x === "number" ? filled(like, [], x) : x);
  return apply("where", [condition, operand(yes), operand(no)], null);
}

/** Undoes broadcasting: sums over the dimensions that were stretched. */
export function sumToShape(g: Tensor, shape: Shape): Tensor {
  const lead = g.shape.length - shape.length;
  const dims: number[] = [];
  let inner = false;
  for (let i = 0; i < g.shape.length; i++) {
    if (i >= lead && (shape[i - lead] !== 1 || g.shape[i] === 1)) continue;
    dims.push(i);
    if (i >= lead) inner = true;
  }
  if (dims.length === 0) return g;
  const sum = apply("reduce", [g], { op: "sum", dims, keepdim: inner }, "Sum1");
  return inner && lead > 0 ? reshape(sum, shape) : sum;
}

export function reshape(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : x.reshape(shape);
}

export function expand(x: Tensor, shape: Shape): Tensor {
  return sameShape(x.shape, shape) ? x : apply("expand", [x], { shape });
}

export function permute(x: Tensor, dims: readonly number[]): Tensor {
  return apply("permute", [x], { dims });
}

/** The last two dimensions swapped. */
export function transposed(x: Tensor): Tensor {
  const n = x.ndim;
  const dims = x.shape.map((_, i) => i);
  dims[n - 1] = n - 2;
  dims[n - 2] = n - 1;
  return permute(x, dims);
}

/** Entries `start` to `start + length` along a dimension. */
export function narrow(x: Tensor, dim: number, start: number, length: number): Tensor {
  return apply("slice", [x], { dim, start, step: 1, length });
}

/** In reverse order along a dimension. */
export function flip(x: Tensor, dim: number): Tensor {
  return apply("slice", [x], { dim, start: Math.max(x.shape[dim] - 1, 0), step: -1, length: x.shape[dim] });
}

export function cumulate(x: Tensor, op: "sum" | "prod", dim: number): Tensor {
  return apply("cumulate", [x], { op, dim });
}

/** Sums from each position to the end. */
export function sumFromHere(x: Tensor, dim: number): Tensor {
  return flip(cumulate(flip(x, dim), "sum", dim), dim);
}

export function sum(x: Tensor, dims: readonly number[], keepdim = true): Tensor {
  return dims.length === 0 ? x : apply("reduce", [x], { op: "sum", dims, keepdim });
}

/** A bool tensor as zeros and ones in the dtype of `like`. */
export function indicator(mask: Tensor, like: Tensor): Tensor {
  return apply("cast", [mask], { dtype: like.dtype });
}

/** 0 to n - 1 in the dtype and on the device of `like`. */
export function iota(like: Tensor, n: number): Tensor {
  const { backend } = like.storage;
  const data = numberArray(like.dtype, n) as Float32Array;
  for (let i = 0; i < n; i++) data[i] = i;
  return tensorOf(settledValue(backend, [n], like.dtype, backend.upload(encodeArray(data, like.dtype), like.dtype)));
}

/** Zeros of `shape` with `g` added where `layout` says that its elements lie. */
export function spread(g: Tensor, shape: Shape, layout: Layout): Tensor {
  if (!overlaps(layout)) return apply("updateSlice", [zeros(g, shape), g], { layout });
  const positions = positionsOf(layout);
  const index = tensorOf(settledValue(g.storage.backend, [positions.length], "int32", g.storage.backend.upload(positions, "int32")));
  const base = zeros(g, [sizeOf(shape)]);
  return reshape(apply("indexUpdate", [base, index, reshape(g, [positions.length])], { dim: 0, mode: "add" }), shape);
}

/** True if two elements of a layout may lie at one place. */
function overlaps({ shape, strides }: Layout): boolean {
  const dims = shape.map((n, i) => ({ n, stride: Math.abs(strides[i]) })).filter(({ n }) => n > 1);
  dims.sort((a, b) => a.stride - b.stride);
  let reach = 0;
  for (const { n, stride } of dims) {
    if (stride <= reach) return true;
    reach += (n - 1) * stride;
  }
  return false;
}

/** Where the elements of a layout lie, in order. */
function positionsOf({ shape, strides, offset }: Layout): Int32Array {
  let positions = Int32Array.of(offset);
  for (let dim = 0; dim < shape.length; dim++) {
    const n = shape[dim];
    const wider = new Int32Array(positions.length * n);
    for (let i = 0; i < positions.length; i++) for (let j = 0; j < n; j++) wider[i * n + j] = positions[i] + j * strides[dim];
    positions = wider;
  }
  return positions;
}

/** The same elements in row-major memory of their own, from its start. */
export function wholly(x: Tensor): Tensor {
  return x.offset === 0 && x.isContiguous() ? x : x.clone();
}
