/**
 * The gradients of TensorFlow.js in Node: its CommonJS build leaves them out, and the modules that register them are written for bundlers.
 * They and the library find each other through a registry on the global object.
 */
import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = fileURLToPath(new URL("../tfjs", import.meta.url));
const bundle = `${folder}/gradients.js`;

/** Registers the gradients, bundling them the first time. */
export async function registerGradients(): Promise<void> {
  if (!existsSync(bundle)) {
    const { build } = await import("vite");
    await build({
      configFile: false,
      logLevel: "error",
      build: {
        ssr: fileURLToPath(import.meta.resolve("@tensorflow/tfjs-core/dist/register_all_gradients.js")),
        outDir: folder,
        rollupOptions: { output: { entryFileNames: "gradients.js" } },
      },
      ssr: { noExternal: true },
    });
  }
  await import(pathToFileURL(bundle).href);
}
