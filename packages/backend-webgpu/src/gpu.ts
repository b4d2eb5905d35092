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
  /** As in the WebGPU specification. */
  mapAsync(mode: number, offset?: number, size?: number): Promise<unknown>;
  /** As in the WebGPU specification. */
  getMappedRange(offset?: number, size?: number): ArrayBuffer;
  /** As in the WebGPU specification. */
  unmap(): void;
  /** As in the WebGPU specification. */
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
  /** As in the WebGPU specification. */
  destroy(): void;
}

/** `GPUComputePassEncoder`. */
export interface GpuPass {
  /** As in the WebGPU specification. */
  setPipeline(pipeline: object): void;
  /** As in the WebGPU specification. */
  setBindGroup(index: number, group: object, offsets?: readonly number[]): void;
  /** As in the WebGPU specification. */
  dispatchWorkgroups(x: number, y?: number, z?: number): void;
  /** As in the WebGPU specification. */
  end(): void;
}

/** `GPUCommandEncoder`. */
export interface GpuEncoder {
  /** As in the WebGPU specification. */
  beginComputePass(descriptor?: object): GpuPass;
  /** As in the WebGPU specification. */
  copyBufferToBuffer(source: GpuBuffer, sourceOffset: number, target: GpuBuffer, targetOffset: number, size: number): void;
  /** As in the WebGPU specification. */
  resolveQuerySet(set: GpuQuerySet, first: number, count: number, target: GpuBuffer, offset: number): void;
  /** As in the WebGPU specification. */
  finish(): object;
}

/** `GPUQueue`. */
export interface GpuQueue {
  /** As in the WebGPU specification. */
  writeBuffer(buffer: GpuBuffer, offset: number, data: ArrayBufferView, dataOffset?: number, size?: number): void;
  /** As in the WebGPU specification. */
  submit(buffers: readonly object[]): void;
  /** As in the WebGPU specification. */
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
  /** As in the WebGPU specification. */
  createBuffer(descriptor: object): GpuBuffer;
  /** As in the WebGPU specification. */
  createShaderModule(descriptor: object): object;
  /** As in the WebGPU specification. */
  createBindGroupLayout(descriptor: object): object;
  /** As in the WebGPU specification. */
  createPipelineLayout(descriptor: object): object;
  /** As in the WebGPU specification. */
  createBindGroup(descriptor: object): object;
  /** As in the WebGPU specification. */
  createComputePipeline(descriptor: object): object;
  /** As in the WebGPU specification. */
  createComputePipelineAsync(descriptor: object): Promise<object>;
  /** As in the WebGPU specification. */
  createCommandEncoder(): GpuEncoder;
  /** As in the WebGPU specification. */
  createQuerySet(descriptor: object): GpuQuerySet;
  /** As in the WebGPU specification. */
  pushErrorScope(filter: string): void;
  /** As in the WebGPU specification. */
  popErrorScope(): Promise<GpuError | null>;
  /** As in the WebGPU specification. */
  addEventListener(type: string, listener: (event: unknown) => void): void;
  /** As in the WebGPU specification. */
  destroy(): void;
}

/** `GPUAdapterInfo`. */
export interface GpuAdapterInfo {
  readonly vendor?: string;
  readonly architecture?: string;
  readonly description?: string;
  readonly isFallbackAdapter?: boolean;
  readonly subgroupMaxSize?: number;
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
  readonly wgslLanguageFeatures?: { has(name: string): boolean };
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
