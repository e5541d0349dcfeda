import { CallClientError } from './errors.ts';
import { type Message, type RawFrame, readError } from './frames.ts';
import { backoffMs, type Timing } from './timing.ts';

/** TERMINOLOGY — *command*: a message that asks something of the call. A frame says that it was done, a private frame why not. */
export interface Command {
  readonly type: Message['type'];
  readonly data: Readonly<Record<string, unknown>>;
  /** Asking twice does no harm, so that it may be sent again when a connection was lost. */
  readonly isRepeatable: boolean;
  /** Whether this frame says that it was done; throws when it says that it could not be. */
  isDoneBy(frame: RawFrame): boolean;
}

export interface Commands {
  /** Resolves when a frame says that it was done. Throws CallClientError. */
  run(command: Command): Promise<void>;
  onFrame(frame: RawFrame): void;
  /** True when the private frame was the answer to one of them. */
  onRefusal(frame: RawFrame): boolean;
  /** The connection is there, for the first time or again. */
  onOpen(): void;
  onLost(): void;
  rejectAll(error: CallClientError): void;
}

interface Pending {
  readonly id: string;
  readonly command: Command;
  isSent: boolean;
  attempt: number;
  retryTimer?: ReturnType<typeof setTimeout>;
  settle(error?: CallClientError): void;
}

/** Nobody has the call in hand right now: it was not done. */
const NOT_DONE: readonly string[] = ['SERVICE_UNAVAILABLE'];
/** The answer got lost: it may have been done. */
const IN_DOUBT: readonly string[] = ['GATEWAY_TIMEOUT', 'CONNECTION_ERROR', 'DATABASE_ERROR'];

export const isTryAgain = (code: string): boolean => NOT_DONE.includes(code) || IN_DOUBT.includes(code);

export const createCommands = (deps: {
  readonly timing: Timing;
  send(message: Message): boolean;
}): Commands => {
  const { timing, send } = deps;
  /** In the order in which they were asked. */
  const pending = new Map<string, Pending>();
  let lastId = 0;

  const attemptNow = (entry: Pending): void => {
    const { id, command } = entry;
    if (send({ type: command.type, data: command.data, id })) entry.isSent = true;
  };

  const overdue = (entry: Pending): CallClientError =>
    entry.isSent
      ? new CallClientError('UNCONFIRMED', 'The server did not say in time whether it was done')
      : new CallClientError('CONNECTION_ERROR', 'The server could not be reached in time');

  return {
    run: (command) =>
      new Promise((resolve, reject) => {
        lastId += 1;
        const id = `c${lastId}`;
        const entry: Pending = {
          id,
          command,
          isSent: false,
          attempt: 0,
          settle(error) {
            if (!pending.delete(id)) return;
            clearTimeout(deadline);
            clearTimeout(entry.retryTimer);
            if (error === undefined) resolve();
            else reject(error);
          },
        };
        const deadline = setTimeout(() => entry.settle(overdue(entry)), timing.commandTimeoutMs);
        pending.set(id, entry);
        attemptNow(entry);
      }),
    onFrame(frame) {
      for (const entry of pending.values()) {
        try {
          if (!entry.command.isDoneBy(frame)) continue;
          entry.settle();
        } catch (error) {
          entry.settle(error as CallClientError);
        }
        // One frame answers one command, the earliest.
        return;
      }
    },
    onRefusal(frame) {
      const said = readError(frame.data);
      const { id, type } = said.details;
      const entry =
        pending.get(String(id)) ??
        (id === undefined ? [...pending.values()].find(({ command }) => command.type === type) : undefined);
      if (entry === undefined) return typeof id === 'string';
      if (IN_DOUBT.includes(said.code) && !entry.command.isRepeatable) return true;
      if (isTryAgain(said.code)) {
        entry.isSent = false;
        entry.attempt += 1;
        clearTimeout(entry.retryTimer);
        entry.retryTimer = setTimeout(() => attemptNow(entry), backoffMs(entry.attempt + 1, timing));
      } else entry.settle(new CallClientError(said.code, said.message, { details: said.details }));
      return true;
    },
    onOpen() {
      for (const entry of pending.values()) if (!entry.isSent) attemptNow(entry);
    },
    onLost() {
      // What cannot be repeated waits: if it was done, its frame comes when the connection is back.
      for (const entry of pending.values()) if (entry.command.isRepeatable) entry.isSent = false;
    },
    rejectAll(error) {
      for (const entry of [...pending.values()]) entry.settle(error);
    },
  };
};
