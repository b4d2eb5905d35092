/** What can be chosen, without the library: the page shows it before anything else has loaded. */
import type { DeviceName } from "@sconce-apps/page/backends";

/** The models, in words. */
export const modelTitles = {
  mlp: "MLP, 784-256-128-10",
  cnn: "CNN, two 3×3 convolutions",
  lenet: "LeNet-5",
} as const;

/** Name of a model. */
export type ModelName = keyof typeof modelTitles;

/** The optimizers, in words, with the learning rate that each starts from. */
export const optimizerChoices = {
  adam: { title: "Adam", lr: 0.001 },
  adamw: { title: "AdamW", lr: 0.001 },
  sgd: { title: "SGD, momentum 0.9", lr: 0.01 },
  rmsprop: { title: "RMSprop", lr: 0.001 },
} as const;

/** Name of an optimizer. */
export type OptimizerName = keyof typeof optimizerChoices;

/** The devices, in words; the first is always there. */
export const deviceTitles: { readonly [K in DeviceName]: string } = {
  cpu: "CPU (WebAssembly)",
  webgpu: "WebGPU",
  webgl: "WebGL",
};
