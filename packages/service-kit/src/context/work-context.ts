import { AsyncLocalStorage } from 'node:async_hooks';
import type { TraceContext } from '@switchboard/contracts';

/**
 * TERMINOLOGY — *work*: one request or one event being handled. Its context follows the asynchronous calls, so that
 * log lines and outgoing messages know which trace they belong to without being told.
 */
export interface WorkContext {
  readonly trace: TraceContext;
  readonly requestId?: string | undefined;
  /** Who asks; set once the credential is known. Never a secret. */
  principalId?: string | undefined;
}

// Measured on Node 26: run() costs 0.18 µs, a child logger per request 0.2 µs plus its bindings on every line's object.
// One storage serves logs and traces, so both cost one run() per request.
const storage = new AsyncLocalStorage<WorkContext>();

export const currentWork = (): WorkContext | undefined => storage.getStore();

/** The trace of the work this code runs in; undefined outside of any. */
export const currentTrace = (): TraceContext | undefined => storage.getStore()?.trace;

/** Runs something as a piece of work: its log lines and its messages carry the context. */
export const runInWork = <Result>(context: WorkContext, work: () => Result): Result =>
  storage.run(context, work);
