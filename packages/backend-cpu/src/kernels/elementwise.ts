/**
 * Elementwise kernels. All dtypes, ops and layouts are compiled; ops without an instruction or an approximation of their own call the
 * reference function element by element from within the kernel.
 *
 * @module
 */
import { type Expr, type Spec, sizeOf, type View } from "@sconce/core";
import { ArgumentWriter } from "../elementwise/arguments.js";
import type { StrideClass } from "../elementwise/body.js";
import { type CompiledKernel, emitElementwise, linkKernel } from "../elementwise/emit.js";
import { allContiguous, type Collapsed, collapse, strideClass } from "../elementwise/layout.js";
import { type Plan, planOf } from "../elementwise/plan.js";
import { BYTES } from "../elementwise/unit.js";
import { type Block, type Machine, perMachine, pointerOf } from "../machine.js";
import type { Fill } from "./kernel.js";

/** The kernels of one list of expressions, by the inputs' stride classes and the number of dimensions. */
interface Entry {
  readonly plan: Plan;
  readonly variants: Map<number, CompiledKernel>;
  /** Entries of longer lists that start with this one. */
  readonly longer: Map<Expr, Entry>;
}

/** The elementwise kernels of a machine. */
export class ElementwiseCache {
  readonly #entries = new Map<Expr, Entry>();
  readonly #machine: Machine;

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  entry(exprs: readonly Expr[]): Entry {
    let level = this.#entries;
    let found: Entry | undefined;
    for (let i = 0; i < exprs.length; i++) {
      found = level.get(exprs[i]);
      if (found === undefined) {
        found = { plan: planOf(exprs.slice(0, i + 1)), variants: new Map(), longer: new Map() };
        level.set(exprs[i], found);
      }
      level = found.longer;
    }
    return found as Entry;
  }

  /** The kernel for inputs of the given classes, compiled on first use. `code` is a number that tells them apart. */
  variant(entry: Entry, code: number, classes: () => readonly StrideClass[], dims: number): CompiledKernel {
    let found = entry.variants.get(code);
    if (found === undefined) {
      const { heap, options } = this.#machine;
      found = linkKernel(emitElementwise(entry.plan, classes(), dims, options), heap.memory);
      entry.variants.set(code, found);
    }
    return found;
  }
}

const cacheOf = perMachine((machine) => new ElementwiseCache(machine));
const writerOf = perMachine((machine) => new ArgumentWriter(machine));

export const elementwise: Fill<"elementwise"> = (machine, inputs, outputs, blocks, { exprs, numbers }) => {
  const size = sizeOf(outputs[0].shape);
  if (size === 0) return;
  const cache = cacheOf(machine);
  const writer = writerOf(machine);
  const entry = cache.entry(exprs);
  writer.begin();
  let dims = 1;
  let code = 0;
  let classes: () => readonly StrideClass[];
  if (allContiguous(inputs)) {
    classes = () => inputs.map(() => 1);
    writer.word(size);
    for (let i = 0; i < inputs.length; i++) {
      writer.word(pointerOf(inputs[i]));
      writer.word(BYTES[inputs[i].dtype]);
    }
    for (let i = 0; i < blocks.length; i++) {
      writer.word(blocks[i].pointer);
      writer.word(BYTES[outputs[i].dtype]);
    }
  } else {
    const collapsed = collapse(
      outputs[0].shape,
      inputs.map((x) => x.strides),
    );
    dims = collapsed.sizes.length;
    classes = () => collapsed.strides.map((s) => strideClass(s[dims - 1]));
    for (const s of collapsed.strides) code = code * 3 + strideClass(s[dims - 1]);
    code = code * 64 + dims;
    writeStrided(writer, collapsed, inputs, outputs, blocks);
  }
  if (numbers.length > 0) writer.numbers(numbers, entry.plan.numbers, dims, inputs.length + blocks.length);
  cache.variant(entry, code, classes, dims)(machine.args);
};

function writeStrided(
  writer: ArgumentWriter,
  { sizes, strides }: Collapsed,
  inputs: readonly View[],
  outputs: readonly Spec[],
  blocks: readonly Block[],
): void {
  for (const size of sizes) writer.word(size);
  inputs.forEach((x, i) => {
    writer.word(pointerOf(x));
    for (const stride of strides[i]) writer.word(stride * BYTES[x.dtype]);
  });
  blocks.forEach(({ pointer }, i) => {
    writer.word(pointer);
    let step = BYTES[outputs[i].dtype];
    const dense = sizes.map(() => 0);
    for (let d = sizes.length - 1; d >= 0; d--) {
      dense[d] = step;
      step *= sizes[d];
    }
    for (const stride of dense) writer.word(stride);
  });
}
