import { type Backend, itemSize, type Spec, sizeOf } from "@sconce/core";
import type { Content, Slot, Step } from "./recorder.js";

/** When a buffer is made and last used, in steps. */
export interface Life {
  readonly first: number;
  last: number;
}

/** A buffer that lies at a fixed place of the program's own memory. */
export interface Place {
  readonly backend: Backend;
  readonly offset: number;
}

/** Addresses are multiples of this: a cache line. */
const ALIGNMENT = 64;

/** The buffers that a step reads. */
export function readsOf(step: Step): readonly Slot[] {
  if (step.kind === "run" || step.kind === "host") return step.inputs.map(({ slot }) => slot);
  if (step.kind === "hand" || step.kind === "store") return step.content.slot === null ? [] : [step.content.slot];
  return [];
}

/** The buffers that a step makes. */
export function makesOf(step: Step): readonly Slot[] {
  if (step.kind === "run" || step.kind === "host") return step.slots;
  return step.kind === "load" || step.kind === "upload" || step.kind === "draw" ? [step.slot] : [];
}

/** The life of each buffer; those of `results` last to the end. */
export function livesOf(steps: readonly Step[], results: readonly Content[]): ReadonlyMap<Slot, Life> {
  const lives = new Map<Slot, Life>();
  steps.forEach((step, i) => {
    for (const slot of makesOf(step)) lives.set(slot, { first: i, last: i });
    for (const slot of readsOf(step)) (lives.get(slot) as Life).last = i;
  });
  for (const { slot } of results) if (slot !== null) (lives.get(slot) as Life).last = steps.length;
  return lives;
}

/** The steps without loads that nothing reads. */
export function withoutIdleLoads(steps: readonly Step[], results: readonly Content[]): Step[] {
  const read = new Set<Slot | null>([...steps.flatMap(readsOf), ...results.map(({ slot }) => slot)]);
  return steps.filter((step) => step.kind !== "load" || read.has(step.slot));
}

/** The buffers that outlive a replay or are handed out in it. */
export function escaping(steps: readonly Step[], results: readonly Content[]): ReadonlySet<Slot> {
  const slots = new Set<Slot>();
  for (const step of steps) if (step.kind === "hand" || step.kind === "store") for (const slot of readsOf(step)) slots.add(slot);
  for (const { slot } of results) if (slot !== null) slots.add(slot);
  return slots;
}

interface Range {
  readonly offset: number;
  readonly bytes: number;
  readonly life: Life;
}

/** Places for the buffers of each device, so that two that live at the same time do not overlap, and the bytes that they take. */
export class MemoryPlan {
  readonly places: Map<Slot, Place> = new Map();
  readonly bytes: Map<Backend, number> = new Map();
  readonly #ranges = new Map<Backend, Range[]>();

  /** Puts the largest buffers first, each at the lowest place that is free for its life. */
  constructor(steps: readonly Step[], lives: ReadonlyMap<Slot, Life>, escaping: ReadonlySet<Slot>) {
    const wanted: { slot: Slot; backend: Backend; bytes: number }[] = [];
    for (const step of steps) {
      if (step.kind !== "run" || step.backend.replay === undefined || step.slots.some((slot) => escaping.has(slot))) continue;
      step.slots.forEach((slot, i) => {
        wanted.push({ slot, backend: step.backend, bytes: bytesOf(step.outputs[i]) });
      });
    }
    wanted.sort((a, b) => b.bytes - a.bytes);
    for (const { slot, backend, bytes } of wanted) this.#place(slot, backend, bytes, lives.get(slot) as Life);
  }

  #place(slot: Slot, backend: Backend, bytes: number, life: Life): void {
    let ranges = this.#ranges.get(backend);
    if (ranges === undefined) this.#ranges.set(backend, (ranges = []));
    let offset = 0;
    for (const other of ranges) {
      if (other.life.first > life.last || other.life.last < life.first) continue;
      if (other.offset >= offset + bytes) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    const at = ranges.findIndex((other) => other.offset > offset);
    ranges.splice(at < 0 ? ranges.length : at, 0, { offset, bytes, life });
    this.places.set(slot, { backend, offset });
    this.bytes.set(backend, Math.max(this.bytes.get(backend) ?? 0, offset + bytes));
  }
}

function bytesOf({ shape, dtype }: Spec): number {
  return Math.max(1, Math.ceil((sizeOf(shape) * itemSize(dtype)) / ALIGNMENT)) * ALIGNMENT;
}
