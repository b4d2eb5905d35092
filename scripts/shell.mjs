import { spawn, spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const windows = process.platform === "win32";
let interrupted = false;

/** Whether Ctrl-C or a termination signal arrived: steps still to come are left out. */
export const wasInterrupted = () => interrupted;

/** Runs a program with this terminal and resolves to its exit code; 127 where it cannot start. */
export function run(command, args, { env = {}, input = "inherit", output = "inherit" } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: [input, output, "inherit"],
      shell: windows,
    });
    const onSignal = (signal) => {
      interrupted = true;
      // A terminal sends Ctrl-C to the child as well.
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    };
    const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) process.on(signal, onSignal);
    const finish = (code) => {
      for (const signal of signals) process.off(signal, onSignal);
      resolve(code);
    };
    child.on("error", (error) => {
      console.error(`${command}: ${error.message}`);
      finish(127);
    });
    child.on("exit", (code, signal) => {
      interrupted ||= signal === "SIGINT" || signal === "SIGTERM";
      finish(code ?? (signal === "SIGINT" ? 130 : 1));
    });
  });
}

/** Runs a Node script of this repository, or of a package that it installed. */
export const node = (script, args = [], options = {}) =>
  run(windows ? `"${process.execPath}"` : process.execPath, [script, ...args], options);

/** The first line that a program prints, or null where it is missing or fails. */
export function firstLine(command, args, cwd = root) {
  const { status, stdout } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    timeout: 30_000,
    shell: windows,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return status === 0 ? stdout.trim().split("\n")[0] : null;
}

/** What a program prints; throws with all its output where it fails. */
export function output(command, args, cwd = root) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 120_000, shell: windows });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed\n${error?.message ?? ""}${stdout}${stderr}`);
  return stdout;
}
