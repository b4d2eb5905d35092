import type { BackendState } from "@sconce-apps/page/backends";
import type { Notice } from "@sconce-apps/page/notices";
import type { ModelName } from "../choices.js";
import type { CurveData } from "./curve.js";
import type { Settings } from "./settings.js";

/** What the page asks of the worker. */
export type Request =
  | { readonly type: "open"; readonly settings: Settings /** Folder of the IDX files. */; readonly data: string }
  | { readonly type: "settings"; readonly settings: Settings }
  | { readonly type: "train" | "pause" | "stop" | "reset" | "save" }
  | { readonly type: "load"; readonly name: string; readonly bytes: ArrayBuffer }
  /** An image of 28 x 28 bytes; the answer comes with the same number. */
  | { readonly type: "classify"; readonly id: number; readonly pixels: Uint8Array };

/** What the worker tells the page. */
export type Reply =
  | { readonly type: "backends"; readonly backends: readonly BackendState[] }
  | { readonly type: "loading"; readonly received: number; readonly total: number }
  | { readonly type: "phase"; readonly phase: Phase; readonly settings: Settings }
  | { readonly type: "progress"; readonly progress: Progress; readonly curve: CurveData }
  | { readonly type: "tested"; readonly test: Test }
  /** The test images that are shown, once. */
  | { readonly type: "shown"; readonly images: readonly Omit<Digit, "prediction">[] }
  /** What those are read as, and the filters. */
  | { readonly type: "sample"; readonly predictions: readonly number[]; readonly filters: Filters }
  | { readonly type: "classified"; readonly id: number; readonly probabilities: Float32Array }
  | { readonly type: "weights"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "notice"; readonly notice: Notice };

/** What the worker does. */
export type Phase = "loading" | "ready" | "training" | "paused" | "testing" | "broken";

/** Figures of a training. */
export interface Progress {
  /** Epoch that runs, from 1, or 0 before the first. */
  readonly epoch: number;
  readonly epochs: number;
  /** Images of the epoch that were trained on. */
  readonly seen: number;
  readonly images: number;
  /** Images that were trained on in all epochs. */
  readonly trained: number;
  readonly loss: number | null;
  /** Share of recent training images that were classified right. */
  readonly accuracy: number | null;
  readonly imagesPerSecond: number | null;
  /** Bytes that tensors hold. */
  readonly bytes: number;
  readonly tensors: number;
}

/** Result of a pass over the test images. */
export interface Test {
  readonly accuracy: number;
  readonly images: number;
  /** `confusion[label][prediction]` counts images. */
  readonly confusion: readonly (readonly number[])[];
  /** The first images that were taken for another digit. */
  readonly mistakes: readonly Digit[];
}

/** A test image with what it was taken for. */
export interface Digit {
  readonly pixels: Uint8Array;
  readonly label: number;
  readonly prediction: number;
}

/** The weights of the first layer as pictures of `height` x `width`. */
export interface Filters {
  readonly height: number;
  readonly width: number;
  readonly count: number;
  readonly values: Float32Array;
  readonly model: ModelName;
}
