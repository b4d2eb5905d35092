import { type DType, sizeOf } from "@sconce/core";
import { avgPoolGradText, avgPoolText, maxPoolText, writeAvgPool, writeAvgPoolGrad, writeMaxPool } from "@sconce/core/shader";
import { Source } from "../glsl/source.js";
import { toStorage } from "../glsl/storage.js";
import type { Kernel } from "./kernel.js";

/** The greatest element of each window, or its position. */
function printMaxPool(spatial: number, dtype: DType, positions: boolean): Source {
  const source = new Source();
  maxPoolText(source, spatial, dtype, source.read(dtype).at);
  source.add(`return ${positions ? toStorage("int32", "found") : toStorage(dtype, "best")};`);
  return source;
}

export const maxPool: Kernel<"maxPool"> = (machine, [x], outputs, attrs) => {
  const spatial = x.shape.length - 2;
  const [inputSize, outputSize] = [x.shape.slice(2), outputs[0].shape.slice(2)];
  const blocks = outputs.map((spec, i) => {
    const block = machine.alloc(spec);
    const program = machine.program(`maxPool ${i} ${spatial} ${x.dtype}`, () => printMaxPool(spatial, x.dtype, i === 1));
    writeMaxPool(machine.params(), x, spec.shape, attrs);
    machine.run(program, [x.block], block, sizeOf(spec.shape));
    return block;
  });
  blocks[1].windows = { ...attrs, inputSize, outputSize };
  return blocks;
};

function printMeans(print: typeof avgPoolText, spatial: number): Source {
  const source = new Source();
  print(source, spatial, source.read("float32").raw);
  source.add("return total;");
  return source;
}

/** Average pooling or its gradient. */
function meansBy(name: string, print: typeof avgPoolText, write: typeof writeAvgPool): Kernel<"avgPool" | "avgPoolGrad"> {
  return (machine, [x], [output], attrs) => {
    const spatial = x.shape.length - 2;
    const block = machine.alloc(output);
    const program = machine.program(`${name} ${spatial}`, () => printMeans(print, spatial));
    write(machine.params(), x, output.shape, attrs);
    machine.run(program, [x.block], block, sizeOf(output.shape));
    return [block];
  };
}

export const avgPool: Kernel<"avgPool"> = meansBy("avgPool", avgPoolText, writeAvgPool);
export const avgPoolGrad: Kernel<"avgPoolGrad"> = meansBy("avgPoolGrad", avgPoolGradText, writeAvgPoolGrad);
