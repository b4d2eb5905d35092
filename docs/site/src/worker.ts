/** Runs one program, away from the page: it may take as long as it likes, and is stopped by ending the worker. */
import * as sconce from "sconce";
import * as autograd from "sconce/autograd";
import * as data from "sconce/data";
import * as func from "sconce/func";
import * as io from "sconce/io";
import * as nn from "sconce/nn";
import * as optim from "sconce/optim";
import { type MODULES, withoutImports } from "./imports.js";

const modules: { readonly [M in (typeof MODULES)[number]]: object } = {
  sconce,
  "sconce/nn": nn,
  "sconce/optim": optim,
  "sconce/data": data,
  "sconce/io": io,
  "sconce/func": func,
  "sconce/autograd": autograd,
};

/** What the page hears. */
export type Message = { readonly kind: "print" | "error"; readonly text: string } | { readonly kind: "end"; readonly milliseconds: number };

const send = (message: Message): void => postMessage(message);

/** A value as Node prints it, near enough. */
function show(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (value.toString !== Object.prototype.toString && !Array.isArray(value)) return String(value);
  return JSON.stringify(value, (_, x: unknown) => (typeof x === "bigint" ? `${x}n` : x));
}

for (const name of ["log", "info", "warn", "error"] as const) {
  console[name] = (...values: unknown[]) => send({ kind: name === "error" ? "error" : "print", text: values.map(show).join(" ") });
}

type Run = (given: typeof modules) => Promise<void>;

addEventListener("message", async ({ data: code }: MessageEvent<string>) => {
  const started = performance.now();
  try {
    const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (parameter: string, body: string) => Run;
    await new AsyncFunction("modules", withoutImports(code))(modules);
  } catch (error) {
    send({ kind: "error", text: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
  }
  send({ kind: "end", milliseconds: performance.now() - started });
});
