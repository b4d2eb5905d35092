import type { GpuDevice } from "@sconce/backend-webgpu";

interface Gpu {
  requestAdapter(): Promise<{ features: { has(name: string): boolean }; requestDevice(descriptor: object): Promise<GpuDevice> } | null>;
}

/** A device of Dawn in Node with given options and features; null elsewhere, or where the adapter lacks one. */
export async function dawnDevice(options: readonly string[], features: readonly string[]): Promise<GpuDevice | null> {
  if (typeof process === "undefined" || process.versions?.node === undefined) return null;
  const { create } = (await import("webgpu" as string)) as { create(options: readonly string[]): Gpu };
  const instance = create(options);
  const adapter = await instance.requestAdapter();
  if (adapter === null || !features.every((name) => adapter.features.has(name))) return null;
  const opened = await adapter.requestDevice({ requiredFeatures: features });
  // The instance goes with its device.
  return Object.assign(opened, { instance });
}
