import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

/** The playground as one module beside the site's pages, with its worker in a file of its own. */
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "./",
  // Modules and errors print the names of their classes.
  worker: { format: "es", rolldownOptions: { output: { keepNames: true } } },
  build: {
    outDir: fileURLToPath(new URL("../../docs-out/playground", import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
    reportCompressedSize: false,
    rolldownOptions: {
      input: fileURLToPath(new URL("src/playground.ts", import.meta.url)),
      preserveEntrySignatures: "exports-only",
      output: { keepNames: true, entryFileNames: "playground.js", assetFileNames: "[name][extname]" },
    },
  },
});
