import { fileURLToPath } from "node:url";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

/** A development server that runs. */
export interface Running {
  readonly server: ViteDevServer;
  readonly url: string;
}

/** Starts the development server of an app for tests, the first of which every app has. */
export function describeServer(app: string, tests: (running: () => Running) => void): void {
  describe("the development server", () => {
    let running: Running;

    beforeAll(async () => {
      const configFile = fileURLToPath(new URL(`../../${app}/vite.config.ts`, import.meta.url));
      const server = await createServer({ configFile, logLevel: "error", server: { port: 0, host: "127.0.0.1" } });
      await server.listen();
      running = { server, url: server.resolvedUrls?.local[0] as string };
    }, 60_000);

    afterAll(() => running?.server.close());

    it("isolates the page, so that threads can share memory", async () => {
      const { status, headers } = await fetch(running.url);
      expect(status).toBe(200);
      expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
      expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
    });

    tests(() => running);
  });
}
