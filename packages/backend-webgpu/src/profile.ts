import { type GpuBuffer, type GpuDevice, type GpuEncoder, type GpuQuerySet, USAGE } from "./gpu.js";

/** GPU time of all dispatches of one kernel. */
export interface KernelTime {
  readonly kernel: string;
  readonly calls: number;
  /** Milliseconds on the device. */
  readonly ms: number;
}

const MOST = 2048;

interface Recording {
  readonly set: GpuQuerySet;
  readonly resolved: GpuBuffer;
  readonly staging: GpuBuffer;
  readonly labels: string[];
  /** Passes whose times are resolved. */
  done: number;
  readonly started: number;
}

/** Times each dispatch in a pass of its own between two timestamps. */
export class Profiler {
  readonly #device: GpuDevice;
  #recording: Recording | null = null;

  constructor(device: GpuDevice) {
    this.#device = device;
  }

  get supported(): boolean {
    return this.#device.features.has("timestamp-query");
  }

  get active(): boolean {
    return this.#recording !== null && this.#recording.labels.length < MOST;
  }

  start(): void {
    const bytes = MOST * 16;
    this.#recording = {
      set: this.#device.createQuerySet({ type: "timestamp", count: MOST * 2 }),
      resolved: this.#device.createBuffer({ size: bytes, usage: USAGE.queryResolve | USAGE.copySrc }),
      staging: this.#device.createBuffer({ size: bytes, usage: USAGE.mapRead | USAGE.copyDst }),
      labels: [],
      done: 0,
      started: performance.now(),
    };
  }

  /** The descriptor of the pass of one dispatch. */
  descriptor(label: string): object {
    const { set, labels } = this.#recording as Recording;
    const at = (labels.push(label) - 1) * 2;
    return { label, timestampWrites: { querySet: set, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 } };
  }

  /** Adds the copy of the new timestamps to the end of a batch. */
  resolve(encoder: GpuEncoder): void {
    const recording = this.#recording;
    if (recording === null || recording.done === recording.labels.length) return;
    const { set, resolved, staging, labels } = recording;
    encoder.resolveQuerySet(set, 0, labels.length * 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, labels.length * 16);
    recording.done = labels.length;
  }

  /** Ends the recording: times by kernel, longest first, and a track of them in the browser's performance panel. */
  async stop(): Promise<KernelTime[]> {
    const { set, resolved, staging, labels, started } = this.#recording as Recording;
    this.#recording = null;
    const totals = new Map<string, { calls: number; ms: number }>();
    if (labels.length > 0) {
      await staging.mapAsync(1, 0, labels.length * 16);
      const times = new BigInt64Array(staging.getMappedRange(0, labels.length * 16).slice(0));
      labels.forEach((label, i) => {
        const ms = Number(times[2 * i + 1] - times[2 * i]) / 1e6;
        const start = started + Number(times[2 * i] - times[0]) / 1e6;
        trace(label, start, ms);
        const total = totals.get(label) ?? { calls: 0, ms: 0 };
        totals.set(label, { calls: total.calls + 1, ms: total.ms + ms });
      });
    }
    set.destroy();
    resolved.destroy();
    staging.destroy();
    return [...totals].map(([kernel, total]) => ({ kernel, ...total })).sort((a, b) => b.ms - a.ms);
  }
}

/** An entry on the track "Sconce GPU" of the performance panel of Chromium's developer tools. */
function trace(label: string, start: number, ms: number): void {
  const devtools = { dataType: "track-entry", track: "Sconce GPU" };
  performance.measure(label, { start, end: start + Math.max(ms, 0), detail: { devtools } });
}
