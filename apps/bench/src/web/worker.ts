/** The worker: everything that is measured runs here, so that the page stays free. */
import { findBackends } from "@sconce-apps/page/backends";
import { reason } from "@sconce-apps/page/reason";
import { getNumThreads } from "sconce";
import { runJob } from "./job.js";
import type { Reply, Request } from "./protocol.js";

const post = (reply: Reply): void => self.postMessage(reply);

async function look(): Promise<void> {
  const threads = globalThis.crossOriginIsolated ? getNumThreads() : 1;
  post({ type: "found", backends: await findBackends(), threads });
}

async function measure(budget: number): Promise<void> {
  const { measureLimits } = await import("../limits.js");
  post({ type: "limits", limits: measureLimits(Math.min(500, budget / 2)) });
}

function answer(request: Request): Promise<void> {
  switch (request.type) {
    case "look":
      return look();
    case "limits":
      return measure(request.budget);
    case "run":
      return runJob(request.job, post);
  }
}

self.onmessage = ({ data: request }: MessageEvent<Request>): void => {
  answer(request).then(
    () => post({ type: "done" }),
    (error: unknown) => post({ type: "failed", reason: reason(error) }),
  );
};
