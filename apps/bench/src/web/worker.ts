/** The worker: everything that is measured runs here, so that the page stays free. */
import { getNumThreads } from "sconce";
import { findBackends } from "./backends.js";
import { runJob } from "./job.js";
import type { Reply, Request } from "./protocol.js";

const post = (reply: Reply): void => self.postMessage(reply);

async function look(): Promise<void> {
  const threads = globalThis.crossOriginIsolated ? getNumThreads() : 1;
  post({ type: "found", backends: await findBackends(), threads });
}

self.onmessage = ({ data: request }: MessageEvent<Request>): void => {
  const work = request.type === "look" ? look() : runJob(request.job, post);
  work.then(
    () => post({ type: "done" }),
    (error: unknown) => post({ type: "failed", reason: error instanceof Error ? error.message : String(error) }),
  );
};
