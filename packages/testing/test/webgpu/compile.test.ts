import "@sconce/backend-cpu";
import "@sconce/backend-webgpu";
import { type Device, init } from "@sconce/core";
import { describe } from "vitest";
import { testDevice } from "../compile/device.js";
import { startDevice } from "./start.js";

const available = (await startDevice()) !== null;
if (available) await init("webgpu");

describe.runIf(available)("a compiled function on WebGPU", () => testDevice("webgpu" as Device));
