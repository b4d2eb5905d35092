import {
  type Call,
  cat,
  defaultGenerator,
  type Handler,
  type Layer,
  mutate,
  SconceError,
  ShapeError,
  Tensor,
  withLayer,
} from "@sconce/core";
import { BatchedTensor, inside, type Level, operandAt, type Randomness, spreadOut } from "./batched.js";
import { runBatched } from "./rules.js";
import { flatten, isPlain, spreadTree } from "./tree.js";

/** Which dimension of a tensor holds the examples; null for one that is the same for all. */
export type BatchDim = number | null;

/** Dimensions for a value: one for all tensors of it, or an array or object of its shape. */
export type BatchDims = BatchDim | readonly BatchDims[] | { readonly [key: string]: BatchDims };

/** How {@link vmap} takes its arguments apart and puts results together. */
export interface VmapOptions {
  /** Where the examples are in the arguments: for all of them, or one entry for each. */
  readonly inDims?: BatchDims;
  /** Where they go in the results. */
  readonly outDims?: BatchDims;
  /** What random ops inside do: throw, draw for each example, or draw once for all. */
  readonly randomness?: Randomness;
  /** Runs so many examples at a time; all at once if it is left out. */
  readonly chunkSize?: number | null;
}

const isDim = (x: unknown): x is BatchDim => x === null || typeof x === "number";

/**
 * Runs a function that is written for one example on all examples at once: each op inside runs once, on tensors with a dimension more.
 * Arguments and results may be arrays and objects of tensors.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.func.vmap.html
 *
 * @throws ShapeError if the arguments do not hold equally many examples.
 * @throws SconceError inside, for what depends on the elements (reading them, boolean masks), for random ops unless `randomness` allows
 * them, and for an in-place op that would write different examples into one tensor.
 * @example
 * import { vmap } from "@sconce/autograd/func";
 *
 * const rows = tensor([[1, 2], [3, 4]]);
 * vmap((row: Tensor) => row.dot(row))(rows); // [5, 25]
 */
export function vmap<A extends readonly Tensor[], R>(fn: (...args: A) => R, options?: VmapOptions): (...args: A) => R;
export function vmap<A extends readonly unknown[], R>(fn: (...args: A) => R, options?: VmapOptions): (...args: A) => R;
export function vmap<A extends readonly unknown[], R>(fn: (...args: A) => R, options: VmapOptions = {}): (...args: A) => R {
  const { chunkSize = null } = options;
  if (chunkSize === null) return (...args) => runAll(fn, args, options);
  if (!Number.isSafeInteger(chunkSize) || chunkSize < 1) {
    throw new SconceError(`vmap: expected chunkSize to be a positive integer, got ${chunkSize}`);
  }
  return (...args) => runChunks(fn, args, options, chunkSize);
}

/** Every tensor of the arguments with where its examples are. */
interface Inputs {
  readonly leaves: readonly Tensor[];
  readonly dims: readonly BatchDim[];
  readonly size: number;
  rebuild(leaves: readonly Tensor[]): readonly unknown[];
}

function readInputs(args: readonly unknown[], inDims: BatchDims): Inputs {
  if (Array.isArray(inDims) && inDims.length !== args.length) {
    throw new SconceError(`vmap: expected inDims to have one entry for each argument, got ${inDims.length} for ${args.length}`);
  }
  const { leaves, rebuild } = flatten(args);
  const given = spreadTree<BatchDim>(inDims, args, isDim);
  const dims = leaves.map((x, i) => (given[i] === null ? null : position(x, given[i] as number, x.ndim, "inDims")));
  let size: number | null = null;
  leaves.forEach((x, i) => {
    const dim = dims[i];
    if (dim === null) return;
    size ??= x.shape[dim];
    if (x.shape[dim] !== size) {
      throw new ShapeError(
        `vmap: Expected all tensors to have the same size in the mapped dimension, got sizes ${size} and ${x.shape[dim]} for the mapped dimension`,
        { shapes: leaves.map(({ shape }) => shape) },
      );
    }
  });
  if (size === null) throw new SconceError("vmap: at least one of the arguments must be a tensor to be mapped over");
  return { leaves, dims, size, rebuild };
}

function position(x: Tensor, dim: number, rank: number, what: string): number {
  if (Number.isSafeInteger(dim) && dim >= -rank && dim < rank) return dim < 0 ? dim + rank : dim;
  throw new ShapeError(`vmap: expected an entry of ${what} from ${-rank} to ${rank - 1} for a tensor of ${x.ndim} dimensions, got ${dim}`, {
    shapes: [x.shape],
  });
}

function runAll<A extends readonly unknown[], R>(fn: (...args: A) => R, args: A, options: VmapOptions): R {
  const { inDims = 0, outDims = 0, randomness = "error" } = options;
  const { leaves, dims, size, rebuild } = readInputs(args, inDims);
  const level: Level = { size, randomness, open: true };
  return withLayer(layerOf(level), () =>
    inside(level, () => {
      const examples = leaves.map((x, i) => (dims[i] === null ? x : new BatchedTensor(level, moved(x, dims[i], 0))));
      return collect(
        level,
        guarded(level, () => fn(...(rebuild(examples) as unknown as A))),
        outDims,
      );
    }),
  );
}

function moved(x: Tensor, from: number, to: number): Tensor {
  return from === to ? x : x.movedim(from, to);
}

/** Refuses numbers that the host's generator drew inside: they came once, not once for each example. */
function guarded<R>({ randomness }: Level, fn: () => R): R {
  if (randomness === "same") return fn();
  const before = defaultGenerator().position;
  const result = fn();
  if (defaultGenerator().position === before) return result;
  throw new SconceError(
    randomness === "error"
      ? "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' randomness or perform the randomness out of vmap"
      : "vmap: expected random numbers of the host's generator (randn, normal_, ...) to be drawn outside of vmap and passed in when randomness is 'different'",
    { op: "vmap" },
  );
}

function collect<R>(level: Level, result: R, outDims: BatchDims): R {
  const { leaves, rebuild } = flatten(result);
  if (leaves.length === 0 || typeof result !== "object") {
    if (!(result instanceof Tensor || Array.isArray(result) || isPlain(result))) {
      throw new SconceError(`vmap: expected the function to return tensors, got ${typeof result}`);
    }
  }
  const dims = spreadTree<BatchDim>(outDims, result, isDim);
  return rebuild(
    leaves.map((x, i) => {
      const dim = dims[i];
      const operand = operandAt(level, x);
      if (dim === null) {
        if (!operand.batched) return x;
        throw new SconceError("vmap: expected a result with outDims null to be the same for all examples, got one that differs");
      }
      return moved(spreadOut(operand, level.size), 0, position(x, dim, x.ndim + 1, "outDims"));
    }),
  );
}

function runChunks<A extends readonly unknown[], R>(fn: (...args: A) => R, args: A, options: VmapOptions, chunkSize: number): R {
  const { leaves, dims, size, rebuild } = readInputs(args, options.inDims ?? 0);
  const parts: R[] = [];
  for (let start = 0; start < size; start += chunkSize) {
    const length = Math.min(chunkSize, size - start);
    const chunk = leaves.map((x, i) => (dims[i] === null ? x : x.narrow(dims[i], start, length)));
    parts.push(runAll(fn, rebuild(chunk) as unknown as A, options));
  }
  const first = flatten(parts[0]);
  const out = spreadTree<BatchDim>(options.outDims ?? 0, parts[0], isDim);
  const all = parts.map((part) => flatten(part).leaves);
  return first.rebuild(
    first.leaves.map((x, i) => {
      const dim = out[i];
      return dim === null
        ? x
        : cat(
            all.map((list) => list[i]),
            dim,
          );
    }),
  );
}

/** What a level does to ops. */
export function layerOf(level: Level): Layer {
  return {
    call: (call, next) => runCall(level, call, next),
    // What a composition shows of itself is of no use here, where its nodes are those of all examples.
    composite: (_name, _inputs, _next, fn) => fn(),
    mutate: (target, result, next) => write(level, target, result, next),
  };
}

function runCall(level: Level, call: Call, next: Handler): readonly Tensor[] {
  const inputs = call.inputs.map((x) => operandAt(level, x));
  const draws = call.op === "random" && level.randomness !== "same";
  if (draws && level.randomness === "error") {
    throw new SconceError(
      "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' randomness or perform the randomness out of vmap",
    );
  }
  if (draws) return next(widened(call as Call<"random">, level)).map((x) => new BatchedTensor(level, x));
  if (!inputs.some(({ batched }) => batched)) return next(call);
  return runBatched(call, inputs, level).map((x) => new BatchedTensor(level, x));
}

function widened(call: Call<"random">, { size }: Level): Call {
  return { ...call, attrs: { ...call.attrs, shape: [size, ...call.attrs.shape] } };
}

function write(level: Level, target: Tensor, result: Tensor, next: () => void): void {
  const [to, from] = [operandAt(level, target), operandAt(level, result)];
  if (to.batched) mutate(to.tensor, spreadOut(from, level.size));
  else if (!from.batched) next();
  else {
    throw new SconceError(
      "vmap: inplace arithmetic is not possible because the written-to tensor is the same for all examples and the result differs between " +
        "them; use the op without the underscore",
      { shapes: [target.shape] },
    );
  }
}
