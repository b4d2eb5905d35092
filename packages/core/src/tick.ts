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
