import { sizeOf } from "@sconce/core";
import { Source } from "../wgsl/source.js";
import { type Kernel, WORKGROUP } from "./kernel.js";

/** Four elements for each invocation: one block of Philox 4x32-10 (Salmon et al., SC 2011), as core's `uniform32` defines the stream. */
function printRandom(): Source {
  const source = new Source(WORKGROUP);
  const output = source.write("f32");
  const [count, offsetLow, offsetHigh, seedLow, seedHigh] = source.ints(5);
  source.add(
    `var c = vec4<u32>(u32(index), 0u, u32(${offsetLow}), u32(${offsetHigh}));`,
    `var key = vec2<u32>(u32(${seedLow}), u32(${seedHigh}));`,
  );
  source.add(
    "for (var round = 0; round < 10; round++) {",
    "  let a = sc_multiply(0xd2511f53u, c.x);",
    "  let b = sc_multiply(0xcd9e8d57u, c.z);",
    "  c = vec4<u32>(b.y ^ c.y ^ key.x, b.x, a.y ^ c.w ^ key.y, a.x);",
    "  key = key + vec2<u32>(0x9e3779b9u, 0xbb67ae85u);",
    "}",
    "for (var j = 0; j < 4; j++) {",
    `  if (index * 4 + j < ${count}) { ${output}[index * 4 + j] = f32(c[j] >> 8u) * 5.9604644775390625e-8; }`,
    "}",
  );
  return source;
}

const high = (value: number): number => Math.floor(value / 2 ** 32);

export const random: Kernel<"random"> = (machine, _, [output], { seed, offset }) => {
  const block = machine.alloc(output);
  const size = sizeOf(output.shape);
  const program = machine.program("random", printRandom);
  machine.params().int(size).int(offset).int(high(offset)).int(seed).int(high(seed));
  machine.run(program, [block], Math.ceil(size / 4));
  return [block];
};
