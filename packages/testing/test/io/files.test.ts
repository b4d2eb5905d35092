import "@sconce/backend-cpu";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { arange, FormatError, type Tensor, ValueError } from "@sconce/core";
import { load, save } from "@sconce/io";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

describe("saving to a file", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "save-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("several saves to one path at once leave one whole file and nothing else", async () => {
    const path = join(folder, "w.safetensors");
    await Promise.all([1, 2, 3, 4].map((k) => save({ w: arange(50_000).mul(k) }, path)));
    expect(await readdir(folder)).toEqual(["w.safetensors"]);
    const { w } = await load<{ w: Tensor }>(path);
    expect([1, 2, 3, 4]).toContain(w.at(1).itemSync());
  });

  it("a save that fails keeps the old file and leaves no part of a new one", async () => {
    const path = join(folder, "w.safetensors");
    await save({ w: arange(3) }, path);
    const before = await readFile(path);
    await expect(save({ w: arange(4), broken: (() => 1) as never }, path)).rejects.toThrow(/got function at "broken"/);
    expect(await readFile(path)).toEqual(before);
    const own: { [name: string]: unknown } = { list: [1] };
    (own.list as unknown[]).push({ own });
    await expect(save(own as never, path)).rejects.toThrow(/expected a state without cycles, got one at "list.1.own" that holds itself/);
    expect(await readFile(path)).toEqual(before);
    await mkdir(join(folder, "taken"));
    await expect(save({ w: arange(3) }, join(folder, "taken"))).rejects.toThrow();
    await expect(save({ w: arange(3) }, join(folder, "missing", "w.safetensors"))).rejects.toThrow(/ENOENT/);
    expect((await readdir(folder)).sort()).toEqual(["taken", "w.safetensors"]);
  });

  it.each([undefined, null, 5, ""])("a path of %s is refused", async (path) => {
    await expect(save({ w: arange(3) }, path as never)).rejects.toThrow(ValueError);
    await expect(load(path as never)).rejects.toThrow(ValueError);
  });

  it("a file cut at any byte is refused whole", async () => {
    const path = join(folder, "w.safetensors");
    await save({ a: arange(2), epoch: 3 }, path);
    const bytes = await readFile(path);
    for (let n = 0; n < bytes.length; n += 7) {
      await writeFile(path, bytes.subarray(0, n));
      await expect(load(path)).rejects.toThrow(FormatError);
    }
  });
});
