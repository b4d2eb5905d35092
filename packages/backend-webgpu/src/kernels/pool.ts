import { type DType, sizeOf } from "@sconce/core";
import { avgPoolGradText, avgPoolText, maxPoolText, writeAvgPool, writeAvgPoolGrad, writeMaxPool } from "@sconce/core/shader";
import { fromStorage, Source, STORAGE_TYPE, toStorage } from "../wgsl/source.js";
import { type Kernel, WORKGROUP } from "./kernel.js";

function printMaxPool(spatial: number, dtype: DType): Source {
  const source = new Source(WORKGROUP);
  const x = source.read(STORAGE_TYPE[dtype]);
  const [values, positions] = [source.write(STORAGE_TYPE[dtype]), source.write("i32")];
  maxPoolText(source, spatial, dtype, (at) => fromStorage(dtype, `${x}[${at}]`));
  source.add(`${values}[index] = ${toStorage(dtype, "best")};`, `${positions}[index] = found;`);
  return source;
}

export const maxPool: Kernel<"maxPool"> = (machine, [x], outputs, attrs) => {
  const spatial = x.shape.length - 2;
  const blocks = outputs.map((spec) => machine.alloc(spec));
  const program = machine.program(`maxPool ${spatial} ${x.dtype}`, () => printMaxPool(spatial, x.dtype));
  writeMaxPool(machine.params(), x, outputs[0].shape, attrs);
  machine.run(program, [x.block, ...blocks], sizeOf(outputs[0].shape));
  return blocks;
};

function printMeans(print: typeof avgPoolText, spatial: number): Source {
  const source = new Source(WORKGROUP);
  const [x, output] = [source.read("f32"), source.write("f32")];
  print(source, spatial, (at) => `${x}[${at}]`);
  source.add(`${output}[index] = total;`);
  return source;
}

/** Average pooling or its gradient. */
function meansBy(name: string, print: typeof avgPoolText, write: typeof writeAvgPool): Kernel<"avgPool" | "avgPoolGrad"> {
  return (machine, [x], [output], attrs) => {
    const spatial = x.shape.length - 2;
    const block = machine.alloc(output);
    const program = machine.program(`${name} ${spatial}`, () => printMeans(print, spatial));
    write(machine.params(), x, output.shape, attrs);
    machine.run(program, [x.block, block], sizeOf(output.shape));
    return [block];
  };
}

export const avgPool: Kernel<"avgPool"> = meansBy("avgPool", avgPoolText, writeAvgPool);
export const avgPoolGrad: Kernel<"avgPoolGrad"> = meansBy("avgPoolGrad", avgPoolGradText, writeAvgPoolGrad);
