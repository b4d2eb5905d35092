/** What the page has to say. */
import { type Signal, signal } from "@preact/signals";

/** Something to tell the visitor. */
export interface Notice {
  readonly kind: "info" | "error";
  readonly text: string;
}

export const notices: Signal<readonly Notice[]> = signal<readonly Notice[]>([]);

/** Shows a notice; an older one with the same words goes. */
export function tell(notice: Notice): void {
  notices.value = [...notices.value.filter(({ text }) => text !== notice.text), notice].slice(-3);
}

/** Takes a notice away. */
export function dismiss(text: string): void {
  notices.value = notices.value.filter((notice) => notice.text !== text);
}
