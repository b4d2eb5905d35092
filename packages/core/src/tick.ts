/** Ends after a macrotask, so that finalizers run and other events get their turn; microtasks never let them. */
export const macrotask: () => Promise<void> =
  typeof (globalThis as { setImmediate?: unknown }).setImmediate === "function"
    ? () => new Promise((resolve) => (globalThis as unknown as { setImmediate(fn: () => void): void }).setImmediate(resolve))
    : viaChannel();

function viaChannel(): () => Promise<void> {
  let channel: MessageChannel | undefined;
  let waiting: (() => void)[] = [];
  return () =>
    new Promise((resolve) => {
      if (channel === undefined) {
        channel = new MessageChannel();
        channel.port1.onmessage = () => {
          const ready = waiting;
          waiting = [];
          for (const fn of ready) fn();
        };
      }
      waiting.push(resolve);
      if (waiting.length === 1) channel.port2.postMessage(null);
    });
}

/** Milliseconds from one turn to the next: a turn costs some microseconds, as much as a small kernel. */
const INTERVAL = 1;
let last = Number.NEGATIVE_INFINITY;

/** A {@link macrotask} where there was none of this kind for a while; else nothing to wait for. */
export function breathe(): Promise<void> | undefined {
  if (performance.now() - last < INTERVAL) return undefined;
  return macrotask().then(() => void (last = performance.now()));
}
