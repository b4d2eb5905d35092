import { type DType, type Layout, type Spec, sizeOf, type TypedArray, type View } from "@sconce/core";
import type { Source } from "./glsl/source.js";
import type { Context, Program } from "./gpu.js";
import { Params } from "./params.js";
import { type Block, extent, Textures } from "./textures.js";
import { floats } from "./transfer.js";

/** A view of a block. */
export interface BlockView extends Layout {
  readonly block: Block;
  readonly dtype: DType;
}

/** A view whose handle is one of this backend's. */
export function blockView(view: View): BlockView {
  if (!(view.handle as Block).live) throw new Error("internal: a kernel reads a freed texture");
  return { block: view.handle as Block, dtype: view.dtype, shape: view.shape, strides: view.strides, offset: view.offset };
}

const NO_BLOCK = {} as Block;

/** Programs that are kept, several times what a network needs: each takes a megabyte or two in the browser's process for the GPU. */
const MOST_PROGRAMS = 1024;

/** What kernels run on: textures, programs and the state of the context. */
export class Machine {
  readonly context: Context;
  readonly gl: WebGL2RenderingContext;
  readonly textures: Textures;
  launches = 0;
  compiled = 0;
  uploads = 0;
  readonly #programs = new Map<string, Program>();
  /** Programs that are not deleted, whoever knows them. */
  readonly #live = new Set<Program>();
  #wanted = 0;
  readonly #params = new Params();
  readonly #corners: WebGLVertexArrayObject;
  readonly #scales: Float32Array<ArrayBuffer> = new Float32Array(64);
  readonly #many = new Map<number, WebGLFramebuffer>();
  #program: Program | null = null;
  #bound: (Block | null)[] = [];
  #target: Block = NO_BLOCK;
  #width = 0;
  #height = 0;

  constructor(context: Context) {
    this.context = context;
    this.gl = context.gl;
    this.textures = new Textures(this.gl, () => this.invalidate());
    this.gl.getExtension("EXT_color_buffer_float");
    this.#corners = this.#makeCorners();
  }

  /** A rectangle over the whole target, for whichever attributes a program reads. */
  #makeCorners(): WebGLVertexArrayObject {
    const { gl } = this;
    const corners = gl.createVertexArray();
    gl.bindVertexArray(corners);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
    for (const location of [0, 1]) {
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, 2, gl.FLOAT, false, 0, 0);
    }
    return corners;
  }

  /** An uninitialised block for the elements of a spec. */
  alloc({ shape }: Pick<Spec, "shape">): Block {
    return this.textures.take(sizeOf(shape), shape);
  }

  free(block: Block): void {
    this.textures.give(block);
  }

  /** A block with the elements of a host array. */
  upload(data: TypedArray, dtype: DType): Block {
    const block = this.alloc({ shape: [data.length] });
    if (data.length === 0) return block;
    const [width, height] = extent(block, data.length);
    const values = this.#floats(block, data, dtype, width * height * 4);
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, block.texture);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, gl.RGBA, gl.FLOAT, values);
    this.#bound[0] = null;
    this.uploads++;
    return block;
  }

  #floats(block: Block, data: TypedArray, dtype: DType, length: number): Float32Array {
    try {
      return floats(data, dtype, length);
    } catch (error) {
      this.free(block);
      throw error;
    }
  }

  /** The program of a key, printed on first use. */
  program(key: string, print: () => Source): Program {
    return this.programIn(this.#programs, key, print);
  }

  /** The program of a key in a cache, made where there is none or it was deleted meanwhile. */
  programIn(cache: Map<string, Program>, key: string, print: () => Source): Program {
    let found = cache.get(key);
    if (found === undefined || found.used === null) cache.set(key, (found = this.#compile(print())));
    found.used = ++this.#wanted;
    return found;
  }

  #compile(source: Source): Program {
    const program = this.context.compile(source.text(), source.words, source.inputs, source.outputs);
    this.compiled++;
    this.invalidate();
    if (this.#live.size === MOST_PROGRAMS) this.#evict();
    this.#live.add(program);
    return program;
  }

  /** Deletes the quarter of the programs that was not wanted for longest: a drawing program is among the last. */
  #evict(): void {
    const oldest = [...this.#live].sort((a, b) => Number(a.used) - Number(b.used)).slice(0, MOST_PROGRAMS / 4);
    for (const program of oldest) {
      this.gl.deleteProgram(program.program);
      program.used = null;
      this.#live.delete(program);
    }
  }

  /** Starts the parameters of the next launch. */
  params(): Params {
    return this.#params.begin();
  }

  /** Fills the first `size` elements of `output` by a program with the parameters begun last. */
  run(program: Program, inputs: readonly Block[], output: Block, size: number): void {
    if (size === 0) return;
    this.#prepare(program, inputs, output, size);
    if (this.#target !== output) this.gl.bindFramebuffer(this.gl.FRAMEBUFFER, output.framebuffer);
    this.#target = output;
    this.#draw(output, size);
  }

  /** Fills the first `size` elements of several outputs of one size at once. */
  runAll(program: Program, inputs: readonly Block[], outputs: readonly Block[], size: number): void {
    if (size === 0) return;
    const { gl } = this;
    this.#prepare(program, inputs, outputs[0], size);
    const framebuffer = this.#manyTargets(outputs.length);
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    this.#target = NO_BLOCK;
    outputs.forEach(({ texture }, i) => gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + i, gl.TEXTURE_2D, texture, 0));
    this.#draw(outputs[0], size);
    // A texture that stayed attached could neither be read by another kernel nor go.
    outputs.forEach((_, i) => gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + i, gl.TEXTURE_2D, null, 0));
  }

  #manyTargets(count: number): WebGLFramebuffer {
    let found = this.#many.get(count);
    if (found === undefined) {
      const { gl } = this;
      this.#many.set(count, (found = gl.createFramebuffer()));
      gl.bindFramebuffer(gl.FRAMEBUFFER, found);
      gl.drawBuffers(Array.from({ length: count }, (_, i) => gl.COLOR_ATTACHMENT0 + i));
    }
    return found;
  }

  #prepare(program: Program, inputs: readonly Block[], output: Block, size: number): void {
    const { gl } = this;
    const { words } = this.#params;
    words[0] = size;
    words[1] = output.width;
    if (this.#program !== program) gl.useProgram(program.program);
    this.#program = program;
    if (program.params !== null) gl.uniform4iv(program.params, words, 0, Math.ceil(program.words / 4) * 4);
    for (let i = 0; i < inputs.length; i++) this.#bind(i, inputs[i]);
    if (program.scales !== null) gl.uniform2fv(program.scales, this.#scales, 0, inputs.length * 2);
  }

  #draw(output: Block, size: number): void {
    const { gl } = this;
    const [width, height] = extent(output, size);
    if (width !== this.#width || height !== this.#height) gl.viewport(0, 0, width, height);
    this.#width = width;
    this.#height = height;
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    this.launches++;
  }

  #bind(unit: number, block: Block): void {
    this.#scales[2 * unit] = 1 / block.width;
    this.#scales[2 * unit + 1] = 1 / block.height;
    if (this.#bound[unit] === block) return;
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, block.texture);
    this.#bound[unit] = block;
  }

  /** Forgets what the context is known to hold, after others have used it. */
  invalidate(): void {
    this.gl.bindVertexArray(this.#corners);
    this.#program = null;
    this.#bound = [];
    this.#target = NO_BLOCK;
    this.#width = 0;
  }
}
