import type { Bus, Listening } from '@switchboard/bus';
import {
  AppError,
  type Clock,
  type DataOf,
  type EventContract,
  type RpcContract,
} from '@switchboard/contracts';
import type { Log } from '@switchboard/service-kit';
import type { z } from 'zod';
import type { Admission } from './credential.ts';
import { createKeyCache, type Verdict } from './key-cache.ts';

type CredentialBus = Pick<Bus, 'request' | 'subscribe' | 'isConnected' | 'onConnect'>;

export interface LookupOptions {
  readonly bus: CredentialBus;
  readonly clock: Clock;
  readonly log: Log;
  readonly cacheSeconds: number;
  readonly staleSeconds: number;
  /** How long a request with an unknown credential waits for its owner to come back. */
  readonly waitSeconds: number;
}

const LOOKUP_TIMEOUT_MS = 2_000;
const LOOKUP_PAUSE_MS = 200;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface AskOptions extends Pick<LookupOptions, 'waitSeconds'> {
  readonly bus: Pick<CredentialBus, 'request' | 'isConnected'>;
}

type Question = <Request extends z.ZodType, Reply extends z.ZodType>(
  rpc: RpcContract<Request, Reply>,
  question: z.input<Request>,
) => Promise<z.output<Reply>>;

/**
 * Asks the owner of a credential about it. Whoever has nothing to fall back on waits while the owner restarts.
 *
 * @throws AppError when nobody can be asked
 */
export const createAskOwner =
  ({ bus, waitSeconds }: AskOptions) =>
  async <Request extends z.ZodType, Reply extends z.ZodType>(
    rpc: RpcContract<Request, Reply>,
    question: z.input<Request>,
    mayWait: boolean,
  ): Promise<z.output<Reply>> => {
    // Whoever has a verdict to fall back on does not wait for NATS.
    if (!mayWait && !bus.isConnected()) throw new AppError('SERVICE_UNAVAILABLE');
    const waitUntilMs = performance.now() + waitSeconds * 1000;
    while (true) {
      try {
        return await bus.request(rpc, question, { timeoutMs: LOOKUP_TIMEOUT_MS });
      } catch (error) {
        // The owner restarts: NATS says at once that nobody listens. Without NATS nobody can say when it ends.
        const restarts =
          bus.isConnected() && error instanceof AppError && error.code === 'SERVICE_UNAVAILABLE';
        if (!restarts || !mayWait || performance.now() > waitUntilMs) throw error;
        await pause(LOOKUP_PAUSE_MS);
      }
    }
  };

/** Nobody who knows can be asked. The caller's credential may be good: it shall try again. */
export const cannotCheck = (cause: unknown): AppError =>
  new AppError('SERVICE_UNAVAILABLE', {
    message: 'Credentials cannot be checked right now; try again shortly',
    headers: { 'retry-after': '5' },
    cause,
  });

/** The end of a credential as its owner tells it. */
export const endOf = (validUntil: string | null): number =>
  validUntil === null ? Number.POSITIVE_INFINITY : Date.parse(validUntil);

/** What a refusal by an owner names: the credential, if the owner knows it. */
export const aboutRefused = (id: string | null): readonly string[] => (id === null ? [] : [id]);

/** What lies between a credential that may be good and its owner, the same for every kind: cache, question, events. */
export const createLookup = (
  options: LookupOptions,
  /** What is thrown of a refused one: its reason, and the credential's id if the owner knows it. */
  refusalOf: (reason: string, credentialId: string | null) => Error,
  /** What is thrown of a good one whose time is over. */
  expiryOf: (credentialId: string | null) => Error,
) => {
  const { bus, clock, log } = options;
  const cache = createKeyCache<Admission>(options);
  const askOwner = createAskOwner(options);
  const listening: Listening[] = [];
  const changeListeners = new Set<() => void>();
  // Whatever was said while we were not connected was not heard.
  const stopDoubting = bus.onConnect(() => cache.doubtAll());

  const admissionOf = (verdict: Verdict<Admission>): Admission => {
    if (!verdict.ok) throw refusalOf(verdict.reason, verdict.about[0] ?? null);
    if (clock.now().getTime() >= verdict.validUntilMs) throw expiryOf(verdict.about[0] ?? null);
    return verdict.good;
  };

  return {
    /**
     * Whose it is, if that is known.
     *
     * @throws what a known bad one is refused with
     */
    known(id: string): Admission | null {
      const verdict = cache.peek(id);
      return verdict && admissionOf(verdict);
    },
    /** True when it was good before: it is no guess, and strangers at its address shall not lock it out. */
    wasGood: cache.wasGood,
    /**
     * Whose it is, from its owner.
     *
     * @param hint names it in logs
     * @param ask makes the verdict with the question that it is given
     */
    async find(
      id: string,
      hint: Readonly<Record<string, string>>,
      ask: (question: Question) => Promise<Verdict<Admission>>,
    ): Promise<Admission> {
      let verdict: Verdict<Admission>;
      try {
        verdict = await cache.verify(id, () =>
          ask((rpc, question) => askOwner(rpc, question, !cache.hasFallback(id))),
        );
      } catch (error) {
        log.warn({ ...hint, err: error }, 'a credential cannot be looked up');
        throw cannotCheck(error);
      }
      return admissionOf(verdict);
    },
    forget: cache.forget,
    /** Forgets whatever rests on what an event names. */
    forgetOn<Event extends EventContract>(event: Event, namesIn: (data: DataOf<Event>) => string): void {
      const onEvent = (data: DataOf<Event>): void => {
        cache.forget(namesIn(data));
        for (const listener of changeListeners) listener();
      };
      listening.push(bus.subscribe(event, (data) => onEvent(data as DataOf<Event>)));
    },
    /** Calls back after every event that made something be forgotten. */
    onChange(listener: () => void): () => void {
      changeListeners.add(listener);
      return () => changeListeners.delete(listener);
    },
    close(): void {
      for (const each of listening) each.stop();
      stopDoubting();
    },
  };
};
