import "@sconce/backend-cpu";
import "@sconce/backend-webgl";
import { type Device, init } from "@sconce/core";
import { describe } from "vitest";
import { testDevice } from "../compile/device.js";

await init("webgl");

describe("a compiled function on WebGL", () => testDevice("webgl" as Device));
