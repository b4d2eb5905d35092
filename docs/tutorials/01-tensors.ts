import { add, arange, empty, fromTypedArray, manualSeed, ones, rand, randn, tensor, zeros } from "sconce";

/** New tensors: empty, random, from numbers. */
export function create(print: typeof console.log): void {
  print(empty([5, 3]).shape); // what it holds is left open
  print(rand([2, 3])); // uniform, 0 up to 1
  const x = tensor([5.5, 3]);
  print(x);
  print(x.shape, x.dtype, x.device);
}

/** Sums as methods, as functions and in place; sizes of 1 stretch. */
export function operate(print: typeof console.log): void {
  const x = tensor([[1, 2]]);
  const y = tensor([[1], [2], [3]]);
  print(x.add(y)); // [1, 2] + [3, 1] -> [3, 2]
  print(add(x, y).equalSync(x.add(y)));
  y.add_(10); // an underscore: in place
  print(y.t()); // [3, 1] -> [1, 3]
  print(x.pow(2), x.mm(y.slice(0, 0, 2))); // elementwise, and the matrix product
}

/** Parts of a tensor, and other shapes of it. */
export function index(print: typeof console.log): void {
  const x = arange(16).view(4, 4);
  print(x.at(":", 1)); // a column
  print(x.at("1:-1", "::2")); // rows and columns by slices
  print(x.at(x.gt(12))); // by a mask
  print(x.view(-1, 8).shape, x.view(16).shape); // -1 is worked out
}

/** Views share memory; clones do not. */
export function shareMemory(print: typeof console.log): void {
  const b = zeros([2, 3]);
  const a = b.view(6);
  const copy = b.clone();
  a.setAt(0, 99);
  print(b);
  print(copy.at(0, 0));

  const numbers = new Float64Array([1, 1, 1]);
  const shared = fromTypedArray(numbers); // the tensor is this array
  numbers[0] = 7;
  shared.add_(1);
  print(numbers, shared);
  print(tensor(numbers).add_(1), numbers); // tensor() copies
}

/** A tensor with one element as a number. */
export async function read(print: typeof console.log): Promise<number> {
  const x = randn([1]);
  const value = await x.item();
  print(x, value);
  print(await ones([2, 2]).tolist());
  return value;
}

/** Prints what the guide shows. */
export async function run(print: typeof console.log = console.log): Promise<void> {
  manualSeed(0);
  create(print);
  operate(print);
  index(print);
  shareMemory(print);
  await read(print);
}

if (process.argv[1] === import.meta.filename) await run();
