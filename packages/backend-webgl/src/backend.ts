import {
  type Backend,
  type Device,
  DeviceError,
  type DType,
  type Handle,
  type KernelName,
  type Kernels,
  type Spec,
  type TypedArray,
  unregisterBackend,
  type View,
} from "@sconce/core";
import { checkIndices } from "@sconce/core/shader";
import { type Context, openContext, type Renderer } from "./gpu.js";
import { decomposed, kernels } from "./kernels/index.js";
import type { Kernel } from "./kernels/kernel.js";
import { blockView, Machine } from "./machine.js";
import type { Block, TextureInfo } from "./textures.js";
import { hostValues, readBlock, readBlockSync } from "./transfer.js";

/** Counts of a backend's work, and the textures that it holds. */
export interface WebGlInfo extends TextureInfo {
  /** Draw calls so far, each of which runs one kernel. */
  readonly launches: number;
  /** Kernels compiled so far. */
  readonly programs: number;
}

/** Tells why a device was lost. */
export type LostListener = (error: DeviceError) => void;

const DTYPES: readonly DType[] = ["bool", "uint8", "int32", "float32"];
/** Uploads of int32 up to this many elements are kept, so that the host can check them where they serve as indices. */
const CHECKED_INDICES = 65536;
/** Every so many uploads one element is read back: drivers keep the memory of uploads until somebody waits for them. */
const UPLOADS = 64;

/** A WebGL2 context: tensors in float textures, kernels printed as GLSL. */
export class WebGlBackend implements Backend {
  readonly name: Device = "webgl" as Device;
  readonly limits: Backend["limits"];
  readonly decomposed: ReadonlySet<KernelName> = decomposed;
  readonly #machine: Machine;
  readonly #listeners = new Set<LostListener>();
  #failure: DeviceError | null = null;

  constructor(context: Context) {
    this.#machine = new Machine(context);
    const { gl } = context;
    this.limits = {
      dtypes: new Set(DTYPES),
      maxInputs: Math.min(gl.getParameter(gl.MAX_TEXTURE_IMAGE_UNITS) as number, 16),
      maxExpr: 48,
      maxBytes: this.#machine.textures.maxElements * 4,
    };
    context.canvas.addEventListener("webglcontextlost", () => this.#fail("the WebGL context was lost"), { once: true });
  }

  /** What the context runs on. */
  get renderer(): Renderer {
    return this.#machine.context.renderer;
  }

  #fail(why: string): void {
    if (this.#failure !== null) return;
    this.#failure = new DeviceError(`webgl: ${why}; call init("webgl") for a new one and load the parameters again`);
    unregisterBackend(this);
    for (const listener of this.#listeners) listener(this.#failure);
  }

  #check(): void {
    if (this.#failure === null && this.#machine.gl.isContextLost()) this.#fail("the WebGL context was lost");
    if (this.#failure !== null) throw this.#failure;
  }

  upload(data: TypedArray, dtype: DType): Handle {
    this.#check();
    const block = this.#machine.upload(data, dtype);
    if (this.#machine.uploads % UPLOADS === 0) void readBlock(this.#machine, block, 1).catch(() => undefined);
    if (dtype === "int32" && data.length <= CHECKED_INDICES) block.indices = data.slice();
    return block;
  }

  async download(handle: Handle, dtype: DType, length: number): Promise<TypedArray> {
    this.#check();
    try {
      return hostValues(await readBlock(this.#machine, handle as Block, length), dtype, length);
    } catch (error) {
      this.#check();
      throw error;
    }
  }

  downloadSync(handle: Handle, dtype: DType, length: number): TypedArray {
    this.#check();
    return hostValues(readBlockSync(this.#machine, handle as Block, length), dtype, length);
  }

  run<K extends KernelName>(kernel: K, inputs: readonly View[], outputs: readonly Spec[], attrs: Kernels[K]): readonly Handle[] {
    this.#check();
    const views = inputs.map(blockView);
    checkIndices(kernel, views, attrs);
    const run = kernels[kernel] as Kernel<K>;
    return run(this.#machine, views, outputs, attrs);
  }

  /** Takes a buffer back. */
  free(handle: Handle): void {
    if (this.#failure === null) this.#machine.free(handle as Block);
  }

  /** Figures of the work so far and of the textures. */
  get info(): WebGlInfo {
    const { textures, launches, compiled } = this.#machine;
    return { ...textures.info, launches, programs: compiled };
  }

  /** Calls `listener` once if the context is lost. Returns a function that forgets it. */
  onLost(listener: LostListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Gives the context up: later use of its tensors throws DeviceError. */
  destroy(): void {
    this.#machine.gl.getExtension("WEBGL_lose_context")?.loseContext();
    this.#fail("the device was destroyed");
  }
}

let backend: WebGlBackend | null = null;
let context: Context | null = null;

/**
 * Opens the page's WebGL device. `init("webgl")` does this and registers the backend.
 *
 * @throws DeviceError if the platform has no WebGL2 or cannot render to float textures.
 * @example
 * const backend = await createWebGlBackend().catch(() => null);
 * console.log(backend === null ? "no WebGL2 here" : backend.renderer.name);
 */
export async function createWebGlBackend(): Promise<WebGlBackend> {
  const opened = await openContext();
  if (backend === null || opened !== context) {
    backend = new WebGlBackend(opened);
    context = opened;
  }
  return backend;
}
