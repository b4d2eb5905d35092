import { type DType, type ScatterMode, sizeOf } from "@sconce/core";
import { combineText, coordinates, dot, pickedFrom, pickText, typeOf, without } from "@sconce/core/shader";
import { Source } from "../glsl/source.js";
import { toStorage } from "../glsl/storage.js";
import type { BlockView, Machine } from "../machine.js";
import type { Block } from "../textures.js";
import { isDense } from "./copy.js";
import type { Kernel } from "./kernel.js";
import { scatterWindows } from "./windows.js";

// ---- reading

function printPick(rank: number): Source {
  const source = new Source();
  const [x, index] = [source.read("float32"), source.read("int32")];
  const address = pickText(source, rank, index.at);
  source.add(`return ${x.raw(address)};`);
  return source;
}

/** Reads x at the positions of an index; `steps` are the strides of the index over the output's shape. */
function pick(machine: Machine, x: BlockView, index: BlockView, steps: readonly number[], output: readonly number[], dim: number): Block {
  const { rank, write } = pickedFrom(x, index, steps, output, dim);
  const block = machine.alloc({ shape: output });
  const program = machine.program(`gather ${rank}`, () => printPick(rank));
  write(machine.params());
  machine.run(program, [x.block, index.block], block, sizeOf(output));
  return block;
}

export const gather: Kernel<"gather"> = (machine, [x, index], [output], { dim }) => [
  pick(machine, x, index, index.strides, output.shape, dim),
];

export const indexSelect: Kernel<"indexSelect"> = (machine, [x, index], [output], { dim }) => {
  const steps = output.shape.map((_, d) => (d === dim ? index.strides[0] : 0));
  return [pick(machine, x, index, steps, output.shape, dim)];
};

// ---- writing: fragments cannot scatter, so each element looks through the index for what comes to it

/** Elements of a source that go to the positions of an index along `dim`; `shape` is that of the source. */
interface Placement {
  readonly self: BlockView;
  readonly index: BlockView;
  /** Strides of the index over `shape`. */
  readonly steps: readonly number[];
  readonly source: BlockView;
  readonly shape: readonly number[];
  readonly dim: number;
  readonly mode: ScatterMode;
}

/** Coordinates of the output; those of the index and the source are the same but for `dim`, and may be fewer in each dimension. */
function printPlace(rank: number, dim: number, mode: ScatterMode, dtype: DType): Source {
  const source = new Source();
  const [self, index, from] = [source.read(dtype), source.read("int32"), source.read(dtype)];
  source.add(...coordinates(source, rank, "index"));
  const sizes = source.ints(rank);
  source.add(`${typeOf(dtype)} total = ${self.at(`${source.int()} + ${dot(source, rank)}`)};`);
  const inside = sizes.flatMap((size, d) => (d === dim ? [] : [`c${d} < ${size}`]));
  source.add(`if (${["true", ...inside].join(" && ")}) {`);
  source.add(`int ibase = ${source.int()} + ${dot(source, rank)};`, `int sbase = ${source.int()} + ${dot(source, rank)};`);
  const [istep, sstep] = source.ints(2);
  const place = rank === 0 ? "0" : `c${dim}`;
  const length = rank === 0 ? "1" : sizes[dim];
  source.add(`for (int k = 0; k < ${length}; k++) {`, `  if (${index.at(`ibase + k * ${istep}`)} == ${place}) {`);
  source.add(`    total = ${combineText(mode, dtype, "total", from.at(`sbase + k * ${sstep}`))};`, "  }", "}", "}");
  source.add(`return ${toStorage(dtype, "total")};`);
  return source;
}

function place(machine: Machine, p: Placement): Block {
  const { self, index, source, shape, dim, mode, steps } = p;
  const { windows } = index.block;
  if (windows !== null && mode === "add" && isDense(index)) {
    const block = scatterWindows(machine, self, index, source, windows);
    if (block !== null) return block;
  }
  const rank = self.shape.length;
  const block = machine.alloc(self);
  const key = `scatter ${mode} ${self.dtype} ${rank} ${dim}`;
  const program = machine.program(key, () => printPlace(rank, dim, mode, self.dtype));
  const params = machine.params().ints(self.shape.slice(1)).ints(shape).int(self.offset).ints(self.strides);
  params.int(index.offset).ints(without(steps, dim)).int(source.offset).ints(without(source.strides, dim));
  params.int(steps[dim] ?? 0).int(source.strides[dim] ?? 0);
  machine.run(program, [self.block, index.block, source.block], block, sizeOf(self.shape));
  return block;
}

export const scatter: Kernel<"scatter"> = (machine, [self, index, source], _, { dim, mode }) => [
  place(machine, { self, index, steps: index.strides, source, shape: index.shape, dim, mode }),
];

export const indexUpdate: Kernel<"indexUpdate"> = (machine, [self, index, source], _, { dim, mode }) => {
  const steps = source.shape.map((_, d) => (d === dim ? index.strides[0] : 0));
  return [place(machine, { self, index, steps, source, shape: source.shape, dim, mode })];
};
