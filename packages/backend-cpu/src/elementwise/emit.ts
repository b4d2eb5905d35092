/**
 * Elementwise kernels: expressions become the body of a loop nest.
 *
 * @module
 */
import type { Expr } from "@sconce/core";
import { I32, instantiate, type Local, ModuleBuilder, type WasmFunction } from "../wasm/asm.js";
import type { KernelOptions } from "../wasm/features.js";
import { Body, type StrideClass } from "./body.js";
import { type Emitter, emitFunction } from "./emitter.js";
import { Nest } from "./nest.js";
import type { Plan } from "./plan.js";
import { BYTES, declareImports, importsOf, store, type Width, widthOf } from "./unit.js";

/** A module in bytes with the functions that it imports. */
export interface KernelCode {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly imports: Record<string, (...args: number[]) => number>;
}

/** Builds a module with the one function `run`, whose parameter is the address of the argument block. */
export function buildKernel(plan: Plan, width: Width, options: KernelOptions, main: (e: Emitter) => void): KernelCode {
  const module = new ModuleBuilder(options);
  const imports = importsOf(plan, width);
  const indices = declareImports(module, imports);
  emitFunction(module, "run", 1, options.fma, main, indices);
  return { bytes: module.bytes(), imports: Object.fromEntries([...imports].map(([name, { fn }]) => [name, fn])) };
}

/** The compiled function of a kernel: its only parameter is the address of the argument block. */
export type CompiledKernel = WasmFunction;

/** Links a kernel to a memory. */
export function linkKernel({ bytes, imports }: KernelCode, memory: WebAssembly.Memory): CompiledKernel {
  return instantiate(bytes, memory, imports).run;
}

/**
 * Emits the kernel of a plan for inputs of the given classes and `dims` dimensions. Outputs are the operands after the inputs; their elements
 * are adjacent along the innermost dimension unless `scattered`.
 */
export function emitElementwise(
  plan: Plan,
  classes: readonly StrideClass[],
  dims: number,
  options: KernelOptions,
  scattered = false,
): KernelCode {
  const width = widthOf(plan);
  return buildKernel(plan, width, options, (e) => {
    const { f } = e;
    const nest = new Nest(f, dims, classes.length + plan.roots.length);
    const body = new Body(e, plan, width, classes, nest, dims - 1);
    const targets = plan.roots.map(() => f.local(I32));
    const steps = targets.map((_, i) => {
      return scattered ? e.hoist(`step${classes.length + i}`, I32, () => nest.stride(classes.length + i, dims - 1)) : undefined;
    });
    const left = f.local(I32);
    const leave = (roots: readonly Local[], count?: Local, offset?: number): void =>
      roots.forEach((root, i) => store(e, plan.roots[i].dtype, width, targets[i], steps[i], root, count, offset));
    const advance = (count: number): void => {
      body.advance(count);
      if (!scattered) targets.forEach((target, i) => f.inc(target, count * width * BYTES[plan.roots[i].dtype]));
    };
    const pairs = !scattered && fillsVectors(plan, width, classes);
    nest.loops(0, dims - 1, nest.bases(), (pointers) => {
      body.start(pointers);
      targets.forEach((target, i) => f.get(pointers[classes.length + i]).set(target));
      nest.size(dims - 1);
      f.set(left);
      if (pairs) {
        fullSteps(e, left, 2 * width, () => {
          body.step(undefined, (first) =>
            body.step(undefined, (second) => [first, second].forEach((roots, i) => leave(roots, undefined, 16 * i)), 16),
          );
          advance(2);
        });
      }
      fullSteps(e, left, width, () => {
        body.step(undefined, (roots) => leave(roots));
        advance(1);
      });
      if (width > 1) f.get(left).if(() => body.step(left, (roots) => leave(roots, left)));
    });
  });
}

/** True if the elements of a step fill a vector, and those of the next step the vector after it. */
function fillsVectors({ order, roots }: Plan, width: Width, classes: readonly StrideClass[]): boolean {
  const fills = ({ dtype }: Expr): boolean => width * BYTES[dtype] === 16;
  return roots.every(fills) && order.every((e) => e.kind !== "input" || classes[e.index] === 0 || (classes[e.index] === 1 && fills(e)));
}

/** Repeats `body` while `left` is at least `width`, taking `width` off each time. */
export function fullSteps({ f }: Emitter, left: Local, width: number, body: () => void): void {
  f.block(() => {
    f.get(left).i32(width).op("i32.lt_s").brIf(0);
    f.loop(() => {
      body();
      f.get(left).i32(width).op("i32.sub").tee(left).i32(width).op("i32.ge_s").brIf(0);
    });
  });
}
