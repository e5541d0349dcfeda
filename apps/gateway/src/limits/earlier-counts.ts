import { setTimeout as pause } from 'node:timers/promises';
import type { Clock, LimitGroupName } from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import type { MemoryStore } from './memory-store.ts';
import type { LimitStore, Quota } from './store.ts';

/** Asks who keeps a group's log how many requests of a caller were counted in the hour that began then. */
export type HourQuestion = (caller: string, hourStartedAt: Date) => Promise<number>;
export type HourQuestions = Readonly<Partial<Record<LimitGroupName, HourQuestion>>>;

export interface EarlierCountsOptions {
  readonly store: MemoryStore;
  /** Groups that are not here begin at 0 when the gateway does. */
  readonly questions: HourQuestions;
  readonly clock: Clock;
  readonly log: Log;
  /** Pauses before it is asked again. */
  readonly askAgainSeconds?: readonly number[];
}

const HOUR_MS = 3_600_000;
/**
 * A gateway that this one replaces may drain for half a minute beside it, and what it counted takes a while to be in the
 * log: after this time the log knows all of it.
 */
const HANDOVER_MS = 60_000;
const ASK_AGAIN_SECONDS = [2, 5, 15, 30, 60, 300];

/**
 * A memory store that goes on where the process before this one ended. The first request of a caller in a clock hour
 * that began before this process waits for what the log knows of that hour, so nothing of it is counted here yet. Later
 * answers, and the first one when nobody answered at once, may hold requests of this process, and nobody can say how many:
 * only what exceeds all that was taken here is surely of the process before. So no request is counted twice, and once
 * the caller rests for as long as the log lags, none is forgotten.
 */
export const continueFromLog = (options: EarlierCountsOptions): LimitStore & { close(): void } => {
  const { store, questions, clock, log, askAgainSeconds = ASK_AGAIN_SECONDS } = options;
  const nowMs = () => clock.now().getTime();
  const startedMs = nowMs();
  const closing = new AbortController();
  let hourOfAsked = 0;
  /** Who was asked about in that hour; a promise while its first answer is awaited. */
  let asked = new Map<string, Promise<void> | null>();

  const keepAsking = async (
    quota: Quota,
    question: HourQuestion,
    hourMs: number,
    onFirst: () => void,
  ): Promise<void> => {
    for (const pauseSeconds of [...askAgainSeconds, null]) {
      const isSettled = nowMs() >= startedMs + HANDOVER_MS;
      try {
        store.addEarlier(quota, hourMs + HOUR_MS, await question(quota.caller, new Date(hourMs)));
        if (isSettled) return;
      } catch (error) {
        log.warn(
          { err: error, group: quota.group, credentialId: quota.caller },
          'the count of the running hour is not known: counting from what was seen here',
        );
      } finally {
        onFirst();
      }
      if (pauseSeconds === null) return;
      await pause(pauseSeconds * 1000, undefined, { ref: false, signal: closing.signal });
      if (nowMs() >= hourMs + HOUR_MS) return;
    }
  };

  /** Null when everything is known that can be known at once. */
  const learn = (quota: Quota): Promise<void> | null => {
    const question = questions[quota.group];
    if (!question) return null;
    const now = nowMs();
    const hourMs = now - (now % HOUR_MS);
    // Nobody before this process can have counted in an hour that began after the handover.
    if (hourMs >= startedMs + HANDOVER_MS) return null;
    if (hourMs !== hourOfAsked) {
      hourOfAsked = hourMs;
      asked = new Map();
    }
    const known = asked.get(quota.caller);
    if (known !== undefined) return known;
    const { promise, resolve } = Promise.withResolvers<void>();
    const askedNow = asked;
    askedNow.set(quota.caller, promise);
    // A pause that closing cut short is the only thing that ends it with an error.
    void keepAsking(quota, question, hourMs, () => {
      askedNow.set(quota.caller, null);
      resolve();
    }).catch(() => {});
    return promise;
  };

  return {
    take(quota) {
      const learning = learn(quota);
      return learning ? learning.then(() => store.take(quota)) : store.take(quota);
    },
    look(quota) {
      const learning = learn(quota);
      return learning ? learning.then(() => store.look(quota)) : store.look(quota);
    },
    close: () => closing.abort(),
  };
};
