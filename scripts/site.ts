import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const folderOf = (app: string): string => fileURLToPath(new URL(`../apps/${app}`, import.meta.url));

const types: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/** Builds the page of an app as `npm run mnist:web -- --build` does. */
export async function buildSite(app: string): Promise<void> {
  await build({ configFile: join(folderOf(app), "vite.config.ts"), logLevel: "error" });
}

/** The built page in a folder of a plain file server. */
export interface Site {
  readonly url: string;
  close(): void;
}

/** Serves the built page of an app in a subfolder; `isolated` sends the headers that let threads share memory. */
export async function serveSite(app: string, { isolated }: { readonly isolated: boolean }): Promise<Site> {
  const prefix = "/some/folder/";
  const server: Server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const file = join(folderOf(app), "dist/site", path.slice(prefix.length) || "index.html");
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
