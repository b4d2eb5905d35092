import type { Browser, Page } from "playwright";

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur: number;
  /** Microseconds of the thread's own time, without those when another process had the core. */
  readonly tdur?: number;
}

const MARK = "sconce-page";

/** The tasks of a page's main thread that took `limit` milliseconds or more while `use` ran, each with what it did. */
export async function longTasks(browser: Browser, page: Page, limit: number, use: () => Promise<void>): Promise<string[]> {
  await browser.startTracing(page, {
    categories: ["toplevel", "v8", "blink.user_timing", "devtools.timeline", "disabled-by-default-devtools.timeline"],
  });
  // Chromium has pages of its own, with renderers of their own: the mark tells which thread is this page's.
  await page.evaluate((name) => performance.mark(name), MARK);
  await use();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const main = traceEvents.find(({ name }) => name === MARK);
  const onMain = traceEvents.filter(({ ph, pid, tid }) => ph === "X" && pid === main?.pid && tid === main.tid);
  const tasks = onMain.filter(({ name }) => name === "RunTask");
  if (tasks.length < 20) throw new Error(`expected the tasks of a page in the trace, got ${tasks.length}`);
  const took = ({ name, tdur = 0 }: TraceEvent): string => `${name} ${(tdur / 1000).toFixed(1)} ms`;
  return tasks
    .filter(({ tdur = 0 }) => tdur >= 1000 * limit)
    .map((task) => {
      const inside = onMain.filter(({ pid, ts, tdur = 0 }) => pid === task.pid && ts >= task.ts && ts < task.ts + task.dur && tdur > 3000);
      return inside.map(took).join(", ");
    });
}
