import { fileURLToPath } from "node:url";
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

  it("knows before the page asks what only its worker asks for", async () => {
    await server.environments.client.depsOptimizer?.scanProcessing;
    const { optimized, discovered } = server.environments.client.depsOptimizer!.metadata;
    const known = Object.keys({ ...optimized, ...discovered });
    expect(known).toEqual(expect.arrayContaining(["@tensorflow/tfjs-core/dist/register_all_gradients.js", "@jax-js/jax"]));
  });
});
