import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReadError, readBytes, sha256 } from "./files.js";

const content = Uint8Array.from({ length: 200_000 }, (_, i) => i % 251);
let folder: string;
let file: string;
let server: Server;
let base: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sconce-files-"));
  file = join(folder, "some file.bin");
  await writeFile(file, content);
  server = createServer((request, response) => {
    if (request.url === "/file") response.writeHead(200, { "content-length": content.length }).end(content);
    else if (request.url === "/packed") response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(content));
    else if (request.url === "/cut") {
      response.writeHead(200, { "content-length": content.length }).write(content.subarray(0, 1000), () => response.destroy());
    } else if (request.url === "/slow") response.writeHead(200).write(content.subarray(0, 10));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

const same = (bytes: Uint8Array): boolean => Buffer.compare(bytes, content) === 0;

describe("readBytes", () => {
  it("reads a path, a file URL and its text", async () => {
    expect(same(await readBytes(file))).toBe(true);
    expect(same(await readBytes(pathToFileURL(file)))).toBe(true);
    expect(same(await readBytes(pathToFileURL(file).href))).toBe(true);
  });

  it("fetches a URL and reports progress up to the total", async () => {
    const calls: [number, number | null][] = [];
    expect(same(await readBytes(`${base}/file`, { onProgress: (...call) => calls.push(call) }))).toBe(true);
    expect(calls.at(-1)).toEqual([content.length, content.length]);
    expect(calls.every(([received], i) => i === 0 || received > calls[i - 1][0])).toBe(true);
  });

  it("fetches a compressed transfer, whose total is unknown", async () => {
    const totals = new Set<number | null>();
    expect(same(await readBytes(new URL(`${base}/packed`), { onProgress: (_, total) => totals.add(total) }))).toBe(true);
    expect([...totals]).toEqual([null]);
  });

  it("reads a data URL", async () => {
    expect(await readBytes("data:application/octet-stream;base64,AQID")).toEqual(new Uint8Array([1, 2, 3]));
  });

  it("reports progress for a file on disk", async () => {
    const calls: [number, number | null][] = [];
    await readBytes(file, { onProgress: (...call) => calls.push(call) });
    expect(calls).toEqual([[content.length, content.length]]);
  });

  it("names a file that is missing, with the system's error as cause", async () => {
    const error = (await readBytes(join(folder, "none")).catch((e: unknown) => e)) as ReadError;
    expect(error).toBeInstanceOf(ReadError);
    expect(error.message).toContain("none");
    expect((error.cause as NodeJS.ErrnoException).code).toBe("ENOENT");
  });

  it("gives the status of a server that refuses", async () => {
    const error = (await readBytes(`${base}/none`).catch((e: unknown) => e)) as ReadError;
    expect(error).toBeInstanceOf(ReadError);
    expect(error.status).toBe(404);
  });

  it("refuses a transfer that ends early", async () => {
    await expect(readBytes(`${base}/cut`)).rejects.toThrow(ReadError);
  });

  it("ends with the reason of the signal", async () => {
    const reason = new Error("no longer wanted");
    await expect(readBytes(file, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const reading = readBytes(`${base}/slow`, { signal: controller.signal, onProgress: () => controller.abort(reason) });
    await expect(reading).rejects.toBe(reason);
  });
});

describe("sha256", () => {
  it("gives the digest of FIPS 180 for abc", async () => {
    expect(await sha256(new TextEncoder().encode("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});
