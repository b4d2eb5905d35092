import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { describeServer } from "../../page/test/server.js";

describeServer("mnist", (running) => {
  it("packs the data set without telling browsers to unpack it on the way", async () => {
    const { headers, body } = await fetch(`${running().url}data/t10k-labels-idx1-ubyte`);
    expect(headers.get("content-encoding")).toBeNull();
    const packed = new Uint8Array(await new Response(body).arrayBuffer());
    expect(headers.get("content-length")).toBe(String(packed.length));
    const idx = gunzipSync(packed);
    expect([idx.readUInt32BE(0), idx.readUInt32BE(4), idx.length]).toEqual([0x801, 10000, 10008]);
    expect([...idx.subarray(8, 13)]).toEqual([7, 2, 1, 0, 4]);
  });

  it("has no answer for a file that does not exist", async () => {
    expect((await fetch(`${running().url}data/no-such-file`)).status).toBe(404);
  });
});
