/**
 * Reductions over expressions. Dimensions come merged, kept ones before reduced ones, in one of two forms:
 *
 * - `rows`: the innermost loop runs along a reduced dimension and combines vectors into one output;
 * - `columns`: the innermost loop runs along the last kept dimension, and each lane is an output of its own.
 *
 * @module
 */
import type { ComputeDType, ReduceOp } from "@sconce/core";
import { Body, type StrideClass } from "../elementwise/body.js";
import { buildKernel, fullSteps, type KernelCode } from "../elementwise/emit.js";
import type { Emitter } from "../elementwise/emitter.js";
import { Nest } from "../elementwise/nest.js";
import { opsOf, type Plan } from "../elementwise/plan.js";
import { isCheap } from "../elementwise/simd.js";
import { BYTES, store, type Width, widthOf } from "../elementwise/unit.js";
import { I32, type Local, type MemName } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import { Accumulator } from "./accumulate.js";

/** Values that one lane combines before it goes into the totals: few sums, since float32 rounds at each, and every factor at once. */
function blockOf(op: ReduceOp): number {
  return op === "prod" ? 1 : 64;
}

/** What a reduction kernel is made for. */
export interface Reduction {
  readonly plan: Plan;
  readonly op: ReduceOp;
  readonly classes: readonly StrideClass[];
  /** Numbers of merged dimensions. */
  readonly kept: number;
  readonly reduced: number;
  readonly form: "rows" | "columns";
}

const STORE: { readonly [D in ComputeDType]: MemName } = {
  bool: "i32.store8",
  uint8: "i32.store8",
  int32: "i32.store",
  int64: "i64.store",
  float32: "f32.store",
  float64: "f64.store",
};

/** Emits a reduction; the output is the operand after the inputs. */
export function emitReduction(reduction: Reduction, options: KernelOptions): KernelCode {
  const { plan } = reduction;
  const width = widthOf(plan);
  return buildKernel(plan, width, options, (e) => {
    if (reduction.form === "rows") emitRows(e, reduction, width);
    else emitColumns(e, reduction, width as 4 | 2);
  });
}

/** Copies of the body side by side: enough to hide the latency of the combination, few where the body is long. */
function unrollOf(plan: Plan, width: Width): number {
  const ops = opsOf(plan);
  if (width === 1 || !ops.every(isCheap)) return 1;
  return ops.length <= 3 ? 4 : ops.length <= 8 ? 2 : 1;
}

/** Sets `chunk` to the smaller of `left` and `limit` and takes it off `left`, until nothing is left. */
export function blocks({ f }: Emitter, left: Local, limit: number, body: (chunk: Local) => void): void {
  const chunk = f.local(I32);
  f.block(() => {
    f.get(left).op("i32.eqz").brIf(0);
    f.loop(() => {
      f.minI32(left, () => f.i32(limit)).set(chunk);
      f.get(left).get(chunk).op("i32.sub").set(left);
      body(chunk);
      f.get(left).brIf(0);
    });
  });
}

function emitRows(e: Emitter, { plan, op, classes, kept, reduced }: Reduction, width: Width): void {
  const { f } = e;
  const [root] = plan.roots;
  const inner = kept + reduced - 1;
  const nest = new Nest(f, kept + reduced, classes.length + 1);
  const body = new Body(e, plan, width, classes, nest, inner);
  const unroll = unrollOf(plan, width);
  const sum = new Accumulator(e, op, root.dtype, width, unroll);
  const left = f.local(I32);
  const step = (u: number, count?: Local): void => {
    body.step(count, ([value]) => sum.add(value, u, count));
    if (count === undefined) body.advance();
  };
  nest.loops(0, kept, nest.bases(), (outer) => {
    sum.begin();
    nest.loops(kept, inner, outer, (pointers) => {
      body.start(pointers);
      nest.size(inner);
      f.set(left);
      blocks(e, left, blockOf(op) * width * unroll, (chunk) => {
        sum.beginBlock();
        fullSteps(e, chunk, width * unroll, () => {
          for (let u = 0; u < unroll; u++) step(u);
        });
        if (unroll > 1) fullSteps(e, chunk, width, () => step(0));
        if (width > 1) f.get(chunk).if(() => step(0, chunk));
        sum.endBlock();
      });
    });
    f.get(outer[classes.length]);
    sum.finish();
    f.mem(STORE[root.dtype as ComputeDType]);
  });
}

function emitColumns(e: Emitter, reduction: Reduction, width: 4 | 2): void {
  const { f } = e;
  const { plan, classes, kept, reduced } = reduction;
  const nest = new Nest(f, kept + reduced, classes.length + 1);
  const inner = kept + reduced - 1;
  const body = new Body(e, plan, width, classes, nest, inner);
  const vectors = unrollOf(plan, width);
  const columns = classes.map(() => f.local(I32));
  const target = f.local(I32);
  const left = f.local(I32);
  const group = new ColumnGroup(e, reduction, width, nest, body);
  const advance = (count: number): void => {
    classes.forEach((c, i) => {
      if (c === 1) f.inc(columns[i], count * width * BYTES[plan.inputs[i]]);
      else if (c === 2)
        f.get(columns[i])
          .push(() => nest.stride(i, inner))
          .i32(count * width)
          .op("i32.mul", "i32.add")
          .set(columns[i]);
    });
    f.inc(target, count * width * BYTES[plan.roots[0].dtype]);
  };
  nest.loops(0, kept - 1, nest.bases(), (pointers) => {
    columns.forEach((column, i) => f.get(pointers[i]).set(column));
    f.get(pointers[classes.length]).set(target);
    nest.size(inner);
    f.set(left);
    for (const count of vectors > 1 ? [vectors, 1] : [1]) {
      fullSteps(e, left, width * count, () => {
        group.emit(columns, target, count, undefined);
        advance(count);
      });
    }
    f.get(left).if(() => group.emit(columns, target, 1, left));
  });
}

/** The reduction of some vectors of neighbouring columns. */
class ColumnGroup {
  readonly #e: Emitter;
  readonly #reduction: Reduction;
  readonly #width: 4 | 2;
  readonly #nest: Nest;
  readonly #body: Body;
  readonly #sums: Accumulator[] = [];
  readonly #rows: Local;

  constructor(e: Emitter, reduction: Reduction, width: 4 | 2, nest: Nest, body: Body) {
    this.#e = e;
    this.#reduction = reduction;
    this.#width = width;
    this.#nest = nest;
    this.#body = body;
    this.#rows = e.f.local(I32);
  }

  /** `columns` holds the inputs' addresses at the first column; with `rest`, so many lanes of one vector are there. */
  emit(columns: readonly Local[], target: Local, count: number, rest: Local | undefined): void {
    const e = this.#e;
    const { f } = e;
    const { plan, op, kept, reduced } = this.#reduction;
    const { dtype } = plan.roots[0];
    while (this.#sums.length < count) this.#sums.push(new Accumulator(e, op, dtype, this.#width, 1));
    const sums = this.#sums.slice(0, count);
    const last = kept - 1 + reduced - 1;
    for (const sum of sums) sum.begin();
    this.#nest.loops(kept - 1, last, columns, (pointers) => {
      const here = pointers.map((pointer) => {
        const local = f.local(I32);
        f.get(pointer).set(local);
        return local;
      });
      this.#nest.size(last);
      f.set(this.#rows);
      blocks(e, this.#rows, blockOf(op), (chunk) => {
        for (const sum of sums) sum.beginBlock();
        f.countDown(f.local(I32), chunk, () => this.#row(here, sums, rest, last));
        for (const sum of sums) sum.endBlock();
      });
    });
    const value = e.temp();
    sums.forEach((sum, i) => {
      sum.finishLanes();
      f.set(value);
      const at = e.temp(I32);
      f.get(target)
        .i32(i * this.#width * BYTES[dtype])
        .op("i32.add")
        .set(at);
      store(e, dtype, this.#width, at, undefined, value, rest);
      e.release(at);
    });
    e.release(value);
  }

  #row(here: readonly Local[], sums: readonly Accumulator[], rest: Local | undefined, dim: number): void {
    const { f } = this.#e;
    this.#body.start(here);
    for (const sum of sums) {
      this.#body.step(rest, ([value]) => sum.add(value));
      if (rest === undefined) this.#body.advance();
    }
    here.forEach((local, i) =>
      f
        .get(local)
        .push(() => this.#nest.stride(i, dim))
        .op("i32.add")
        .set(local),
    );
  }
}
