/** Sconce itself, on any of its devices. */
import { configureCpu, type Device, init, type nn, noGrad, optim, realiseAll, scope, setNumThreads, type Tensor, tensor } from "sconce";
import {
  type ArrayData,
  type Arrays,
  type ChainWork,
  type DispatchWork,
  digest,
  type InferWork,
  type MatmulWork,
  OPERATIONS,
  type TrainWork,
} from "../work.js";
import { byKind, firstLosses, type Kinds, type Runner, type Setting, type Task } from "./runner.js";
import { makeNetwork } from "./sconce-networks.js";

const place = ({ data, shape }: ArrayData, device: Device): Tensor =>
  tensor(data)
    .view([...shape])
    .to(device);

const outputDigest = async (output: Tensor): Promise<number[]> => digest((await output.data()) as Float32Array);

/** Computes something again and again: on the CPU a step ends when it is computed, elsewhere with a read of one element. */
function compute(run: () => Tensor, device: Device): Task {
  const check = (): Promise<number[]> => outputDigest(run());
  if (device === "cpu") return { step: () => scope(() => realiseAll([run()])), check };
  const step = async (): Promise<void> => {
    const first = scope(() => run().view([-1]).narrow(0, 0, 1));
    await first.item();
    first.dispose();
  };
  return { step, check };
}

function matmul({ layout }: MatmulWork, { a, b }: Arrays, device: Device): Task {
  const [x, y] = [place(a, device), place(b, device)];
  const [left, right] = [layout === "tn" ? x.t() : x, layout === "nt" ? y.t() : y];
  return compute(() => left.mm(right), device);
}

function chain({ sum }: ChainWork, { a, b, c }: Arrays, device: Device): Task {
  const [x, y, z] = [a, b, c].map((array) => place(array, device));
  return compute(() => {
    const result = x.mul(y).add(z).relu();
    return sum ? result.sum() : result;
  }, device);
}

/** The digests of all gradients. */
async function gradientDigests(module: nn.Module): Promise<number[]> {
  const digests: number[] = [];
  for (const { grad } of module.parameters()) digests.push(...(await outputDigest(grad as Tensor)));
  return digests;
}

/** What is made of a function of tensors before it is called: nothing, or a compiled one. */
export type Transform = <F extends (...inputs: Tensor[]) => Tensor>(fn: F) => F;

function train({ network, optimizer: kind, lr }: TrainWork, arrays: Arrays, device: Device, transform: Transform): Task {
  const { module, forward, loss: lossOf } = makeNetwork(network, arrays);
  module.to(device);
  const [x, y] = [place(arrays.x, device), place(arrays.y, device)];
  const gradients = (input: Tensor, target: Tensor): Tensor => {
    const loss = lossOf(forward(input), target);
    loss.backward();
    return loss;
  };
  const steps = (whole: (input: Tensor, target: Tensor) => Tensor): { step(): Promise<number>; blockingStep?(): number } => {
    const run = transform(whole);
    return { step: () => run(x, y).item(), ...(device === "cpu" ? { blockingStep: () => run(x, y).itemSync() } : {}) };
  };
  if (kind === "none") {
    const task = steps((input, target) => {
      module.zeroGrad();
      return gradients(input, target);
    });
    return { ...task, check: async () => [await task.step(), ...(await gradientDigests(module))] };
  }
  const optimizer = kind === "sgd" ? new optim.SGD(module.parameters(), { lr }) : new optim.Adam(module.parameters(), { lr });
  const task = steps((input, target) => {
    optimizer.zeroGrad();
    const loss = gradients(input, target);
    optimizer.step();
    return loss;
  });
  return { ...task, check: () => firstLosses(task.step) };
}

function infer({ network }: InferWork, arrays: Arrays, device: Device, transform: Transform): Task {
  const { module, forward } = makeNetwork(network, arrays);
  module.to(device).eval();
  const x = place(arrays.x, device);
  const run = transform((input: Tensor) => noGrad(() => forward(input)));
  const step = async (): Promise<unknown> => {
    const output = scope(() => run(x));
    const data = await output.data();
    output.dispose();
    return data;
  };
  return { step, check: async () => digest((await step()) as Float32Array) };
}

function dispatch({ grad }: DispatchWork, { a, b }: Arrays, device: Device): Task {
  const [x, y] = [place(a, device), place(b, device)];
  if (grad !== "off") y.requiresGrad_();
  if (grad !== "backward") {
    const step = (): void => {
      scope(() => {
        for (let i = 0; i < OPERATIONS; i++) realiseAll([x.add(y)]);
      });
    };
    return { step, check: () => outputDigest(x.add(y).detach()) };
  }
  const step = (): void => {
    y.grad = null;
    scope(() => {
      let sum = x;
      for (let i = 0; i < OPERATIONS; i++) sum = sum.add(y);
      sum.backward();
      realiseAll([sum, y.grad as Tensor]);
    });
  };
  return {
    step,
    check: async () => {
      let sum = x;
      for (let i = 0; i < OPERATIONS; i++) sum = sum.add(y);
      sum.backward();
      return [...(await outputDigest(sum.detach())), ...(await outputDigest(y.grad as Tensor))];
    },
  };
}

/** Training and inference. */
export function networkKinds(device: Device, transform: Transform): Pick<Kinds, "train" | "infer"> {
  return {
    train: (work, arrays) => train(work, arrays, device, transform),
    infer: (work, arrays) => infer(work, arrays, device, transform),
  };
}

/** Makes a device ready. */
export async function startDevice({ device, threads, wide }: Setting): Promise<Device> {
  if (device === "webgpu") await import("@sconce/backend-webgpu");
  if (device === "webgl") await import("@sconce/backend-webgl");
  if (wide) configureCpu({ wide });
  setNumThreads(threads);
  await init(device as Device);
  return device as Device;
}

/** Starts a device. */
export async function start(setting: Setting): Promise<Runner> {
  const device = await startDevice(setting);
  const kinds: Kinds = {
    matmul: (work, arrays) => matmul(work, arrays, device),
    chain: (work, arrays) => chain(work, arrays, device),
    dispatch: (work, arrays) => dispatch(work, arrays, device),
    host: "only on WebGPU's null device",
    ...networkKinds(device, (fn) => fn),
  };
  return { versions: {}, prepare: async (work) => byKind(work, kinds) };
}
