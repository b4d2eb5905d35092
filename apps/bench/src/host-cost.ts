/**
 * What a dispatch costs the host on WebGPU once all caches are warm: `node dist/host-cost.js`. Runs on Dawn's null device, which takes
 * commands and computes nothing, so that only the host is measured.
 */
import { type GpuDevice, WebGpuBackend } from "@sconce/backend-webgpu";
import { realiseAll, registerBackend, type View } from "@sconce/core";
import { nn, optim, randn, scope, type Tensor, tensor } from "sconce";
import { makeRandomStart, type Network } from "./networks.js";

interface NullGpu {
  requestAdapter(): Promise<{ readonly info: object; requestDevice(): Promise<GpuDevice> }>;
}

const CALLS = 500;
const ROUNDS = 60;

/** Microseconds a dispatch over runs of a function: the median and the least. */
function time(name: string, backend: WebGpuBackend, run: () => void): void {
  const times: number[] = [];
  for (let round = 0; round < 2 * ROUNDS; round++) {
    const { dispatches } = backend.info;
    const started = performance.now();
    run();
    const each = ((performance.now() - started) * 1000) / (backend.info.dispatches - dispatches);
    if (round >= ROUNDS) times.push(each);
  }
  times.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(34)} median ${times[ROUNDS >> 1].toFixed(2).padStart(6)} us a dispatch, min ${times[0].toFixed(2).padStart(6)}`,
  );
}

function repeat(fn: () => void): () => void {
  return () => {
    for (let i = 0; i < CALLS; i++) fn();
  };
}

/** The backend alone: a kernel that core has asked for, from its description to the encoded dispatch. */
function timeKernels(backend: WebGpuBackend, x: Tensor): void {
  const { shape, strides, dtype } = x;
  realiseAll([x]);
  const view: View = { handle: x.storage.value.handle as object, dtype, shape, strides, offset: 0 };
  const spec = { shape, dtype };
  const free = (handles: readonly object[]): void => {
    for (const handle of handles) backend.free(handle);
  };
  time(
    "kernel: matmul",
    backend,
    repeat(() => free(backend.run("matmul", [view, view], [spec], { bias: false }))),
  );
  time(
    "kernel: softmax",
    backend,
    repeat(() => free(backend.run("softmax", [view], [spec], { dim: 1, log: false }))),
  );
}

/** Whole training steps: modules, autograd, optimizer and all, in a scope. */
async function timeSteps(backend: WebGpuBackend, network: Network, batch: number): Promise<void> {
  const { net, start } = makeRandomStart(network, batch);
  net.to("webgpu");
  const optimizer = new optim.Adam(net.parameters(), { lr: 1e-3 });
  const x = tensor(start.images).view([batch, 1, 28, 28]).to("webgpu");
  const y = tensor(start.targets).to("webgpu");
  const step = (): void => {
    scope(() => {
      optimizer.zeroGrad();
      nn.functional.crossEntropy(net(x), y).backward();
      optimizer.step();
    });
  };
  // The first step also makes the optimizer's state.
  step();
  const before = backend.info.dispatches;
  step();
  await backend.synchronize();
  console.log(`${network}: ${backend.info.dispatches - before} dispatches a step`);
  time(`step: ${network}, batch ${batch}`, backend, step);
}

const name = "webgpu";
const { create } = (await import(name)) as { create(options: readonly string[]): NullGpu };
// Dawn frees the instance with this object.
const gpu = create(["backend=null"]);
const adapter = await gpu.requestAdapter();
const backend = new WebGpuBackend(await adapter.requestDevice(), adapter.info);
registerBackend(backend);

const [x, y] = [randn([64, 64]).to("webgpu"), randn([64, 64]).to("webgpu")];
timeKernels(backend, x);
time(
  "op: x.mm(y)",
  backend,
  repeat(() => scope(() => void x.mm(y))),
);
time(
  "op: x.add(y), written out",
  backend,
  repeat(() => scope(() => realiseAll([x.add(y)]))),
);
await timeSteps(backend, "mlp", 64);
await timeSteps(backend, "cnn", 8);
process.exit(gpu === undefined ? 1 : 0);
