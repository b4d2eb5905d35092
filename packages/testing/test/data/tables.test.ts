import "@sconce/backend-cpu";
import { FormatError } from "@sconce/core";
import { CSVDataset, DataLoader, JSONDataset, TextDataset, Vocabulary } from "@sconce/data";
import { describe, expect, it } from "vitest";

const url = (text: string): string => `data:text/plain,${encodeURIComponent(text)}`;

describe("CSVDataset", () => {
  it("reads numbers, strings, quotes and empty cells", () => {
    const table = new CSVDataset('\ufeffn,name,empty\r\n1.5,"a ""b"", c",\r\n\r\n-2e3,"two\nlines",7\n');
    expect(table.columns).toEqual(["n", "name", "empty"]);
    expect(table.length).toBe(2);
    expect(table.getItem(0)).toEqual({ n: 1.5, name: 'a "b", c', empty: Number.NaN });
    expect(table.getItem(1)).toEqual({ n: -2000, name: "two\nlines", empty: 7 });
    expect(table.column("name")).toEqual(['a "b", c', "two\nlines"]);
  });

  it("takes names of columns, other delimiters and no header", () => {
    expect(new CSVDataset("1;2\n3;4", { delimiter: ";", header: false }).getItem(1)).toEqual({ 0: 3, 1: 4 });
    expect(new CSVDataset("1,2", { header: ["x", "y"] }).getItem(0)).toEqual({ x: 1, y: 2 });
  });

  it("makes tensors of columns and batches of rows", async () => {
    const table = await CSVDataset.load(url("x,y,kind\n1,2,a\n3,inf,b\n5,6,a"));
    expect(table.tensor(["y", "x"]).tolistSync()).toEqual([
      [2, 1],
      [Number.POSITIVE_INFINITY, 3],
      [6, 5],
    ]);
    expect(table.tensor("x").tolistSync()).toEqual([1, 3, 5]);
    for await (const batch of new DataLoader(table, { batchSize: 3 }))
      expect([(batch.x as unknown as { shape: number[] }).shape, batch.kind]).toEqual([[3], ["a", "b", "a"]]);
  });

  it("names the line of what is wrong", () => {
    expect(() => new CSVDataset("a,b\n1,2\n3")).toThrow("expected 2 cells in line 3, as there are columns, got 1");
    expect(() => new CSVDataset('a\n"1')).toThrow("a quote of line 2 does not end");
    expect(() => new CSVDataset('a\n"1"2')).toThrow('expected "," or the end of line 2 after a quote, got "2"');
    expect(() => new CSVDataset("a", { delimiter: "" })).toThrow("delimiter of one character");
    const table = new CSVDataset("a,b\nx,1");
    expect(() => table.tensor("a")).toThrow('expected column a to hold numbers, got "x" in sample 0');
    expect(() => table.column("c")).toThrow('no column "c"; there are a, b');
    expect(() => table.getItem(1)).toThrow("index 1 is out of range");
  });
});

describe("JSONDataset", () => {
  it("reads arrays and lines", async () => {
    expect(new JSONDataset(' [{"x": 1}, 2]').items).toEqual([{ x: 1 }, 2]);
    expect((await JSONDataset.load(url('{"x": 1}\r\n\n[2]\n'))).items).toEqual([{ x: 1 }, [2]]);
    expect(new JSONDataset("[1]\n[2]", { lines: true }).getItem(1)).toEqual([2]);
  });

  it("names the line of what is wrong", () => {
    expect(() => new JSONDataset("{}\n{")).toThrow(/JSONDataset: expected JSON in line 2/);
    expect(() => new JSONDataset("{}", { lines: false })).toThrow("expected an array of samples, got Object");
    expect(() => new JSONDataset("[1,")).toThrow(FormatError);
  });
});

describe("Vocabulary", () => {
  it("numbers characters by code point and words by how often they come", () => {
    const characters = Vocabulary.of("hello 🌍", "characters");
    expect(characters.tokens).toEqual([" ", "e", "h", "l", "o", "🌍"]);
    expect(characters.decode(characters.encode("hole 🌍"))).toBe("hole 🌍");
    const words = Vocabulary.of("To be, or not to be: that's it. be!", "words", { special: ["<pad>"], unknown: "<unk>", minCount: 2 });
    expect(words.tokens).toEqual(["<pad>", "<unk>", "be"]);
    expect([...words.encode("be or be")]).toEqual([2, 1, 2]);
    expect(Vocabulary.of("b a, b", "words").tokens).toEqual(["b", ",", "a"]);
    expect(words.decode([2, 1])).toBe("be <unk>");
  });

  it("refuses what it does not know", () => {
    const vocabulary = new Vocabulary(["a", "b"], "characters");
    expect(() => vocabulary.encode("abc")).toThrow('"c" is not among the 2 tokens');
    expect(() => vocabulary.decode([2])).toThrow("expected numbers from 0 to 1, got 2");
    expect(() => new Vocabulary(["a", "a"], "words")).toThrow("each token once");
    expect(() => new Vocabulary(["a"], "words", "b")).toThrow('expected "b" among the tokens');
  });
});

describe("TextDataset", () => {
  it("gives blocks and the tokens one place further", async () => {
    const dataset = new TextDataset([0, 1, 2, 3, 4, 5, 6, 7], { blockSize: 3, stride: 2 });
    expect(dataset.length).toBe(3);
    expect(dataset.getItem(2).map((x) => x.tolistSync())).toEqual([
      [4, 5, 6],
      [5, 6, 7],
    ]);
    for await (const [x, y] of new DataLoader(dataset, { batchSize: 3 })) {
      expect(x.tolistSync()).toEqual([
        [0, 1, 2],
        [2, 3, 4],
        [4, 5, 6],
      ]);
      expect(y.sub(x).abs().sub(1).any().itemSync()).toBe(0);
    }
    expect(() => dataset.getItem(3)).toThrow("out of range");
    expect(() => new TextDataset([1, 2], { blockSize: 2 })).toThrow("more tokens than a block of 2");
    expect(() => new TextDataset([1, 2], { blockSize: 0 })).toThrow("positive integer as blockSize");
  });
});
