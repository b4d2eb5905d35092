import type { DType } from "@sconce/core";
import { HEADER_WORDS } from "../params.js";
import { TEXTURE_SHIFT } from "../textures.js";
import { helpersOf } from "./helpers.js";
import { fromStorage } from "./types.js";

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
export class Source {
  words: number = HEADER_WORDS;
  inputs = 0;
  readonly #by: "element" | "texel";
  readonly #functions: string[] = [];
  readonly #body: string[] = [];

  constructor(by: "element" | "texel" = "element") {
    this.#by = by;
  }

  /** The next parameter word as an integer. */
  int(): string {
    const word = this.words++;
    return `p[${word >> 2}].${"xyzw"[word & 3]}`;
  }

  /** The next `count` parameter words. */
  ints(count: number): string[] {
    return Array.from({ length: count }, () => this.int());
  }

  /** The next parameter word as a float. */
  float(): string {
    return `intBitsToFloat(${this.int()})`;
  }

  /** The next input. */
  read(dtype: DType): Reader {
    const name = `in${this.inputs++}`;
    this.#functions.push(
      `uniform highp sampler2D ${name};`,
      `vec4 ${name}_quad(int q) { return texelFetch(${name}, ivec2(q & ${2 ** TEXTURE_SHIFT - 1}, q >> ${TEXTURE_SHIFT}), 0); }`,
      `float ${name}_at(int i) { return ${name}_quad(i >> 2)[i & 3]; }`,
    );
    const raw = (i: string): string => `${name}_at(${i})`;
    return { at: (i) => fromStorage(dtype, raw(i)), raw, quad: (q) => `${name}_quad(${q})` };
  }

  /** A function beside the kernel's own. */
  global(text: string): void {
    this.#functions.push(text);
  }

  /** Statements. */
  add(...lines: readonly string[]): void {
    this.#body.push(...lines);
  }

  /** Takes the statements so far away, to be added again behind others. */
  take(): string[] {
    return this.#body.splice(0);
  }

  /** The whole text, whose function `sc_main` gives the texel of a fragment. */
  text(): string {
    const element = this.#by === "element";
    const body = this.#body.map((line) => `  ${line}`);
    const own = [element ? "float sc_element(int index) {" : "vec4 sc_texel(int quad) {", ...body, "}"];
    const lanes = [
      "  vec4 texel = vec4(0.0);",
      "  for (int lane = 0; lane < 4; lane++) { texel[lane] = sc_element(min(4 * quad + lane, p[0].x - 1)); }",
      "  return texel;",
    ];
    const main = [
      "vec4 sc_main() {",
      `  int quad = (int(gl_FragCoord.y) << ${TEXTURE_SHIFT}) + int(gl_FragCoord.x);`,
      ...(element ? lanes : ["  return sc_texel(quad);"]),
      "}",
    ];
    const text = [...this.#functions, ...own, ...main].join("\n");
    return [`uniform highp ivec4 p[${Math.ceil(this.words / 4)}];`, ...helpersOf(text), text, ""].join("\n");
  }
}
