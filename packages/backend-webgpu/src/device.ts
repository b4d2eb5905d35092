import { type Adapter, DeviceError } from "@sconce/core";
import type { Gpu, GpuAdapter, GpuAdapterInfo, GpuDevice, GpuLimits } from "./gpu.js";

/** A device and what its adapter says about itself. */
export interface OpenDevice {
  readonly device: GpuDevice;
  readonly info: GpuAdapterInfo;
}

/** What the npm package `webgpu` exports. */
interface Dawn {
  create(options: readonly string[]): Gpu;
}

// Dawn frees the whole instance with this object, whatever devices it still has.
let instance: Gpu | undefined;

/** The platform's WebGPU: `navigator.gpu`, or Dawn from the package `webgpu` where there is none. */
async function findGpu(): Promise<Gpu> {
  const { navigator } = globalThis as { readonly navigator?: { readonly gpu?: Gpu } };
  if (navigator?.gpu !== undefined) return navigator.gpu;
  if (instance !== undefined) return instance;
  // A name that bundlers do not resolve: the package is optional and only for Node.
  const name = "webgpu";
  let dawn: Dawn;
  try {
    dawn = (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as Dawn;
  } catch {
    throw new DeviceError(
      'init: device "webgpu" is not available: this platform has no navigator.gpu; in Node, install the package that has it: npm install webgpu',
    );
  }
  instance = dawn.create([]);
  return instance;
}

const WANTED_LIMITS: readonly (keyof GpuLimits)[] = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupStorageSize",
];
const WANTED_FEATURES = ["timestamp-query", "subgroups", "shader-f16"];

/** All that the adapter has of the limits and features that kernels can use. */
function descriptor(adapter: GpuAdapter): object {
  return {
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]])),
    requiredFeatures: WANTED_FEATURES.filter((name) => adapter.features.has(name)),
  };
}

async function findAdapter(): Promise<GpuAdapter> {
  const gpu = await findGpu();
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) {
    throw new DeviceError(
      'init: device "webgpu" is not available: no adapter was found; it needs a GPU driver (in Node, Vulkan, Metal or D3D12) or a software one',
    );
  }
  return adapter;
}

/** Lanes of the largest subgroup that a workgroup fills. */
const MOST_LANES = 64;

/** True if kernels can exchange values in subgroups, whose numbers in a workgroup the shader language must tell. */
export async function hasSubgroups(device: GpuDevice, { subgroupMaxSize = Number.POSITIVE_INFINITY }: GpuAdapterInfo): Promise<boolean> {
  if (!device.features.has("subgroups") || subgroupMaxSize > MOST_LANES) return false;
  const gpu = await findGpu().catch(() => null);
  return gpu?.wgslLanguageFeatures?.has("subgroup_id") === true;
}

/** Opens the platform's preferred device. @throws DeviceError if there is none. */
export async function openDevice(): Promise<OpenDevice> {
  const adapter = await findAdapter();
  return { device: await adapter.requestDevice(descriptor(adapter)), info: adapter.info };
}

/** What `init()` weighs: the adapter's name, and whether it only emulates a GPU. @throws DeviceError if there is no adapter. */
export async function probe(): Promise<Adapter> {
  const { info } = await findAdapter();
  const name = [info.vendor, info.architecture].filter(Boolean).join(" ") || info.description || "an adapter without a name";
  return { name, software: isSoftware(info) };
}

/** True for adapters that run on the CPU, where workgroup memory and barriers cost more than they save. */
export function isSoftware({ isFallbackAdapter, architecture }: GpuAdapterInfo): boolean {
  return isFallbackAdapter === true || architecture === "swiftshader";
}
