import { DeviceError, formatShape, type TypedArray } from "@sconce/core";

/** The widest texture: WebGL2 promises no more. A texel holds four elements. */
const MOST_COLUMNS = 2048;
/** Rows up to which floats hold every texel's number and its half exactly. */
const MOST_ROWS = 4096;

/** Idle bytes beyond which textures are deleted. */
const IDLE_LIMIT = 256 * 2 ** 20;

/** Windows that positions of a pooling come from: what is scattered by them needs to look in few places. */
export interface Windows {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly inputSize: readonly number[];
  readonly outputSize: readonly number[];
}

/** A float texture with its framebuffer: the handle of this backend. Elements lie four to a texel, row by row over its whole width. */
export interface Block {
  readonly texture: WebGLTexture;
  readonly framebuffer: WebGLFramebuffer;
  readonly width: number;
  readonly height: number;
  live: boolean;
  /** What was uploaded, where it may hold indices: the host checks them before a kernel uses them. */
  indices: TypedArray | null;
  /** Where its elements are positions within the windows of a pooling. */
  windows: Windows | null;
}

/** Figures of the textures that a backend holds. */
export interface TextureInfo {
  /** Textures that exist, in use or idle. */
  readonly textures: number;
  readonly bytes: number;
  readonly idleBytes: number;
  /** Textures created so far. */
  readonly created: number;
}

/** Rows rounded up to one of four sizes to each doubling. */
function sizeClass(n: number): number {
  if (n <= 4) return Math.max(n, 1);
  const step = 2 ** (Math.floor(Math.log2(n - 1)) - 2);
  return Math.ceil(n / step) * step;
}

/** Texels in a row of a texture for `texels`: a power of two, so that dividing by it is exact, and nearly square, so that all cores draw. */
function columnsFor(texels: number): number {
  return Math.min(2 ** Math.ceil(Math.log2(Math.sqrt(texels))), MOST_COLUMNS);
}

/** Width and height of the region of a texture that `size` elements take. */
export function extent({ width }: Pick<Block, "width">, size: number): readonly [width: number, height: number] {
  const texels = Math.ceil(size / 4);
  return texels <= width ? [Math.max(texels, 1), 1] : [width, Math.ceil(texels / width)];
}

/** Float textures by size; the last one freed is the first one given out. */
export class Textures {
  readonly #gl: WebGL2RenderingContext;
  readonly #maxRows: number;
  readonly #onTouch: () => void;
  readonly #idle = new Map<number, Block[]>();
  #textures = 0;
  #created = 0;
  #bytes = 0;
  #idleBytes = 0;

  /** `onTouch` is called when the making of a texture has changed what the context has bound. */
  constructor(gl: WebGL2RenderingContext, onTouch: () => void) {
    this.#gl = gl;
    this.#onTouch = onTouch;
    this.#maxRows = Math.min(gl.getParameter(gl.MAX_TEXTURE_SIZE) as number, MOST_ROWS);
  }

  /** Elements of the largest texture. */
  get maxElements(): number {
    return 4 * MOST_COLUMNS * this.#maxRows;
  }

  get info(): TextureInfo {
    return { textures: this.#textures, bytes: this.#bytes, idleBytes: this.#idleBytes, created: this.#created };
  }

  /** A texture for `size` elements; `shape` names the tensor in errors. */
  take(size: number, shape: readonly number[]): Block {
    if (size > this.maxElements) {
      throw new DeviceError(
        `webgl: expected at most ${this.maxElements} elements in one texture, got ${formatShape(shape)}; use smaller tensors`,
      );
    }
    const texels = Math.max(Math.ceil(size / 4), 1);
    const width = columnsFor(texels);
    const height = Math.min(sizeClass(Math.ceil(texels / width)), this.#maxRows);
    const block = this.#idle.get(width * 65536 + height)?.pop();
    if (block === undefined) return this.#create(width, height);
    this.#idleBytes -= bytesOf(block);
    block.live = true;
    return block;
  }

  #create(width: number, height: number): Block {
    const gl = this.#gl;
    const texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, name, gl.CLAMP_TO_EDGE);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA32F, width, height);
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
    const block: Block = { texture, framebuffer, width, height, live: true, indices: null, windows: null };
    this.#textures++;
    this.#created++;
    this.#bytes += bytesOf(block);
    this.#onTouch();
    return block;
  }

  give(block: Block): void {
    if (!block.live) throw new Error("internal: a texture is freed twice");
    block.live = false;
    block.indices = null;
    block.windows = null;
    const key = block.width * 65536 + block.height;
    let list = this.#idle.get(key);
    if (list === undefined) this.#idle.set(key, (list = []));
    list.push(block);
    this.#idleBytes += bytesOf(block);
    if (this.#idleBytes > IDLE_LIMIT) this.trim();
  }

  /** Deletes all idle textures. */
  trim(): void {
    for (const block of [...this.#idle.values()].flat()) {
      this.#gl.deleteFramebuffer(block.framebuffer);
      this.#gl.deleteTexture(block.texture);
      this.#textures--;
      this.#bytes -= bytesOf(block);
    }
    this.#idle.clear();
    this.#idleBytes = 0;
  }
}

function bytesOf({ width, height }: Block): number {
  return width * height * 16;
}
