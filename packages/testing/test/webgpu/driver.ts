import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";

/** Keeps a library loaded whatever becomes of the handle (dlfcn.h). */
const RTLD_NODELETE = 0x1000;

function driverFile(): string | undefined {
  const places = ["/usr/lib/chromium/vk_swiftshader_icd.json"];
  try {
    const files = execFileSync("dpkg", ["-L", "chromium-common"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    places.push(...files.split("\n").filter((file) => file.endsWith("vk_swiftshader_icd.json")));
  } catch {
    // Not Debian.
  }
  return places.find((file) => existsSync(file));
}

/** Loads a Vulkan loader by its path: the system's dynamic linker then finds it by its name. */
function loadLoader(file: string): void {
  if (!existsSync(file)) return;
  try {
    process.dlopen({ exports: {} }, file, constants.dlopen.RTLD_NOW | RTLD_NODELETE);
  } catch {
    // It is no Node module; it stays loaded nevertheless.
  }
}

/** Points Vulkan at the software driver of Debian's Chromium where nothing else is chosen. Must run before the first adapter is asked for. */
export function findDriver(): void {
  if (process.platform !== "linux" || process.env.VK_ICD_FILENAMES || process.env.VK_DRIVER_FILES) return;
  const file = driverFile();
  if (file === undefined) return;
  process.env.VK_ICD_FILENAMES = file;
  loadLoader(join(dirname(file), "libvulkan.so.1"));
}
