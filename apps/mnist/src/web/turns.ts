type Task = () => Promise<void>;

/** Runs tasks one after another. Small ones need not wait for the end of a long one: it lets them in between its steps. */
export class Turns {
  readonly #long: Task[] = [];
  readonly #small: Task[] = [];
  #busy = false;

  /** Runs a task when those before it are done. */
  take<T>(task: () => Promise<T>): Promise<T> {
    return this.#queue(this.#long, task);
  }

  /** Runs a task that changes nothing under the feet of a long one, as soon as that lets it in. */
  slipIn<T>(task: () => Promise<T>): Promise<T> {
    return this.#queue(this.#small, task);
  }

  /** Called by a long task between two steps: runs the small ones that wait. */
  async letIn(): Promise<void> {
    for (let task = this.#small.shift(); task !== undefined; task = this.#small.shift()) await task();
  }

  #queue<T>(queue: Task[], task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      queue.push(() => task().then(resolve, reject));
      if (!this.#busy) void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#busy = true;
    do {
      await this.letIn();
      await this.#long.shift()?.();
    } while (this.#long.length + this.#small.length > 0);
    this.#busy = false;
  }
}
