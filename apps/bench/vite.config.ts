import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** With these two headers memory can be shared between threads; without them the CPU backend runs on one. */
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  appType: "mpa",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  worker: { format: "es" },
  build: { outDir: "dist/site", emptyOutDir: true, target: "es2022", reportCompressedSize: false, chunkSizeWarningLimit: 2500 },
  server: { headers },
  preview: { headers },
});
