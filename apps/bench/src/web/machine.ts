import type { Machine } from "../format.js";

/** What the browser tells of itself: `navigator.userAgentData` where there is one. */
interface Navigator2 {
  readonly userAgentData?: { readonly platform: string; readonly brands: readonly { readonly brand: string; readonly version: string }[] };
  readonly deviceMemory?: number;
}

/** Name and version of the browser, as in `Chromium 140`. */
function browser({ userAgentData }: Navigator2, agent: string): string {
  const brands = userAgentData?.brands.filter(({ brand }) => !/not.?a.?brand/i.test(brand)) ?? [];
  const [known] = [...brands.filter(({ brand }) => brand !== "Chromium"), ...brands];
  if (known !== undefined) return `${known.brand} ${known.version}`;
  const [, name, version] = /(Firefox|Version|Chrome)\/([\d.]+)/.exec(agent) ?? [];
  return name === undefined ? agent : `${name === "Version" ? "Safari" : name} ${version}`;
}

/** Where the page runs. Browsers keep the processor to themselves, and round the memory down to at most 8 GB. */
export function machine(navigator: Navigator & Navigator2 = globalThis.navigator): Machine {
  return {
    cpu: "not told by the browser",
    cores: navigator.hardwareConcurrency,
    memoryGB: navigator.deviceMemory ?? 0,
    os: navigator.userAgentData?.platform ?? navigator.platform,
    runtime: browser(navigator, navigator.userAgent),
  };
}
