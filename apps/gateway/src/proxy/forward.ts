import {
  AppError,
  answersWithPages,
  type RouteContract,
  surfaces,
  TIMEOUT_SECONDS_DEFAULT,
} from '@switchboard/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CallerWatch } from './caller-watch.ts';
import { Exchange, type Outcome } from './exchange.ts';
import type { MayGoOn, RequestBody } from './request-body.ts';
import type { Upstream } from './upstream.ts';

export interface ForwardOptions {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly route: RouteContract;
  readonly upstream: Upstream;
  /** Made anew for each attempt: it says who asks, which may have changed. */
  readonly headers: () => string[];
  /** Path and query, without credentials. */
  readonly path: string;
  /** True: the service may set cookies. */
  readonly takesCookies: boolean;
  readonly body: RequestBody;
  /** The request carries an idempotency key on a route that understands it. */
  readonly hasIdempotencyKey: boolean;
  readonly waitSeconds: number;
  /** So long the caller may take none of an answer that is there for him. */
  readonly unreadSeconds: number;
  /** Throws when the caller's credential is no longer good. */
  readonly mayGoOn: MayGoOn;
  readonly caller: CallerWatch;
  /** Told the code of an error answer before the answer ends. */
  readonly onErrorCode: (code: string) => void;
}

const SAFE_METHODS = new Set(['GET', 'HEAD']);
/** A service that dies of a request shall not be killed by it over and over. */
const ATTEMPTS_MAX = 3;
const RETRY_AFTER_SECONDS = '2';

const unavailable = (cause?: unknown): AppError =>
  new AppError('SERVICE_UNAVAILABLE', { headers: { 'retry-after': RETRY_AFTER_SECONDS }, cause });

/**
 * Has a request answered by its service. While the service starts, drains or is away the request is held, for at most
 * `waitSeconds`. An attempt is repeated only when that is safe: nothing was sent yet, or the request is GET or HEAD,
 * or it carries an idempotency key; and never when a body is half gone.
 *
 * What has an effect is sent, and what is only read is answered, while the caller may go on: that is asked before the
 * request, with each part of a body that streams, or before the answer. The answer to a request that had its effect is
 * always passed on.
 *
 * @param done called once: with null when the caller has an answer or is gone, else with SERVICE_UNAVAILABLE,
 *   BAD_GATEWAY, GATEWAY_TIMEOUT, PAYLOAD_TOO_LARGE or what `mayGoOn` throws
 */
export const forward = (options: ForwardOptions, done: (error: unknown) => void): void => {
  const { request, reply, route, upstream, body, caller, mayGoOn } = options;
  const untilMs = performance.now() + options.waitSeconds * 1000;
  const timeoutSeconds = route.timeoutSeconds ?? TIMEOUT_SECONDS_DEFAULT;
  const isSafe = SAFE_METHODS.has(request.method);
  const repeatable = isSafe || options.hasIdempotencyKey;
  let attempt = 0;
  /** When the answer of the attempt is due: one that comes late goes on with the time that is left. */
  let answerByMs: number | null = null;

  const send = (): void => {
    attempt += 1;
    const nowMs = performance.now();
    answerByMs ??= nowMs + timeoutSeconds * 1000;
    const exchange = new Exchange({
      reply,
      dialect: surfaces[route.surface].dialect,
      takesPages: answersWithPages(route),
      takesCookies: options.takesCookies,
      timeoutMs: Math.max(0, answerByMs - nowMs),
      unreadMs: options.unreadSeconds * 1000,
      maySend: isSafe || body.kind === 'stream' ? null : mayGoOn,
      mayAnswer: isSafe ? mayGoOn : null,
      vouched: route.credentials.length > 0,
      onErrorCode: options.onErrorCode,
      onEnd: decide,
    });
    caller.onGone(() => exchange.callerLeft());
    upstream.dispatch(
      {
        path: options.path,
        method: request.method,
        headers: options.headers(),
        body: body.kind === 'whole' ? body.bytes : body.kind === 'stream' ? body.open(mayGoOn) : null,
        // Until the answer begins the exchange keeps time itself.
        headersTimeout: 0,
        bodyTimeout: timeoutSeconds * 1000,
      },
      exchange,
    );
  };

  const sendWhenAllowed = (): void => {
    let asked: void | Promise<void>;
    try {
      asked = isSafe ? undefined : mayGoOn();
    } catch (error) {
      done(error);
      return;
    }
    if (!asked) {
      send();
      return;
    }
    // Nothing is under way that could be broken off.
    caller.onGone(() => {});
    asked.then(() => (caller.gone ? done(null) : sendWhenTaken()), done);
  };

  const sendWhenTaken = (): void => {
    if (upstream.takesRequests) {
      sendWhenAllowed();
      return;
    }
    void upstream.hold(untilMs, caller).then((taken) => {
      if (taken) sendWhenAllowed();
      else done(caller.gone ? null : unavailable());
    });
  };

  /** What became of an attempt: null to go on with another one, else how the request ends. */
  const verdictOn = (outcome: Outcome): { error: AppError | null } | null => {
    if (outcome.kind === 'answered') return { error: null };
    if (outcome.kind === 'failed') return { error: outcome.error };
    if (outcome.kind === 'late') {
      attempt -= 1;
      return caller.gone ? { error: null } : null;
    }
    answerByMs = null;
    const { kind, error } = outcome;
    upstream.noteFailure(kind);
    if (caller.gone) return { error: null };
    const isSpent = body.kind === 'stream' && body.consumed;
    const mayRepeat = !isSpent && (kind === 'not-sent' || repeatable);
    // What was never sent is held like any other request; what may have had part in a crash is sent a few times only.
    const attemptsLeft = kind === 'not-sent' || attempt < ATTEMPTS_MAX;
    if (mayRepeat && attemptsLeft && performance.now() < untilMs) return null;
    request.log.warn({ err: error, upstream: route.service, attempt }, 'a service did not answer');
    return {
      error: kind === 'not-sent' ? unavailable(error) : new AppError('BAD_GATEWAY', { cause: error }),
    };
  };

  const decide = (outcome: Outcome): void => {
    const verdict = verdictOn(outcome);
    if (verdict) done(verdict.error);
    else sendWhenTaken();
  };

  sendWhenTaken();
};
