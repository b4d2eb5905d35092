import { fileURLToPath } from "node:url";
import { mergeConfig, type UserConfig } from "vite";

/** With these two headers memory can be shared between threads; without them the CPU backend runs on one. */
export const isolation: { readonly [header: string]: string } = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/** How the page in the folder of a `vite.config.ts` is served and built, but for what is its own. */
export function pageConfig(config: string, own: UserConfig): UserConfig {
  const common: UserConfig = {
    root: fileURLToPath(new URL(".", config)),
    base: "./",
    appType: "mpa",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    worker: { format: "es" },
    build: { outDir: "dist/site", emptyOutDir: true, target: "es2022", reportCompressedSize: false },
    server: { headers: isolation },
    preview: { headers: isolation },
  };
  return mergeConfig(common, own);
}
