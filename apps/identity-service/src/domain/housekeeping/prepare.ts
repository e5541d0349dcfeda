import { backoffMs, pause } from '@switchboard/bus';
import type { Deps } from '../../deps.ts';
import { provideEnvironmentKey } from '../api-keys/environment-key.ts';
import { ensureSigningKey } from '../signing-keys/rotate-signing-key.ts';
import { makeFirstAdministrator } from '../users/first-administrator.ts';

/** What must be there before anybody can sign in. As often as one likes, on as many replicas. */
export const prepare = async (deps: Deps): Promise<void> => {
  await ensureSigningKey(deps);
  await provideEnvironmentKey(deps.data, deps.config.apiKeys);
  await makeFirstAdministrator(deps);
};

export interface Preparing {
  readonly isDone: boolean;
  /** Settles when it is done or given up. */
  readonly ended: Promise<void>;
}

/** Prepares as soon as Postgres lets it: a service boots without its database. */
export const startPreparing = (deps: Deps, signal: AbortSignal): Preparing => {
  let isDone = false;
  const run = async (): Promise<void> => {
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        await prepare(deps);
        isDone = true;
        return;
      } catch (error) {
        deps.data.log.warn({ err: error }, 'Sign-in cannot be prepared yet; it is tried again');
        await pause(backoffMs(attempt, { firstMs: 200, maxMs: 5_000 }), signal);
      }
    }
  };
  const ended = run();
  return {
    get isDone() {
      return isDone;
    },
    ended,
  };
};
