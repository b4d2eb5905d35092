import { defaultDevice, init, numpy as np } from "@jax-js/jax";
import { jaxTrainer } from "../jax-peer.js";
import type { Network, Start } from "../networks.js";
import type { GpuDevice, ProductStart } from "./suites.js";

/** Steps of Adam under `jit`; each returns the loss. */
export async function jaxSteps(network: Network, start: Start, device: GpuDevice): Promise<() => Promise<number>> {
  return jaxTrainer(network, start, device);
}

/** Products; each returns the last element. */
export async function jaxProduct({ size, a, b }: ProductStart, device: GpuDevice): Promise<() => Promise<number>> {
  await init(device);
  defaultDevice(device);
  const [x, y] = [a, b].map((data) => np.array(data.slice()).reshape([size, size]));
  return async () => (await np.matmul(x.ref, y.ref).data())[size * size - 1];
}
