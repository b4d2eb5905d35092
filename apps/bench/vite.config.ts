import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** With these two headers memory can be shared between threads; without them the CPU backend runs on one. */
const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

const manifest = (path: string): { version: string; dependencies: Record<string, string> } =>
  JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));

/** Versions that the libraries do not tell themselves. */
const versions = {
  sconce: manifest("../../packages/sconce/package.json").version,
  "jax-js": manifest("package.json").dependencies["@jax-js/jax"],
};

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  define: { VERSIONS: JSON.stringify(versions) },
  appType: "mpa",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  // TensorFlow.js hands the source text of one of its functions to its threads, names and all.
  worker: { format: "es", rolldownOptions: { output: { minify: false } } },
  // What only a worker asks for, when it asks: found late, it would reload the page in the middle of a run.
  optimizeDeps: {
    entries: ["index.html", "src/web/*.ts", "src/peers/{sconce,sconce-compiled,tfjs,jax-js}.ts"],
    include: ["@tensorflow/tfjs-core/dist/register_all_gradients.js"],
  },
  build: { outDir: "dist/site", emptyOutDir: true, target: "es2022", reportCompressedSize: false, chunkSizeWarningLimit: 2500 },
  server: { headers },
  preview: { headers },
});
