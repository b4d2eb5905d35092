/**
 * The part of the WebGPU API that this package uses. The platform's own types fit these, so that neither this package nor its users
 * need another package of declarations.
 *
 * Source: https://www.w3.org/TR/webgpu/
 *
 * @module
 */

/** `GPUBuffer`. */
export interface GpuBuffer {
  readonly size: number;
  mapAsync(mode: number, offset?: number, size?: number): Promise<unknown>;
  getMappedRange(offset?: number, size?: number): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

/** `GPUError`. */
export interface GpuError {
  readonly message: string;
}

/** `GPUDeviceLostInfo`. */
export interface GpuLostInfo {
  readonly reason: string;
  readonly message: string;
}

/** `GPUQuerySet`. */
export interface GpuQuerySet {
  destroy(): void;
}

/** `GPUComputePassEncoder`. */
export interface GpuPass {
  setPipeline(pipeline: object): void;
  setBindGroup(index: number, group: object, offsets: readonly number[]): void;
  dispatchWorkgroups(x: number, y?: number, z?: number): void;
  end(): void;
}

/** `GPUCommandEncoder`. */
export interface GpuEncoder {
  beginComputePass(descriptor?: object): GpuPass;
  copyBufferToBuffer(source: GpuBuffer, sourceOffset: number, target: GpuBuffer, targetOffset: number, size: number): void;
  resolveQuerySet(set: GpuQuerySet, first: number, count: number, target: GpuBuffer, offset: number): void;
  finish(): object;
}

/** `GPUQueue`. */
export interface GpuQueue {
  writeBuffer(buffer: GpuBuffer, offset: number, data: ArrayBufferView, dataOffset?: number, size?: number): void;
  submit(buffers: readonly object[]): void;
  onSubmittedWorkDone(): Promise<unknown>;
}

/** `GPUSupportedLimits`: the limits that matter here. */
export interface GpuLimits {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupSizeX: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeWorkgroupsPerDimension: number;
  readonly minUniformBufferOffsetAlignment: number;
}

/** `GPUDevice`: what `createWebGpuBackend` takes from an application that already has one. */
export interface GpuDevice {
  readonly queue: GpuQueue;
  readonly limits: GpuLimits;
  readonly features: { has(name: string): boolean };
  readonly lost: Promise<GpuLostInfo>;
  readonly adapterInfo?: GpuAdapterInfo;
  createBuffer(descriptor: object): GpuBuffer;
  createShaderModule(descriptor: object): object;
  createBindGroupLayout(descriptor: object): object;
  createPipelineLayout(descriptor: object): object;
  createBindGroup(descriptor: object): object;
  createComputePipeline(descriptor: object): object;
  createComputePipelineAsync(descriptor: object): Promise<object>;
  createCommandEncoder(): GpuEncoder;
  createQuerySet(descriptor: object): GpuQuerySet;
  pushErrorScope(filter: string): void;
  popErrorScope(): Promise<GpuError | null>;
  addEventListener(type: string, listener: (event: unknown) => void): void;
  destroy(): void;
}

/** `GPUAdapterInfo`. */
export interface GpuAdapterInfo {
  readonly vendor?: string;
  readonly architecture?: string;
  readonly description?: string;
  readonly isFallbackAdapter?: boolean;
}

/** `GPUAdapter`. */
export interface GpuAdapter {
  readonly info: GpuAdapterInfo;
  readonly limits: GpuLimits;
  readonly features: { has(name: string): boolean };
  requestDevice(descriptor: object): Promise<GpuDevice>;
}

/** `GPU`: the entry point, `navigator.gpu` in browsers. */
export interface Gpu {
  requestAdapter(options?: object): Promise<GpuAdapter | null>;
}

/** Bits of `GPUBufferUsage` and `GPUMapMode`. */
export const USAGE: {
  readonly mapRead: 1;
  readonly copySrc: 4;
  readonly copyDst: 8;
  readonly uniform: 64;
  readonly storage: 128;
  readonly queryResolve: 512;
} = {
  mapRead: 1,
  copySrc: 4,
  copyDst: 8,
  uniform: 64,
  storage: 128,
  queryResolve: 512,
};
