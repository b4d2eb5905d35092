import { afterEach, describe, expect, it } from "vitest";
import {
  type Backend,
  type Device,
  getBackend,
  init,
  registerBackend,
  registerBackendFactory,
  startedDevices,
  unregisterBackend,
} from "./backend.js";
import { DeviceError } from "./errors.js";

const backend = (name: string): Backend => ({ name: name as Device }) as Backend;
const started: Backend[] = [];

/** Announces a device whose adapter is as given, or missing. */
function announce(name: string, rank: number, adapter: { name: string; software: boolean } | null): void {
  const start = (): Backend => {
    const made = backend(name);
    started.push(made);
    return made;
  };
  const probe = async (): Promise<{ name: string; software: boolean }> => {
    if (adapter === null) throw new DeviceError("no adapter");
    return adapter;
  };
  registerBackendFactory(name as Device, start, { rank, probe });
}

afterEach(() => {
  for (const made of started.splice(0)) unregisterBackend(made);
});

describe("init without a name", () => {
  it("says what to import while there is nothing to start", async () => {
    await expect(init()).rejects.toThrow('no backend is imported; import "@sconce/backend-cpu"');
    announce("fast", 2, null);
    await expect(init()).rejects.toThrow("init: fast cannot start (no adapter)");
  });

  it("stays with what is started where the others have no adapter or a software one", async () => {
    registerBackend(backend("plain"));
    expect(await init()).toEqual({ device: "plain", why: "plain: fast cannot start (no adapter)" });
    announce("fast", 2, { name: "emulated", software: true });
    expect(await init()).toEqual({ device: "plain", why: "plain: fast has only the software adapter emulated" });
    expect(startedDevices()).not.toContain("fast");
  });

  it("takes a software adapter when asked", async () => {
    announce("fast", 2, { name: "emulated", software: true });
    expect(await init({ software: true })).toEqual({ device: "fast", why: "fast: runs on emulated" });
    expect(startedDevices()).toContain("fast");
  });

  it("starts the highest rank that has hardware and names what it passed over", async () => {
    announce("good", 1, { name: "card one", software: false });
    announce("fast", 2, { name: "card two", software: false });
    expect((await init()).device).toBe("fast");
    announce("fast", 2, null);
    expect(await init()).toEqual({ device: "good", why: "good: runs on card one; fast cannot start (no adapter)" });
  });
});

describe("init with a name", () => {
  it("says which package brings the device, and what is here", async () => {
    const plain = backend("plain");
    started.push(plain);
    registerBackend(plain);
    await expect(init("webgpu" as Device)).rejects.toThrow(
      /^init: device "webgpu" is not available; import its package first: import "@sconce\/backend-webgpu"; devices here: plain/,
    );
    expect(() => getBackend("fast" as Device)).toThrow('getBackend: device "fast" is not available; start it first: await init("fast")');
  });

  it("suggests no package that does not exist", async () => {
    const plain = backend("plain");
    started.push(plain);
    registerBackend(plain);
    await expect(init("cuda" as Device)).rejects.toThrow(
      /^init: device "cuda" is not available; devices here: plain.*; packages that bring one: @sconce\/backend-cpu, @sconce\/backend-webgpu, @sconce\/backend-webgl$/,
    );
  });
});
