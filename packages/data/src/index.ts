/**
 * Datasets, samplers, transforms and the DataLoader.
 * @module data
 */

export { type Collated, defaultCollate } from "./collate.js";
export { type Cell, CSVDataset, type CSVOptions } from "./csv.js";
export { DataLoader, type DataLoaderOptions, type DataLoaderState, type NullableOptions } from "./dataloader.js";
export {
  ChainDataset,
  ConcatDataset,
  Dataset,
  IterableDataset,
  MapDataset,
  randomSplit,
  StackDataset,
  type StackedItem,
  Subset,
  TensorDataset,
} from "./dataset.js";
export { DistributedSampler, type DistributedSamplerOptions } from "./distributed-sampler.js";
export { ReadError, type ReadOptions } from "./files.js";
export { JSONDataset, type JSONOptions } from "./json.js";
export { FashionMNIST, MNIST, type MNISTOptions } from "./mnist.js";
export {
  BatchSampler,
  RandomSampler,
  type RandomSamplerOptions,
  type Sampler,
  SequentialSampler,
  type Sized,
  SubsetRandomSampler,
  WeightedRandomSampler,
  type WeightedRandomSamplerOptions,
} from "./sampler.js";
export { TextDataset, type TextDatasetOptions, type TextUnit, Vocabulary, type VocabularyOptions } from "./text.js";
export * as transforms from "./transforms.js";
export type { WorkerOptions } from "./workers/options.js";
export { WorkerError } from "./workers/protocol.js";
export { getWorkerInfo, type ServeOptions, serveDataset, type WorkerInfo } from "./workers/serve.js";
export type { WorkerSource } from "./workers/thread.js";
