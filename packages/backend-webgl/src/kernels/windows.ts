/**
 * Windows that slide over any number of spatial dimensions: their text and parameters, and the scatter of what they chose.
 *
 * @module
 */
import { sizeOf } from "@sconce/core";
import { coordinates, dot, range, windowParams, windowText } from "@sconce/core/shader";
import { Source } from "../glsl/source.js";
import type { BlockView, Machine } from "../machine.js";
import type { Block, Windows } from "../textures.js";

/** Each element looks at the windows that hold it, in ascending order, for those that chose it. */
function printScatter(lead: number, spatial: number): Source {
  const source = new Source();
  const [self, index, from] = [source.read("float32"), source.read("int32"), source.read("float32")];
  const [inPlane, outPlane] = source.ints(2);
  source.add(`int plane = index / ${inPlane};`, `int place = index - plane * ${inPlane};`);
  source.add(...coordinates(source, lead, "plane"), ...coordinates(source, spatial, "place", "p"));
  source.add(`float total = ${self.raw(`${source.int()} + ${dot(source, lead)} + place * ${source.int()}`)};`);
  source.add(`int start = ${source.int()} + ${dot(source, lead)};`);
  const step = source.int();
  const window = windowText(source, spatial);
  const sizes = source.ints(spatial);
  for (const d of range(spatial)) {
    source.add(`for (int k${d} = ${window.kernel[d]} - 1; k${d} >= 0; k${d}--) {`);
    source.add(`int t${d} = p${d} + ${window.padding[d]} - k${d} * ${window.dilation[d]};`, `int o${d} = t${d} / ${window.stride[d]};`);
    source.add(`if (t${d} < 0 || o${d} * ${window.stride[d]} != t${d} || o${d} >= ${sizes[d]}) { continue; }`);
  }
  const at = range(spatial).reduce((text, d) => (d === 0 ? "o0" : `(${text}) * ${sizes[d]} + o${d}`), "0");
  source.add(`int o = ${at};`);
  source.add(`if (${index.at(`plane * ${outPlane} + o`)} == place) { total = total + ${from.raw(`start + o * ${step}`)}; }`);
  source.add("}".repeat(spatial), "return total;");
  return source;
}

/**
 * Adds a source `[..., windows]` at the positions `[..., windows]` that a pooling chose within planes `[..., elements]`; null where the
 * layouts are not those of that pooling.
 */
export function scatterWindows(machine: Machine, self: BlockView, index: BlockView, source: BlockView, windows: Windows): Block | null {
  const { kernel, inputSize, outputSize } = windows;
  const [inPlane, outPlane, last] = [sizeOf(inputSize), sizeOf(outputSize), self.shape.length - 1];
  const same = index.shape.every((n, d) => n === (d === last ? outPlane : self.shape[d]));
  if (!same || self.shape[last] !== inPlane || self.dtype !== "float32") return null;
  const block = machine.alloc(self);
  const program = machine.program(`scatter windows ${last} ${kernel.length}`, () => printScatter(last, kernel.length));
  const params = machine.params().int(inPlane).int(outPlane).ints(self.shape.slice(1, last)).ints(inputSize.slice(1));
  params.int(self.offset).ints(self.strides.slice(0, last)).int(self.strides[last]);
  params.int(source.offset).ints(source.strides.slice(0, last)).int(source.strides[last]);
  params.ints(windowParams(kernel, windows)).ints(outputSize);
  machine.run(program, [self.block, index.block, source.block], block, sizeOf(self.shape));
  return block;
}
