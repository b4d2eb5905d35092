/**
 * Uploads and readbacks.
 *
 * @module
 */
import { type DType, NotSupportedError, type TypedArray } from "@sconce/core";
import { kindOf } from "@sconce/core/shader";
import type { Machine } from "./machine.js";
import { type Block, extent } from "./textures.js";

/** The largest magnitude up to which floats hold every integer. */
const EXACT = 2 ** 24;

/**
 * Elements as floats, padded to whole rows of texels.
 * @throws NotSupportedError if an integer is too large to be exact.
 */
export function floats(data: TypedArray, dtype: DType, length: number): Float32Array {
  if (data instanceof Float32Array && data.length === length) return data;
  const out = new Float32Array(length);
  out.set(data as Exclude<TypedArray, BigInt64Array>);
  if (kindOf(dtype) === "int") {
    for (let i = 0; i < data.length; i++) {
      const value = (data as Int32Array)[i];
      if (value > EXACT || value < -EXACT) throw beyond("upload", `${value} at position ${i}`);
    }
  }
  return out;
}

function beyond(op: string, what: string): NotSupportedError {
  return new NotSupportedError(
    `${op}: expected int32 values from -16777216 to 16777216 on "webgl", whose textures hold floats, got ${what}; ` +
      "compute them on another device",
  );
}

/** Resolves when the device has done what was asked before; never blocks. */
function fence(gl: WebGL2RenderingContext): Promise<void> {
  const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0) as WebGLSync;
  gl.flush();
  return new Promise<void>((resolve, reject) => {
    const poll = (): void => {
      const status = gl.isContextLost() ? gl.WAIT_FAILED : gl.clientWaitSync(sync, 0, 0);
      if (status === gl.TIMEOUT_EXPIRED) {
        // Polling without a pause would take the cores from a device that computes on them.
        setTimeout(poll);
        return;
      }
      gl.deleteSync(sync);
      if (status === gl.WAIT_FAILED) reject(new Error("the context was lost"));
      else resolve();
    };
    poll();
  });
}

/** Reads the floats of a block without blocking. */
export async function readBlock(machine: Machine, block: Block, length: number): Promise<Float32Array> {
  const { gl } = machine;
  const [width, height] = extent(block, length);
  const out = new Float32Array(width * height * 4);
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
  gl.bufferData(gl.PIXEL_PACK_BUFFER, out.byteLength, gl.STREAM_READ);
  gl.bindFramebuffer(gl.FRAMEBUFFER, block.framebuffer);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.FLOAT, 0);
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  machine.invalidate();
  try {
    await fence(gl);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
    gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, out);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  } finally {
    gl.deleteBuffer(buffer);
  }
  return out;
}

/** Reads the floats of a block at once, waiting for the device. */
export function readBlockSync(machine: Machine, block: Block, length: number): Float32Array {
  const { gl } = machine;
  const [width, height] = extent(block, length);
  const out = new Float32Array(width * height * 4);
  gl.bindFramebuffer(gl.FRAMEBUFFER, block.framebuffer);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.FLOAT, out);
  machine.invalidate();
  return out;
}

/** The floats of a texture as a host array of `dtype`. @throws NotSupportedError if a result has left the range of exact integers. */
export function hostValues(values: Float32Array, dtype: DType, length: number): TypedArray {
  const kind = kindOf(dtype);
  if (kind === "float") return values.length === length ? values : values.slice(0, length);
  if (kind !== "int") return Uint8Array.from(values.subarray(0, length));
  const out = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const value = values[i];
    if (Number.isNaN(value)) throw beyond("read", `a larger result at position ${i}`);
    out[i] = value;
  }
  return out;
}
