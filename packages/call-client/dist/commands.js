import { CallClientError } from './errors.js';
import { readError } from './frames.js';
import { backoffMs } from './timing.js';
/** Nobody has the call in hand right now: it was not done. */
const NOT_DONE = ['SERVICE_UNAVAILABLE'];
/** The answer got lost: it may have been done. */
const IN_DOUBT = ['GATEWAY_TIMEOUT', 'CONNECTION_ERROR', 'DATABASE_ERROR'];
export const isTryAgain = (code) => NOT_DONE.includes(code) || IN_DOUBT.includes(code);
export const createCommands = (deps) => {
    const { timing, send } = deps;
    /** In the order in which they were asked. */
    const pending = new Map();
    let lastId = 0;
    const attemptNow = (entry) => {
        const { id, command } = entry;
        if (send({ type: command.type, data: command.data, id }))
            entry.isSent = true;
    };
    const overdue = (entry) => entry.isSent
        ? new CallClientError('UNCONFIRMED', 'The server did not say in time whether it was done')
        : new CallClientError('CONNECTION_ERROR', 'The server could not be reached in time');
    return {
        run: (command) => new Promise((resolve, reject) => {
            lastId += 1;
            const id = `c${lastId}`;
            const entry = {
                id,
                command,
                isSent: false,
                attempt: 0,
                settle(error) {
                    if (!pending.delete(id))
                        return;
                    clearTimeout(deadline);
                    clearTimeout(entry.retryTimer);
                    if (error === undefined)
                        resolve();
                    else
                        reject(error);
                },
            };
            const deadline = setTimeout(() => entry.settle(overdue(entry)), timing.commandTimeoutMs);
            pending.set(id, entry);
            attemptNow(entry);
        }),
        onFrame(frame) {
            for (const entry of pending.values()) {
                try {
                    if (!entry.command.isDoneBy(frame))
                        continue;
                    entry.settle();
                }
                catch (error) {
                    entry.settle(error);
                }
                // One frame answers one command, the earliest.
                return;
            }
        },
        onRefusal(frame) {
            const said = readError(frame.data);
            const { id, type } = said.details;
            const entry = pending.get(String(id)) ??
                (id === undefined ? [...pending.values()].find(({ command }) => command.type === type) : undefined);
            if (entry === undefined)
                return typeof id === 'string';
            if (IN_DOUBT.includes(said.code) && !entry.command.isRepeatable)
                return true;
            if (isTryAgain(said.code)) {
                entry.isSent = false;
                entry.attempt += 1;
                clearTimeout(entry.retryTimer);
                entry.retryTimer = setTimeout(() => attemptNow(entry), backoffMs(entry.attempt + 1, timing));
            }
            else
                entry.settle(new CallClientError(said.code, said.message, { details: said.details }));
            return true;
        },
        onOpen() {
            for (const entry of pending.values())
                if (!entry.isSent)
                    attemptNow(entry);
        },
        onLost() {
            // What cannot be repeated waits: if it was done, its frame comes when the connection is back.
            for (const entry of pending.values())
                if (entry.command.isRepeatable)
                    entry.isSent = false;
        },
        rejectAll(error) {
            for (const entry of [...pending.values()])
                entry.settle(error);
        },
    };
};
