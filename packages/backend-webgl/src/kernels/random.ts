import { sizeOf } from "@sconce/core";
import { Source } from "../glsl/source.js";
import type { Kernel } from "./kernel.js";

/** Each texel is one block of Philox 4x32-10 (Salmon et al., SC 2011), as core's `uniform32` defines the stream. */
function printRandom(): Source {
  const source = new Source("texel");
  const [offsetLow, offsetHigh, seedLow, seedHigh] = source.ints(4);
  source.add(
    `uvec4 c = uvec4(uint(quad), 0u, uint(${offsetLow}), uint(${offsetHigh}));`,
    `uvec2 key = uvec2(uint(${seedLow}), uint(${seedHigh}));`,
    "for (int round = 0; round < 10; round++) {",
    "  uvec2 a = sc_multiply(0xd2511f53u, c.x);",
    "  uvec2 b = sc_multiply(0xcd9e8d57u, c.z);",
    "  c = uvec4(b.y ^ c.y ^ key.x, b.x, a.y ^ c.w ^ key.y, a.x);",
    "  key = key + uvec2(0x9e3779b9u, 0xbb67ae85u);",
    "}",
    "return vec4(c >> 8u) * 5.9604644775390625e-8;",
  );
  return source;
}

const high = (value: number): number => Math.floor(value / 2 ** 32);

export const random: Kernel<"random"> = (machine, _, [output], { seed, offset }) => {
  const block = machine.alloc(output);
  machine.params().int(offset).int(high(offset)).int(seed).int(high(seed));
  machine.run(machine.program("random", printRandom), [], block, sizeOf(output.shape));
  return [block];
};
