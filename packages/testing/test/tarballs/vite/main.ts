import "@sconce/backend-webgl";
import "@sconce/backend-webgpu";
import { type Device, init } from "sconce";
import { type Trained, train } from "./train.js";

/** The same in a worker of the app. */
function inWorker(): Promise<Trained> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
}

async function on(device: Device): Promise<Trained> {
  return train(await init(device));
}

const results = { cpu: await on("cpu"), webgpu: await on("webgpu"), webgl: await on("webgl"), worker: await inWorker() };
Object.assign(globalThis, { results });
