/** A fenced block of a page. */
export interface Block {
  /** What stands after the fence, such as `ts` or `ts browser`. */
  readonly kind: string;
  readonly text: string;
}

/** The fenced blocks of a page, in order. */
export function blocksOf(page: string): Block[] {
  return [...page.matchAll(/^```(.*)\n([\s\S]*?)\n```$/gm)].map(([, kind, text]) => ({ kind, text }));
}

/** The lines that a block of code should print: those of the `text` block after it, else the comments behind its `console.log` calls. */
export function expectedOf({ text }: Block, next: Block | undefined): string[] {
  if (next?.kind === "text") return next.text.split("\n");
  return [...text.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, expected]) => expected);
}
