/** What a dispatch costs the host on WebGPU: Dawn's null device takes commands and computes nothing. */
import { type GpuDevice, WebGpuBackend } from "@sconce/backend-webgpu";
import { optim, randn, realiseAll, registerBackend, scope, type Tensor, tensor, type View } from "sconce";
import { compile } from "sconce/compile";
import type { Case, HostWork } from "../work.js";
import type { Runner, Task } from "./runner.js";
import { makeNetwork } from "./sconce-networks.js";

interface NullGpu {
  requestAdapter(): Promise<{ readonly info: object; requestDevice(): Promise<GpuDevice> }>;
}

const CALLS = 500;

/** Kernels that are run through the backend alone, and operations through tensors. */
type Call = (backend: WebGpuBackend, x: Tensor, y: Tensor) => () => void;

function kernel(name: "matmul" | "softmax"): Call {
  return (backend, x) => {
    const { shape, strides, dtype } = x;
    realiseAll([x]);
    const view: View = { handle: x.storage.value.handle as object, dtype, shape, strides, offset: 0 };
    const spec = { shape, dtype };
    const run =
      name === "matmul"
        ? () => backend.run("matmul", [view, view], [spec], { bias: false })
        : () => backend.run("softmax", [view], [spec], { dim: 1, log: false });
    return () => {
      for (const handle of run()) backend.free(handle);
      // It owns the buffer in `view`, which would be freed with it.
      return x;
    };
  };
}

const CALL: { readonly [W in Exclude<HostWork["what"], "mlp" | "cnn">]: Call } = {
  matmul: kernel("matmul"),
  softmax: kernel("softmax"),
  mm: (_, x, y) => () => scope(() => void x.mm(y)),
  add: (_, x, y) => () => scope(() => realiseAll([x.add(y)])),
};

/** Steps before the first that is timed: it takes so many until the engine has compiled all that a step runs through. */
const WARM_STEPS = 3000;

/** A training step in a scope, modules, autograd, optimizer and all, or its replay. */
function trainingStep(work: Case & { readonly work: HostWork }): () => void {
  const arrays = work.arrays();
  const { module, forward, loss } = makeNetwork(work.work.what as "mlp" | "cnn", arrays);
  module.to("webgpu");
  const optimizer = new optim.Adam(module.parameters(), { lr: 1e-3 });
  const [x, y] = [arrays.x, arrays.y].map(({ data, shape }) =>
    tensor(data)
      .view([...shape])
      .to("webgpu"),
  );
  const step = (x: Tensor, y: Tensor): void => {
    optimizer.zeroGrad();
    loss(forward(x), y).backward();
    optimizer.step();
  };
  const run = work.work.compiled ? compile(step) : step;
  return () => {
    scope(() => run(x, y));
  };
}

function prepare(backend: WebGpuBackend, work: Case & { readonly work: HostWork }): Task {
  const { what } = work.work;
  const once =
    what === "mlp" || what === "cnn" ? trainingStep(work) : CALL[what](backend, randn([64, 64]).to("webgpu"), randn([64, 64]).to("webgpu"));
  const calls = what === "mlp" || what === "cnn" ? 1 : CALLS;
  const step = (): void => {
    for (let i = 0; i < calls; i++) once();
  };
  return {
    step,
    count: () => backend.info.dispatches,
    check: async () => {
      const steps = calls === 1 ? WARM_STEPS : 1;
      for (let i = 0; i < steps; i++) step();
      await backend.synchronize();
      return [];
    },
  };
}

/** Starts the null device. */
export async function start(): Promise<Runner> {
  const name = "webgpu";
  const { create } = (await import(name)) as { create(options: readonly string[]): NullGpu };
  // Dawn frees the instance with this object.
  const gpu = create(["backend=null"]);
  const adapter = await gpu.requestAdapter();
  const backend = new WebGpuBackend(await adapter.requestDevice(), adapter.info);
  registerBackend(backend);
  return { versions: {}, prepare: async (work) => gpu && prepare(backend, work as Case & { readonly work: HostWork }) };
}
