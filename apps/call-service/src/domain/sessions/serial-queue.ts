export interface SerialQueue {
  /** Tasks that run or wait. */
  readonly size: number;
  /** Runs a task when those before it are over, however they ended. */
  add<Result>(task: () => Promise<Result>): Promise<Result>;
  /** Settles when all that was added so far is over. */
  idle(): Promise<void>;
}

/** What happens to one call, one after another. */
export const createSerialQueue = (): SerialQueue => {
  let last: Promise<unknown> = Promise.resolve();
  let size = 0;
  return {
    get size() {
      return size;
    },
    add(task) {
      size += 1;
      const done = last.then(task).finally(() => {
        size -= 1;
      });
      last = done.catch(() => undefined);
      return done;
    },
    async idle() {
      await last;
    },
  };
};
