import { type Clock, formatTraceparent, parseTraceparent } from '@switchboard/contracts';
import type { Span, Tracing } from '@switchboard/service-kit';
import { request } from 'undici';
import type { Answer, AttemptResult, LeasedDelivery } from '../deliveries/types.ts';
import type { Sign } from '../signing/create-signer.ts';
import { UnreadableError } from '../signing/open-sealed.ts';
import { KeysAwayError } from '../signing/signing-keys.ts';
import { describeFailure, NO_WORDS } from './describe-failure.ts';
import { readAnswer } from './read-answer.ts';
import type { Targets } from './targets.ts';

export interface SenderOptions {
  readonly targets: Targets;
  readonly clock: Clock;
  readonly tracing: Tracing;
  /** Called with what there are no words for: rather a fault of ours than of the target. */
  readonly onUnexpected: (error: unknown) => void;
  readonly sign: Sign;
  /** From the first thing done until the answer's headers are in. */
  readonly timeoutMs: number;
}

export const GIVEN_BACK = 'outcome unknown: the dispatcher was stopped during the attempt';

type Send = (delivery: LeasedDelivery, signal: AbortSignal) => Promise<AttemptResult>;

/** undici sees an abort only once a connection stands or fails: four silent addresses would hold a slot for 20 s more. */
const orGivenUp = <Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> =>
  new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });

/**
 * Makes attempts. Only a 2xx answer succeeds; a redirect is an answer like any other and is not followed. Whatever
 * the target does (silence, a flood, rubbish) becomes a result in words, within the timeout.
 *
 * A refused target is a failed attempt and follows the schedule: what a name resolves to may be mended meanwhile.
 */
export const createSender = ({
  targets,
  clock,
  tracing,
  sign,
  timeoutMs,
  onUnexpected,
}: SenderOptions): Send => {
  const exchange = async (
    delivery: LeasedDelivery,
    attemptedAt: Date,
    span: Span,
    signal: AbortSignal,
  ): Promise<Answer> => {
    const url = targets.check(delivery.url, delivery);
    const body = Buffer.from(delivery.body);
    const traceparent = formatTraceparent(span.trace);
    const headers = await sign(delivery, { body, attemptedAt, traceparent });
    // undici's own timeouts are off: one timer covers names, connecting, and headers that trickle or never end.
    const answering = request(url, {
      dispatcher: targets.dispatcher(delivery),
      method: 'POST',
      headers,
      body,
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    return readAnswer(await orGivenUp(answering, signal));
  };

  const wordsFor = (error: unknown, timeout: AbortSignal): string => {
    if (timeout.aborted) return `timed out after ${timeoutMs} ms`;
    return error instanceof UnreadableError ? error.message : describeFailure(error);
  };

  return async (delivery, stopSignal) => {
    const attemptedAt = clock.now();
    const startedMs = performance.now();
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(), timeoutMs);
    const giveUp = () => timeout.abort();
    stopSignal.addEventListener('abort', giveUp);
    if (stopSignal.aborted) giveUp();
    const span = tracing.startSpan('webhook attempt', {
      kind: 'client',
      // Of the request that caused the message, however long ago.
      parent: parseTraceparent(delivery.traceparent ?? undefined),
      ...(tracing.exporting
        ? {
            attributes: {
              'server.address': delivery.host,
              'http.request.resend_count': delivery.attemptNumber - 1,
            },
          }
        : {}),
    });
    const ended = (rest: Omit<AttemptResult, 'attemptedAt' | 'durationMs'>): AttemptResult => {
      span.end(rest.error === null ? undefined : new Error(rest.error));
      return { ...rest, attemptedAt, durationMs: Math.round(performance.now() - startedMs) };
    };
    try {
      const answer = await exchange(delivery, attemptedAt, span, timeout.signal);
      const succeeded = answer.status >= 200 && answer.status <= 299;
      return succeeded
        ? ended({ outcome: 'succeeded', answer, error: null })
        : ended({ outcome: 'failed', answer, error: `HTTP ${answer.status}` });
    } catch (error) {
      if (stopSignal.aborted) return ended({ outcome: 'lost', answer: null, error: GIVEN_BACK });
      // Nothing was sent, and no step of the schedule is used up.
      if (error instanceof KeysAwayError)
        return ended({ outcome: 'lost', answer: null, error: error.message });
      const words = wordsFor(error, timeout.signal);
      if (words === NO_WORDS) onUnexpected(error);
      return ended({ outcome: 'failed', answer: null, error: words });
    } finally {
      clearTimeout(timer);
      stopSignal.removeEventListener('abort', giveUp);
    }
  };
};
