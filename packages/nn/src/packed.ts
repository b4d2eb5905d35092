import { cat, formatShape, full, ShapeError, type Tensor, type ToOptions, tensor, ValueError } from "@sconce/core";

/**
 * A batch of sequences of different lengths without padding, as recurrent layers take it. Made by {@link packPaddedSequence} and
 * {@link packSequence}.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html
 */
export class PackedSequence {
  /** The first elements of all sequences, then the second ones, and so on: `[total, ...]`. */
  readonly data: Tensor;
  /** How many sequences reach each step; kept on the host. */
  readonly batchSizes: readonly number[];
  /** The sequences by falling length, int32 `[N]`; null if they were in this order. */
  readonly sortedIndices: Tensor | null;
  /** Where each sequence is in that order, int32 `[N]`. */
  readonly unsortedIndices: Tensor | null;

  constructor(
    data: Tensor,
    batchSizes: readonly number[],
    sortedIndices: Tensor | null = null,
    unsortedIndices: Tensor | null = invertPermutation(sortedIndices),
  ) {
    this.data = data;
    this.batchSizes = batchSizes;
    this.sortedIndices = sortedIndices;
    this.unsortedIndices = unsortedIndices;
  }

  /** The sequences with other data of as many rows. */
  withData(data: Tensor): PackedSequence {
    return new PackedSequence(data, this.batchSizes, this.sortedIndices, this.unsortedIndices);
  }

  /** The sequences on another device or in another dtype. */
  to(options: ToOptions): PackedSequence {
    const { device } = options;
    const move = (index: Tensor | null): Tensor | null => (index === null || device === undefined ? index : index.to({ device }));
    return new PackedSequence(this.data.to(options), this.batchSizes, move(this.sortedIndices), move(this.unsortedIndices));
  }
}

/** Where each position of a permutation, int32 `[N]`, is found; null for null. */
export function invertPermutation(permutation: Tensor | null): Tensor | null {
  return permutation === null ? null : permutation.argsort();
}

/** How padded batches are laid out. */
export interface BatchFirstOptions {
  /** `[N, T, ...]` where it would be `[T, N, ...]`. */
  readonly batchFirst?: boolean;
}

/** Settings of {@link packPaddedSequence}. */
export interface PackOptions extends BatchFirstOptions {
  /** Refuses lengths that do not fall; else the sequences are sorted. True unless given. */
  readonly enforceSorted?: boolean;
}

/** Lengths as numbers. */
export function hostLengths(op: string, lengths: readonly number[] | Tensor): number[] {
  if (Array.isArray(lengths)) return [...(lengths as readonly number[])];
  const given = lengths as Tensor;
  if (given.ndim !== 1) {
    throw new ShapeError(`${op}: expected lengths of one dimension, got ${formatShape(given.shape)}`, { shapes: [given.shape] });
  }
  return Array.from(given.dataSync(), Number);
}

function checkLengths(op: string, lengths: readonly number[], steps: number, count: number): void {
  if (lengths.length !== count) {
    throw new ShapeError(`${op}: Expected \`len(lengths)\` to be equal to batch_size, but got ${lengths.length} (batch_size=${count})`);
  }
  if (!lengths.every((n) => Number.isInteger(n) && n > 0)) {
    throw new ValueError(`${op}: Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0`);
  }
  const longest = Math.max(...lengths);
  if (longest > steps) throw new ShapeError(`${op}: expected lengths of at most ${steps} steps, got ${longest}`);
}

/** How many sequences, which fall in length, reach each step. */
function sizesOf(lengths: readonly number[]): number[] {
  return Array.from({ length: lengths[0] }, (_, t) => lengths.filter((n) => n > t).length);
}

/**
 * Packs padded sequences `[T, N, ...]`, or `[N, T, ...]` with `batchFirst`, of the given lengths.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_padded_sequence.html
 * @throws ValueError if the lengths do not fall, unless `enforceSorted` is false, or for a length of 0.
 * @throws ShapeError if their number or the longest does not fit.
 * @example
 * const lstm = new nn.LSTM(4, 8, { batchFirst: true });
 * const packed = nn.utils.rnn.packPaddedSequence(randn([3, 5, 4]), [5, 3, 2], { batchFirst: true });
 * const [output] = lstm(packed);
 */
export function packPaddedSequence(
  input: Tensor,
  lengths: readonly number[] | Tensor,
  { batchFirst = false, enforceSorted = true }: PackOptions = {},
): PackedSequence {
  const op = "packPaddedSequence";
  if (input.ndim < 2) {
    throw new ShapeError(`${op}: expected at least two dimensions, got ${formatShape(input.shape)}`, { shapes: [input.shape] });
  }
  const [count, steps] = batchFirst ? input.shape : [input.shape[1], input.shape[0]];
  const given = hostLengths(op, lengths);
  checkLengths(op, given, steps, count);
  const falls = given.every((n, i) => i === 0 || n <= given[i - 1]);
  if (!falls && enforceSorted) {
    throw new ValueError(
      `${op}: \`lengths\` array must be sorted in decreasing order when \`enforce_sorted\` is True; pass { enforceSorted: false }`,
    );
  }
  const order = given.map((_, i) => i).sort((a, b) => given[b] - given[a]);
  const batchSizes = sizesOf(order.map((i) => given[i]));
  const places = batchSizes.flatMap((size, t) => order.slice(0, size).map((i) => (batchFirst ? i * steps + t : t * count + i)));
  const data = input.reshape([steps * count, ...input.shape.slice(2)]).indexSelect(0, indices(places, input));
  return new PackedSequence(data, batchSizes, enforceSorted ? null : indices(order, input));
}

function indices(list: readonly number[], { device }: Tensor): Tensor {
  return tensor([...list], { dtype: "int32", device });
}

/** Settings of {@link padPackedSequence}. */
export interface PadPackedOptions extends BatchFirstOptions {
  /** What stands after the end of a sequence. */
  readonly paddingValue?: number;
  /** Steps of the result, if not those of the longest sequence. */
  readonly totalLength?: number | null;
}

/**
 * Undoes {@link packPaddedSequence}: the padded sequences in their first order, and their lengths (as numbers, kept on the host).
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_packed_sequence.html
 * @throws ValueError if `totalLength` is less than the longest sequence.
 */
export function padPackedSequence(
  sequence: PackedSequence,
  { batchFirst = false, paddingValue = 0, totalLength = null }: PadPackedOptions = {},
): [padded: Tensor, lengths: number[]] {
  const { data, batchSizes, unsortedIndices } = sequence;
  const longest = batchSizes.length;
  const steps = totalLength ?? longest;
  if (steps < longest) {
    throw new ValueError(
      `padPackedSequence: Expected total_length to be at least the length of the longest sequence in input, but got ` +
        `total_length=${steps} and max sequence length being ${longest}`,
    );
  }
  const [count] = batchSizes;
  const sorted = Array.from({ length: count }, (_, i) => batchSizes.filter((size) => size > i).length);
  const order = unsortedIndices === null ? sorted.map((_, i) => i) : hostLengths("padPackedSequence", unsortedIndices);
  const starts = batchSizes.map((_, t) => batchSizes.slice(0, t).reduce((n, size) => n + size, 0));
  // The row after the last holds the padding.
  const place = (t: number, i: number): number => (t < sorted[i] ? starts[t] + i : data.shape[0]);
  const places = Array.from({ length: steps }, (_, t) => order.map((i) => place(t, i)));
  const laid = batchFirst ? order.map((_, n) => places.map((row) => row[n])) : places;
  const row = full([1, ...data.shape.slice(1)], paddingValue, { dtype: data.dtype, device: data.device });
  const padded = cat([data, row]).indexSelect(0, indices(laid.flat(), data));
  const shape = batchFirst ? [count, steps] : [steps, count];
  return [padded.reshape([...shape, ...data.shape.slice(1)]), order.map((i) => sorted[i])];
}

/** Settings of {@link padSequence}. */
export interface PadSequenceOptions extends BatchFirstOptions {
  readonly paddingValue?: number;
}

/**
 * Stacks sequences `[L, ...]` of different lengths, padded to the longest: `[T, N, ...]`, or `[N, T, ...]` with `batchFirst`.
 *
 * Source: https://pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_sequence.html
 * @throws ShapeError for no sequences.
 * @example
 * nn.utils.rnn.padSequence([ones([5, 3]), ones([2, 3])], { batchFirst: true }); // [2, 5, 3]
 */
export function padSequence(sequences: Iterable<Tensor>, { batchFirst = false, paddingValue = 0 }: PadSequenceOptions = {}): Tensor {
  const list = [...sequences];
  if (list.length === 0) throw new ShapeError("padSequence: received an empty list of sequences");
  const steps = Math.max(...list.map(({ shape }) => shape[0]));
  const padded = list.map((x) => {
    const missing = steps - x.shape[0];
    if (missing === 0) return x.unsqueeze(0);
    return cat([x, x.newFull([missing, ...x.shape.slice(1)], paddingValue)]).unsqueeze(0);
  });
  const stacked = cat(padded);
  return batchFirst ? stacked : stacked.transpose(0, 1);
}

/** Undoes {@link padSequence}: the sequences without their padding. */
export function unpadSequence(
  padded: Tensor,
  lengths: readonly number[] | Tensor,
  { batchFirst = false }: BatchFirstOptions = {},
): Tensor[] {
  const rows = (batchFirst ? padded : padded.transpose(0, 1)).unbind(0);
  return hostLengths("unpadSequence", lengths).map((n, i) => rows[i].narrow(0, 0, n));
}

/**
 * Packs sequences `[L, ...]`, which must fall in length unless `enforceSorted` is false.
 * @throws ValueError if they do not.
 */
export function packSequence(
  sequences: Iterable<Tensor>,
  { enforceSorted = true }: { readonly enforceSorted?: boolean } = {},
): PackedSequence {
  const list = [...sequences];
  const lengths = list.map(({ shape }) => shape[0]);
  return packPaddedSequence(padSequence(list), lengths, { enforceSorted });
}

/** Undoes {@link packSequence}. */
export function unpackSequence(sequence: PackedSequence): Tensor[] {
  const [padded, lengths] = padPackedSequence(sequence, { batchFirst: true });
  return unpadSequence(padded, lengths, { batchFirst: true });
}
