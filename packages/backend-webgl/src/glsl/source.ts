import type { DType } from "@sconce/core";
import { helpersOf, Text } from "@sconce/core/shader";
import { fromStorage, STORAGE } from "./storage.js";

const SELECT = "#define select(no, yes, when) ((when) ? (yes) : (no))";

/** An input texture in a kernel's text. */
export interface Reader {
  /** The text of element `i` as a value of the input's dtype. */
  at(i: string): string;
  /** The text of element `i` as the texture holds it. */
  raw(i: string): string;
  /** The text of texel `q`: elements 4q to 4q + 3 as the texture holds them. */
  quad(q: string): string;
}

/**
 * Text of a kernel in the making: parameters, inputs and statements. An element kernel's statements compute the element `index` and
 * return it as a float; a texel kernel's compute the four elements from 4 `quad` on and return them as a `vec4`.
 */
export class Source extends Text {
  inputs = 0;
  /** Textures that the kernel fills at once; all but the first are the variables `sc_out1` ... of a texel kernel. */
  readonly outputs: number;
  readonly #by: "element" | "texel";

  constructor(by: "element" | "texel" = "element", outputs = 1) {
    super();
    this.#by = by;
    this.outputs = outputs;
    for (let i = 1; i < outputs; i++) this.globals.push(`vec4 sc_out${i};`, `vec4 sc_result${i}() { return sc_out${i}; }`);
  }

  /** The next input. */
  read(dtype: DType): Reader {
    const scale = `s[${this.inputs}]`;
    const name = `in${this.inputs++}`;
    this.globals.push(
      `uniform highp sampler2D ${name};`,
      // Floats hold texel numbers below 2^23 and their halves exactly, and software samples by them twice as fast as by integers.
      `vec4 ${name}_quad(int q) {`,
      `  float u = (float(q) + 0.5) * ${scale}.x;`,
      "  float row = floor(u);",
      `  return textureLod(${name}, vec2(u - row, (row + 0.5) * ${scale}.y), 0.0);`,
      "}",
      `float ${name}_at(int i) {`,
      `  vec4 texel = ${name}_quad(i >> 2);`,
      "  vec2 pair = (i & 2) == 0 ? texel.xy : texel.zw;",
      "  return (i & 1) == 0 ? pair.x : pair.y;",
      "}",
    );
    const raw = (i: string): string => `${name}_at(${i})`;
    return { at: (i) => fromStorage(dtype, raw(i)), raw, quad: (q) => `${name}_quad(${q})` };
  }

  /** The whole text, whose function `sc_main` gives the texel of a fragment. */
  text(): string {
    const element = this.#by === "element";
    const body = this.body.map((line) => `  ${line}`);
    const own = [element ? "float sc_element(int index) {" : "vec4 sc_texel(int quad) {", ...body, "}"];
    const lanes = [
      "  ivec4 i = min(4 * quad + ivec4(0, 1, 2, 3), ivec4(p[0].x - 1));",
      "  return vec4(sc_element(i.x), sc_element(i.y), sc_element(i.z), sc_element(i.w));",
    ];
    const main = [
      "vec4 sc_main() {",
      "  int quad = int(gl_FragCoord.y) * p[0].y + int(gl_FragCoord.x);",
      ...(element ? lanes : ["  return sc_texel(quad);"]),
      "}",
    ];
    const text = [...this.globals, ...own, ...main].join("\n");
    const uniforms = [`uniform highp ivec4 p[${Math.ceil(this.words / 4)}];`, `uniform highp vec2 s[${Math.max(this.inputs, 1)}];`];
    return [SELECT, ...uniforms, ...helpersOf(text, STORAGE), text, ""].join("\n");
  }
}
