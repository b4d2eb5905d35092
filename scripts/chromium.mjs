import { existsSync } from "node:fs";
import { firstLine, node, run } from "./shell.mjs";

const works = (program) => firstLine(program, ["--version"]) !== null;

function onPath() {
  for (const name of ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]) {
    const program = process.platform === "win32" ? null : firstLine("sh", ["-c", `command -v ${name}`]);
    if (program && works(program)) return program;
  }
  return null;
}

async function downloaded() {
  const { chromium } = await import("playwright");
  const program = chromium.executablePath();
  return existsSync(program) && works(program) ? program : null;
}

async function debianPackage() {
  if (process.getuid?.() !== 0 || firstLine("apt-get", ["--version"]) === null) return null;
  console.log("Installing Debian's chromium for the browser suites ...");
  const options = { env: { DEBIAN_FRONTEND: "noninteractive" }, input: "ignore", output: "ignore" };
  if ((await run("apt-get", ["update", "-qq"], options)) !== 0) return null;
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], options);
  return onPath();
}

async function playwrightPackage() {
  console.log("Getting Playwright's Chromium for the browser suites ...");
  await node("node_modules/playwright/cli.js", ["install", "chromium"], { input: "ignore" });
  return downloaded();
}

/**
 * The path of a Chromium that starts: CHROMIUM_BIN, one on PATH or one that Playwright has; else Debian's package (as root) or
 * Playwright's download is tried. Null where none can be had.
 */
export async function findChromium() {
  const given = process.env.CHROMIUM_BIN;
  if (given) return works(given) ? given : null;
  return onPath() ?? (await downloaded()) ?? (await debianPackage()) ?? (await playwrightPackage());
}
