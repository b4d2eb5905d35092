/** A runner's process, seen from the benchmark. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { type Setting, Unsupported } from "../peers/runner.js";
import type { Case } from "../work.js";
import { writeArrays } from "./arrays.js";
import type { Answer, Request, Timing } from "./protocol.js";

/** Runners that are Python libraries. */
const PYTHON_RUNNERS: readonly string[] = ["torch", "numpy"];
const PYTHON_PROGRAM = fileURLToPath(new URL("../../peers/python.py", import.meta.url));
const NODE_PROGRAM = fileURLToPath(new URL("child.js", import.meta.url));
/** Milliseconds after which a request is given up: a loop of many steps may take longer. */
const PATIENCE = 300_000;
const LOOP_PATIENCE = 1_200_000;
/** Characters of the standard error that an error message quotes. */
const QUOTED = 300;

/** The interpreter that runs PyTorch and NumPy. */
export const python = (): string => process.env.SCONCE_PYTHON ?? "python3";

/** The processes that run, to be ended with the benchmark. */
const running = new Set<ChildProcess>();

/** Ends all runners. */
export function endAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

function launch(runner: string, { threads }: Setting): ChildProcess {
  const isPython = PYTHON_RUNNERS.includes(runner);
  const [program, args] = isPython ? [python(), [PYTHON_PROGRAM]] : [process.execPath, [NODE_PROGRAM]];
  return spawn(program, args, {
    stdio: ["pipe", "ignore", "pipe", "pipe"],
    env: { ...process.env, OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) },
  });
}

/** A library that has started in its own process. */
export class RunnerProcess {
  readonly name: string;
  versions: Readonly<Record<string, string>> = {};
  private readonly child: ChildProcess;
  private readonly isPython: boolean;
  private quoted = "";
  private settle: ((answer: Answer) => void) | undefined;

  private constructor(name: string, setting: Setting) {
    this.name = name;
    this.isPython = PYTHON_RUNNERS.includes(name);
    this.child = launch(name, setting);
    running.add(this.child);
    const [, , stderr, channel] = this.child.stdio as unknown as [Writable, null, Readable, Readable];
    stderr.on("data", (text: Buffer) => {
      this.quoted = `${this.quoted}${text}`.slice(-QUOTED);
    });
    createInterface({ input: channel }).on("line", (line) => this.settle?.(JSON.parse(line) as Answer));
    this.child.stdin?.on("error", () => {});
    this.child.on("error", ({ message }) => this.fail(message));
    this.child.on("close", (code, signal) => {
      running.delete(this.child);
      this.fail(
        `its process ended with ${signal ?? `code ${code}`}${this.quoted === "" ? "" : `: ${this.quoted.trim().split("\n").at(-1)}`}`,
      );
    });
  }

  /** @throws Error if the library cannot be loaded or lacks the device */
  static async start(name: string, setting: Setting): Promise<RunnerProcess> {
    const started = new RunnerProcess(name, setting);
    try {
      const answer = await started.ask({ method: "start", runner: name, ...setting });
      if ("versions" in answer) started.versions = answer.versions;
      return started;
    } catch (error) {
      started.end();
      throw error;
    }
  }

  /** Makes a case ready, and returns its results. */
  async prepare(work: Case): Promise<readonly number[]> {
    const request = { method: "prepare", suite: work.suite, case: work.name, work: work.work, repeats: work.repeats } as const;
    const answer = await this.ask(this.isPython ? { ...request, data: await writeArrays(work) } : request);
    return "values" in answer ? answer.values : [];
  }

  /** Repeats the case for about so many milliseconds. */
  async run(milliseconds: number): Promise<Timing> {
    return (await this.ask({ method: "run", milliseconds })) as Timing;
  }

  /** Resident memory in MB before the first of so many steps, and ten times after. */
  async memory(steps: number, blocking: boolean): Promise<readonly number[]> {
    const answer = await this.ask({ method: "memory", steps, blocking }, LOOP_PATIENCE);
    return "values" in answer ? answer.values : [];
  }

  end(): void {
    this.child.kill("SIGKILL");
  }

  private fail(error: string): void {
    this.settle?.({ error });
  }

  /** False once its process has ended. */
  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  private async ask(request: Request, patience: number = PATIENCE): Promise<Answer> {
    if (!this.isAlive) throw new Error("its process has ended");
    const answer = await new Promise<Answer>((resolve) => {
      const timer = setTimeout(() => {
        this.end();
        resolve({ error: `no answer in ${patience / 1000} s` });
      }, patience);
      this.settle = (value) => {
        clearTimeout(timer);
        this.settle = undefined;
        resolve(value);
      };
      this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
    if ("error" in answer) throw answer.unsupported === true ? new Unsupported(answer.error) : new Error(answer.error);
    return answer;
  }
}
