import "@sconce/backend-webgl";
import "@sconce/backend-webgpu";
import { init, tensor } from "sconce";
import { type Start, sconceTrainer } from "../networks.js";
import type { GpuDevice, ProductStart } from "./suites.js";

/** Steps of Adam; each returns the loss. */
export async function sconceSteps(
  net: Parameters<typeof sconceTrainer>[0],
  start: Start,
  device: GpuDevice,
): Promise<() => Promise<number>> {
  return sconceTrainer(net, start, await init(device));
}

/** Products; each returns the last element. */
export async function sconceProduct({ size, a, b }: ProductStart, device: GpuDevice): Promise<() => Promise<number>> {
  await init(device);
  const [x, y] = [a, b].map((data) => tensor(data, { device }).view([size, size]));
  return async () => (await x.mm(y).data())[size * size - 1] as number;
}
