/** Runs tasks one after another. A long task lets those that wait in between its steps. */
export class Turns {
  readonly #waiting: (() => Promise<void>)[] = [];
  #busy = false;

  /** Runs a task when its turn comes. */
  take<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => task().then(resolve, reject));
      if (!this.#busy) void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#busy = true;
    await this.letIn();
    this.#busy = false;
  }

  /** Called by a task that has more to do: runs what waits. */
  async letIn(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) await next();
  }
}
