import type { BackendState } from "@sconce-apps/page/backends";
import type { Job } from "./protocol.js";
import type { Settings } from "./settings.js";

/** The settings as jobs in the order in which they run: a device that is missing has none, and only the CPU is asked for threads. */
export function jobsOf(
  { suites, devices, peers, threads, budget }: Settings,
  backends: readonly BackendState[],
  most: number,
): Omit<Job, "limits">[] {
  const found = new Set<string>(backends.filter(({ missing }) => missing === null).map(({ name }) => name));
  const counts = threads.length === 0 ? [most] : [...new Set(threads.map((n) => Math.min(n, most)))];
  return suites.flatMap((suite) =>
    devices
      .filter((device) => found.has(device))
      .flatMap((device) => (device === "cpu" ? counts : [1]).map((n) => ({ suite, device, threads: n, peers, budget }))),
  );
}
