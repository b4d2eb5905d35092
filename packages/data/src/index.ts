/**
 * Datasets, samplers and the DataLoader.
 * @module data
 */
export { type Collated, defaultCollate } from "./collate.js";
export { DataLoader, type DataLoaderOptions } from "./dataloader.js";
export { ConcatDataset, Dataset, IterableDataset, randomSplit, Subset, TensorDataset } from "./dataset.js";
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
