import { DeviceError } from "@sconce/core";

/** The class `GPU` of gpu.js, as far as this package uses it. */
export interface GpuJs {
  new (settings: { mode?: "webgl2"; canvas?: Canvas; context?: WebGL2RenderingContext }): GpuInstance;
  readonly isWebGL2Supported: boolean;
}

type Canvas = HTMLCanvasElement | OffscreenCanvas;

interface GpuInstance {
  /** The class of kernels that the mode chose, with the context that gpu.js has checked the features on. */
  readonly Kernel: {
    readonly testCanvas: Canvas;
    readonly testContext: WebGL2RenderingContext;
    readonly features: { readonly isFloatRead: boolean };
  };
  createKernel(source: string, settings: object): { readonly kernel: GpuKernel };
  /** A kernel with further results, one for each of the functions that it calls. */
  createKernelMap(functions: readonly string[], source: string, settings: object): { readonly kernel: GpuKernel };
  /** All kernels made so far, with their texts and syntax trees. */
  readonly kernels: object[];
}

interface GpuKernel {
  readonly program: WebGLProgram | null;
  readonly framebuffer: WebGLFramebuffer;
  readonly vertShader: WebGLShader;
  readonly fragShader: WebGLShader;
  readonly buffer: WebGLBuffer;
  readonly texture: { delete(): void };
  readonly mappedTextures: readonly { delete(): void }[] | null;
  readonly fallbackReason: string | null;
  build(): unknown;
}

/** What the context runs on. */
export interface Renderer {
  readonly name: string;
  /** It computes on the CPU. */
  readonly software: boolean;
}

/** A compiled kernel: a GL program and the place of its parameters. */
export interface Program {
  readonly program: WebGLProgram;
  readonly params: WebGLUniformLocation | null;
  /** Place of the sizes of its inputs. */
  readonly scales: WebGLUniformLocation | null;
  readonly words: number;
  readonly inputs: number;
  /** Textures that it fills at once. */
  readonly outputs: number;
  /** When it was last wanted, in programs that were; null once it is deleted. */
  used: number | null;
}

/** Every setting counts: others silently lose precision, cut loops, reuse textures or change the device. */
const SETTINGS = {
  output: [1, 1],
  precision: "single",
  tactic: "precision",
  pipeline: true,
  immutable: true,
  dynamicOutput: true,
  dynamicArguments: true,
  loopMaxIterations: 2 ** 30,
} as const;

/** A WebGL2 context with gpu.js on it. gpu.js makes programs of kernels; textures and launches are the backend's own. */
export class Context {
  readonly gl: WebGL2RenderingContext;
  readonly canvas: Canvas;
  readonly renderer: Renderer;
  readonly #gpu: GpuInstance;

  constructor(gpu: GpuInstance, canvas: Canvas, gl: WebGL2RenderingContext) {
    this.#gpu = gpu;
    this.canvas = canvas;
    this.gl = gl;
    this.renderer = rendererOf(gl);
  }

  /** Compiles GLSL whose function `sc_main` gives the texel of a fragment; `sc_result1` ... give those of further outputs after it. */
  compile(text: string, words: number, inputs: number, outputs: number): Program {
    const { gl } = this;
    const more = Array.from({ length: outputs - 1 }, (_, i) => i + 1);
    const native = (name: string, source: string): object => ({ name, source, returnType: "Array(4)", argumentTypes: {} });
    const settings = {
      ...SETTINGS,
      nativeFunctions: [native("sc_main", text), ...more.map((i) => native(`sc_result${i}`, `vec4 sc_result${i}();`))],
    };
    const { kernel } =
      outputs === 1
        ? this.#gpu.createKernel("function () { return sc_main(); }", settings)
        : this.#gpu.createKernelMap(
            more.map((i) => `function output${i}() { return sc_result${i}(); }`),
            `function () { const first = sc_main(); ${more.map((i) => `output${i}();`).join(" ")} return first; }`,
            settings,
          );
    gl.bindVertexArray(null);
    kernel.build();
    if (kernel.program === null || kernel.fallbackReason !== null)
      throw new DeviceError(`webgl: a kernel was not compiled for WebGL2 (${kernel.fallbackReason ?? "no program"})`);
    this.#keepProgramOnly(kernel);
    const { program } = kernel;
    gl.useProgram(program);
    gl.uniform2f(gl.getUniformLocation(program, "ratio"), 1, 1);
    for (let i = 0; i < inputs; i++) gl.uniform1i(gl.getUniformLocation(program, `in${i}`), i);
    const [params, scales] = ["p", "s"].map((name) => gl.getUniformLocation(program, name));
    return { program, params, scales, words, inputs, outputs, used: 0 };
  }

  /** Frees what gpu.js would launch the kernel with. */
  #keepProgramOnly({ texture, mappedTextures, framebuffer, vertShader, fragShader, buffer }: GpuKernel): void {
    const { gl } = this;
    for (const output of [texture, ...(mappedTextures ?? [])]) output.delete();
    gl.deleteFramebuffer(framebuffer);
    gl.deleteShader(vertShader);
    gl.deleteShader(fragShader);
    gl.deleteBuffer(buffer);
    gl.disable(gl.SCISSOR_TEST);
    this.#gpu.kernels.length = 0;
  }
}

function rendererOf(gl: WebGL2RenderingContext): Renderer {
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info === null ? gl.RENDERER : info.UNMASKED_RENDERER_WEBGL));
  return { name, software: /swiftshader|llvmpipe|software|basic render/i.test(name) };
}

function unavailable(why: string): DeviceError {
  return new DeviceError(`init: device "webgl" is not available: ${why}`);
}

function newContext(): { readonly testCanvas: Canvas; readonly testContext: WebGL2RenderingContext } {
  const canvas: Canvas = typeof document === "undefined" ? new OffscreenCanvas(1, 1) : document.createElement("canvas");
  const context = canvas.getContext("webgl2") as WebGL2RenderingContext | null;
  if (context === null) throw unavailable("the browser gives no new WebGL2 context after the last one was lost");
  return { testCanvas: canvas, testContext: context };
}

/** gpu.js, which puts its class over the browser's own interface `GPU` when it is loaded: that one is put back. */
async function loadGpuJs(): Promise<GpuJs> {
  const own = Object.getOwnPropertyDescriptor(globalThis, "GPU");
  const { GPU } = await import("./gpu-js.js");
  if (own === undefined) Reflect.deleteProperty(globalThis, "GPU");
  else Object.defineProperty(globalThis, "GPU", own);
  return GPU;
}

let open: Context | null = null;

/**
 * The page's one context: browsers drop the oldest of too many.
 * @throws DeviceError if the platform has no WebGL2 or cannot render to float textures.
 */
export async function openContext(): Promise<Context> {
  if (open !== null && !open.gl.isContextLost()) return open;
  const GPU = await loadGpuJs();
  if (!GPU.isWebGL2Supported) throw unavailable("this platform has no WebGL2");
  const { Kernel } = new GPU({ mode: "webgl2" });
  if (!Kernel.features.isFloatRead) throw unavailable("this GPU cannot render to float textures");
  const { testCanvas, testContext } = Kernel.testContext.isContextLost() ? newContext() : Kernel;
  open = new Context(new GPU({ canvas: testCanvas, context: testContext }), testCanvas, testContext);
  return open;
}
