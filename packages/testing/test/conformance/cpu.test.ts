import "@sconce/backend-cpu";
import { readFileSync, writeFileSync } from "node:fs";
import { conformance, isRight, type KeyResult } from "../../src/index.js";
import { REQUIRED } from "./required.js";
import { SKIPPED } from "./skipped.js";
import { requestedVariant, useVariant } from "./variants.js";

const record = new URL("passing.json", import.meta.url);

/** `SCONCE_RECORD=1` writes the keys that are right instead of demanding those on record. */
function write(results: readonly KeyResult[]): void {
  const keys = results.filter(isRight).map(({ key }) => key);
  writeFileSync(record, `${JSON.stringify(keys.sort(), null, 2)}\n`);
}

// `SCONCE_VARIANT=eager` or `reference` runs all of it without fusion, or on the plain twins of the kernels.
useVariant(requestedVariant());

await conformance("cpu", {
  required: REQUIRED,
  passing: JSON.parse(readFileSync(record, "utf8")) as string[],
  skip: SKIPPED,
  ...(process.env.SCONCE_RECORD === undefined ? {} : { onResults: write }),
});
