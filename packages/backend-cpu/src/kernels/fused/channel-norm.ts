/**
 * Batch and group normalisation: WebAssembly kernels over float32, the reference for float64.
 *
 * @module
 */
import { contiguousStrides, type Shape, sizeOf, type View } from "@sconce/core";
import { type Block, type Machine, perMachine } from "../../machine.js";
import { emitChannelNorm } from "../../reduce/channel-norm.js";
import { type Calls, shareItems, shareRange } from "../../threads/share.js";
import { instantiate } from "../../wasm/asm.js";
import type { Pointer } from "../../wasm/memory.js";
import { copyRegion, dense, withDense } from "../copy.js";
import type { Fill } from "../kernel.js";

const kernelsOf = perMachine(({ heap, options }) => instantiate(emitChannelNorm(options), heap.memory));

/** For the choice of threads alone. */
const NANOSECONDS_PER_ELEMENT = 0.7;
/** Shorter segments are gathered to one for each channel. */
const LEAST_LENGTH = 16;

/** The segments of a call, and how far it and its neighbours are apart; distances in bytes. */
interface Segments {
  readonly groups: number;
  /** The arguments of the kernels before the first address but the number of groups. */
  readonly head: readonly number[];
  readonly nextGroup: number;
  readonly weightGroup: number;
}

const bitsOf = (x: number): number => new Int32Array(Float32Array.of(x).buffer)[0];

/** `[N, C, length]` by channel over the batch. */
function byChannel(batch: number, channels: number, length: number, eps: number): Segments {
  const [next, nextGroup, weightNext, weightGroup] = [4 * channels * length, 4 * length, 0, 4];
  return { groups: channels, head: [batch, length, next, bitsOf(eps), nextGroup, weightNext, weightGroup], nextGroup, weightGroup };
}

/** `[C, length]` by groups of channels. */
function byGroup(channels: number, groups: number, length: number, eps: number): Segments {
  const each = channels / groups;
  const [next, nextGroup, weightNext, weightGroup] = [4 * length, 4 * each * length, 4, 4 * each];
  return { groups, head: [each, length, next, bitsOf(eps), nextGroup, weightNext, weightGroup], nextGroup, weightGroup };
}

/** Calls `body` with the groups that each call takes, and how many bytes of elements, weights and statistics lie before them. */
function eachPart(
  machine: Machine,
  shape: Shape,
  { groups, eps }: { readonly groups: number | null; readonly eps: number },
  body: (
    calls: Calls,
    count: number,
    head: readonly number[],
    elements: number,
    weights: number,
    statistics: number,
    image: number,
  ) => void,
): void {
  const [batch, channels] = shape;
  const length = sizeOf(shape.slice(2));
  const nanoseconds = sizeOf(shape) * NANOSECONDS_PER_ELEMENT;
  if (groups === null) {
    const { head, nextGroup, weightGroup } = byChannel(batch, channels, length, eps);
    shareRange(machine.pool, nanoseconds, channels, 1, (calls, first, end) =>
      body(calls, end - first, head, first * nextGroup, first * weightGroup, 4 * first, 0),
    );
    return;
  }
  const { head } = byGroup(channels, groups, length, eps);
  shareItems(machine.pool, nanoseconds, batch, 1, (calls, i) =>
    body(calls, groups, head, 4 * i * channels * length, 0, 4 * i * groups, 4 * i * channels),
  );
}

/** Moves the batch behind the channels where that makes few long segments of many short ones, for as long as `use` runs. */
function withSegments(
  machine: Machine,
  large: readonly View[],
  shape: Shape,
  groups: number | null,
  target: Block,
  use: (pointers: readonly Pointer[], target: Pointer, shape: Shape) => void,
): void {
  const [batch, channels] = shape;
  const length = sizeOf(shape.slice(2));
  if (groups !== null || length >= LEAST_LENGTH || batch === 1) {
    withDense(machine, large, (pointers) => use(pointers, target.pointer, shape));
    return;
  }
  const turned = [channels, batch, ...shape.slice(2)];
  const swap = (list: readonly number[]): number[] => [list[1], list[0], ...list.slice(2)];
  const work = machine.allocate({ shape, dtype: "float32" });
  try {
    const views = large.map((x) => ({ ...x, shape: turned, strides: swap(x.strides) }));
    withDense(machine, views, (pointers) => use(pointers, work.pointer, [1, channels, batch * length]));
    copyRegion(machine, 4, turned, dense(work.pointer, turned), { pointer: target.pointer, strides: swap(contiguousStrides(shape)) });
  } finally {
    machine.free(work);
  }
}

export const channelNorm: Fill<"channelNorm"> = (machine, inputs, outputs, blocks, attrs) => {
  const [{ shape, dtype }] = outputs;
  if (dtype !== "float32" || sizeOf(shape) === 0) return false;
  const kernel = kernelsOf(machine)[`forward${inputs.length - 1}`];
  const [target, means, variances] = blocks;
  withSegments(machine, inputs.slice(0, 1), shape, attrs.groups, target, ([x], into, own) => {
    withDense(machine, inputs.slice(1), ([weight = 0, bias = 0]) => {
      eachPart(machine, own, attrs, (calls, count, head, elements, weights, statistics) => {
        const given = [x + elements, weight + weights, bias + weights];
        calls.call(kernel, 0, [count, ...head, ...given, into + elements, means.pointer + statistics, variances.pointer + statistics]);
      });
    });
  });
};

export const channelNormGrad: Fill<"channelNormGrad"> = (machine, inputs, outputs, blocks, attrs) => {
  const [{ shape, dtype }] = outputs;
  if (dtype !== "float32" || sizeOf(shape) === 0) return false;
  const kernel = kernelsOf(machine)[`backward${inputs.length - 4}`];
  const [target, scales, shifts] = blocks;
  withSegments(machine, inputs.slice(0, 2), shape, attrs.groups, target, ([grad, x], into, own) => {
    withDense(machine, inputs.slice(2), ([means, variances, weight = 0]) => {
      eachPart(machine, own, attrs, (calls, count, head, elements, weights, statistics, image) => {
        const given = [x + elements, weight + weights, grad + elements, into + elements, means + statistics, variances + statistics];
        calls.call(kernel, 0, [count, ...head, ...given, scales.pointer + weights + image, shifts.pointer + weights + image]);
      });
    });
  });
};
