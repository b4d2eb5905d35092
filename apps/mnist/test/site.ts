import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const app = fileURLToPath(new URL("..", import.meta.url));
const site = join(app, "dist/site");

const types: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/** Builds the page as `npm run mnist:web -- --build` does. */
export async function buildSite(): Promise<void> {
  await build({ configFile: join(app, "vite.config.ts"), logLevel: "error" });
}

/** The built page in a folder of a plain file server. */
export interface Site {
  readonly url: string;
  close(): void;
}

/** Serves the page in a subfolder; `isolated` sends the headers that let threads share memory. */
export async function serveSite({ isolated }: { readonly isolated: boolean }): Promise<Site> {
  const prefix = "/some/folder/";
  const server: Server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const file = join(site, path.slice(prefix.length) || "index.html");
    if (!path.startsWith(prefix) || !existsSync(file)) return void response.writeHead(404).end();
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    const bytes = readFileSync(file);
    response.setHeader("Content-Type", types[extname(file)] ?? "application/octet-stream");
    response.setHeader("Content-Length", bytes.length).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
