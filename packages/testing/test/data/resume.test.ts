import "@sconce/backend-cpu";
import { arange, Generator, manualSeed, rand, type Tensor } from "@sconce/core";
import {
  DataLoader,
  type DataLoaderOptions,
  type DataLoaderState,
  IterableDataset,
  SubsetRandomSampler,
  TensorDataset,
} from "@sconce/data";
import { describe, expect, it } from "vitest";

type Rows = [Tensor];
type Options = DataLoaderOptions<Rows, Rows>;

const makeLoader = (options: Options): DataLoader<Rows, Rows> =>
  new DataLoader(new TensorDataset(arange(10)), { batchSize: 3, ...options } as Options);

/** The rows of a batch, and a random number that a training step might draw. */
const look = ([rows]: Rows): number[] => [...(rows.dataSync() as Int32Array), rand([1]).itemSync()];

async function rest(loader: DataLoader<Rows, Rows>, epochs: number): Promise<number[][]> {
  const seen: number[][] = [];
  for (let i = 0; i < epochs; i++) for await (const batch of loader) seen.push(look(batch));
  return seen;
}

/** What an uninterrupted run sees after two batches of its second epoch, and the state there. */
async function interrupted(options: () => Options): Promise<{ state: DataLoaderState; after: number[][] }> {
  manualSeed(1);
  const loader = makeLoader(options());
  await rest(loader, 1);
  const after: number[][] = [];
  let state: DataLoaderState | undefined;
  let batches = 0;
  for await (const batch of loader) {
    if (state !== undefined) after.push(look(batch));
    else {
      look(batch);
      if (++batches === 2) state = JSON.parse(JSON.stringify(loader.stateDict())) as DataLoaderState;
    }
  }
  after.push(...(await rest(loader, 1)));
  return { state: state as DataLoaderState, after };
}

const CASES: readonly (readonly [string, () => Options])[] = [
  ["in order", () => ({})],
  ["shuffled", () => ({ shuffle: true })],
  ["shuffled, with dropLast", () => ({ shuffle: true, dropLast: true })],
  ["with a sampler that draws from manualSeed", () => ({ sampler: new SubsetRandomSampler([...Array(10).keys()]) })],
  ["one batch ahead", () => ({ shuffle: true, device: "cpu" })],
];

describe("a loader that goes on", () => {
  it.each(CASES)("gives the same batches as one that was not stopped, %s", async (_, options) => {
    const { state, after } = await interrupted(options);
    manualSeed(99);
    const loader = makeLoader(options());
    loader.loadStateDict(state);
    expect(loader.stateDict()).toEqual(state);
    expect(await rest(loader, 2)).toEqual(after);
  });

  it("follows its own generator", async () => {
    const generator = new Generator(5);
    const loader = makeLoader({ shuffle: true, generator });
    const rows = async (l: DataLoader<Rows, Rows>): Promise<number[][]> => (await rest(l, 1)).map((row) => row.slice(0, -1));
    let state: DataLoaderState | undefined;
    const after: number[][] = [];
    for await (const [batch] of loader) {
      if (state !== undefined) after.push([...(batch.dataSync() as Int32Array)]);
      state ??= loader.stateDict();
    }
    after.push(...(await rows(loader)));
    const loader2 = makeLoader({ shuffle: true, generator: new Generator(77) });
    loader2.loadStateDict(state as DataLoaderState);
    expect([...(await rows(loader2)), ...(await rows(loader2))]).toEqual(after);
  });

  it("starts a new epoch where one had ended", async () => {
    manualSeed(3);
    const loader = makeLoader({ shuffle: true });
    await rest(loader, 1);
    const state = loader.stateDict();
    expect(state.batches).toBe(0);
    const after = await rest(loader, 1);
    manualSeed(4);
    const loader2 = makeLoader({ shuffle: true });
    loader2.loadStateDict(state);
    expect(await rest(loader2, 1)).toEqual(after);
  });

  it("drops what it had read of a stream", async () => {
    class Count extends IterableDataset<number> {
      override async *[Symbol.asyncIterator](): AsyncGenerator<number> {
        for (let i = 0; i < 7; i++) yield i;
      }
    }
    const make = (): DataLoader<number, Tensor> => new DataLoader(new Count(), { batchSize: 2 }) as unknown as DataLoader<number, Tensor>;
    const loader = make();
    for await (const _ of loader) if (loader.stateDict().batches === 2) break;
    const loader2 = make();
    loader2.loadStateDict(loader.stateDict());
    const seen: number[][] = [];
    for await (const batch of loader2) seen.push([...batch.dataSync()] as number[]);
    expect(seen).toEqual([[4, 5], [6]]);
  });

  it("refuses what is no state", () => {
    for (const state of [{}, null]) {
      expect(() => makeLoader({}).loadStateDict(state as DataLoaderState)).toThrow(
        "DataLoader.loadStateDict: expected what stateDict() returned",
      );
    }
  });
});
