import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let server: ViteDevServer;
let url: string;

beforeAll(async () => {
  const configFile = fileURLToPath(new URL("../vite.config.ts", import.meta.url));
  server = await createServer({ configFile, logLevel: "error", server: { port: 0, host: "127.0.0.1" } });
  await server.listen();
  url = server.resolvedUrls?.local[0] as string;
}, 60_000);

afterAll(() => server?.close());

describe("the development server", () => {
  it("isolates the page, so that threads can share memory", async () => {
    const { status, headers } = await fetch(url);
    expect(status).toBe(200);
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  });

  it("packs the data set without telling browsers to unpack it on the way", async () => {
    const { headers, body } = await fetch(`${url}data/t10k-labels-idx1-ubyte`);
    expect(headers.get("content-encoding")).toBeNull();
    const packed = new Uint8Array(await new Response(body).arrayBuffer());
    expect(headers.get("content-length")).toBe(String(packed.length));
    const idx = gunzipSync(packed);
    expect([idx.readUInt32BE(0), idx.readUInt32BE(4), idx.length]).toEqual([0x801, 10000, 10008]);
    expect([...idx.subarray(8, 13)]).toEqual([7, 2, 1, 0, 4]);
  });

  it("has no answer for a file that does not exist", async () => {
    expect((await fetch(`${url}data/no-such-file`)).status).toBe(404);
  });
});
