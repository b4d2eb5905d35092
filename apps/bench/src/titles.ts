/** Names of what is measured, in words: for the page and the reports. */

interface SuiteTitle {
  readonly title: string;
  /** What one timed call does. */
  readonly about: string;
}

const suites: { readonly [suite: string]: SuiteTitle } = {
  matmul: { title: "Matrix products", about: "A product of two square float32 matrices." },
  elementwise: { title: "Elementwise chain", about: "relu(a · b + c), summed, over long vectors." },
  "two-layer": { title: "Two-layer network", about: "A training step of 1000-100-10 on 64 rows, squared error." },
  mlp: { title: "MLP", about: "A training step of 784-256-128-10 on a batch of 64, cross entropy, Adam." },
  cnn: { title: "CNN", about: "A training step of two 3×3 convolutions and two linear layers on images of 28×28, cross entropy, Adam." },
  lenet: { title: "LeNet", about: "A training step of LeNet-5 on images of 32×32, cross entropy." },
  inference: { title: "Inference", about: "A forward pass without gradients, in a `scope` of Sconce and a `tidy` of TensorFlow.js." },
  transformer: { title: "Transformer block", about: "A block of width 256 with 4 heads over 128 tokens, batch 8." },
  lstm: { title: "LSTM", about: "50 time steps of 128 hidden units, batch 32, forward and backward." },
  dispatch: { title: "Small operations", about: "An addition of one-element tensors: what calling an operation costs." },
  startup: { title: "Start-up", about: "From the start of the process to the first product of two 2×2 matrices." },
  memory: { title: "Memory", about: "What thousands of training steps without any memory code leave behind." },
};

const devices: { readonly [device: string]: string } = { cpu: "CPU", webgpu: "WebGPU", webgl: "WebGL" };

const runners: { readonly [runner: string]: string } = {
  sconce: "Sconce",
  "sconce-compiled": "Sconce with compile",
  node: "Node alone",
  "sconce-host": "Sconce, the host's part",
  tfjs: "TensorFlow.js",
  "jax-js": "jax-js",
  "ort-web": "ONNX Runtime Web",
  "ort-node": "ONNX Runtime (native)",
  torch: "PyTorch",
  numpy: "NumPy",
};

/** Names of the suites, in the order in which they are shown. */
export const suiteNames: readonly string[] = Object.keys(suites);
/** Names of the devices. */
export const deviceNames: readonly string[] = Object.keys(devices);

/** The title of a suite. */
export const suiteTitle = (suite: string): string => suites[suite]?.title ?? suite;

/** What one timed call of a suite does. */
export const suiteAbout = (suite: string): string => suites[suite]?.about ?? "";

/** The title of a device. */
export const deviceTitle = (device: string): string => devices[device] ?? device;

/** The title of a library. */
export const runnerTitle = (runner: string): string => runners[runner] ?? runner;

/** A device with its threads, as in `CPU, 2 threads`; those of a GPU are not counted. */
export const placeTitle = (device: string, threads: number): string =>
  device === "cpu" ? `${deviceTitle(device)}, ${threads} thread${threads === 1 ? "" : "s"}` : deviceTitle(device);
