import { readFileSync } from "node:fs";
import { pageConfig } from "../page/vite.js";

const manifest = (path: string): { version: string; dependencies: Record<string, string> } =>
  JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));

/** Versions that the libraries do not tell themselves. */
const versions = {
  sconce: manifest("../../packages/sconce/package.json").version,
  "jax-js": manifest("package.json").dependencies["@jax-js/jax"],
};

export default pageConfig(import.meta.url, {
  define: { VERSIONS: JSON.stringify(versions) },
  // TensorFlow.js hands the source text of one of its functions to its threads, names and all.
  worker: { rolldownOptions: { output: { minify: false } } },
  // What only a worker asks for, when it asks: found late, it would reload the page in the middle of a run.
  optimizeDeps: {
    entries: ["index.html", "src/web/*.ts", "src/peers/{sconce,sconce-compiled,tfjs,jax-js}.ts"],
    include: ["@tensorflow/tfjs-core/dist/register_all_gradients.js"],
  },
  build: { chunkSizeWarningLimit: 2500 },
});
