import { AppError, type RouteContract, surfaces, TIMEOUT_SECONDS_DEFAULT } from '@switchboard/contracts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CallerWatch } from './caller-watch.ts';
import { Exchange, type Outcome } from './exchange.ts';
import type { RequestBody } from './request-body.ts';
import type { Upstream } from './upstream.ts';

export interface ForwardOptions {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly route: RouteContract;
  readonly upstream: Upstream;
  readonly headers: string[];
  readonly body: RequestBody;
  /** The request carries an idempotency key on a route that understands it. */
  readonly hasIdempotencyKey: boolean;
  readonly waitSeconds: number;
  readonly caller: CallerWatch;
  /** Told the code of an error answer before the answer ends. */
  readonly onErrorCode: (code: string) => void;
}

const SAFE_METHODS = new Set(['GET', 'HEAD']);
/** A service that dies of a request shall not be killed by it over and over. */
const ATTEMPTS_MAX = 3;
const RETRY_AFTER_SECONDS = '2';

/** Path and query as they came; of a request in absolute form, without the scheme and host that the caller made up. */
const pathOf = (url: string): string => {
  if (url.startsWith('/')) return url;
  return url.replace(/^[a-z]+:\/\/[^/?]*/i, '') || '/';
};

const unavailable = (cause?: unknown): AppError =>
  new AppError('SERVICE_UNAVAILABLE', { headers: { 'retry-after': RETRY_AFTER_SECONDS }, cause });

/**
 * Has a request answered by its service. While the service starts, drains or is away the request is held, for at most
 * `waitSeconds`. An attempt is repeated only when that is safe: nothing was sent yet, or the request is GET or HEAD,
 * or it carries an idempotency key; and never when a body is half gone.
 *
 * @throws SERVICE_UNAVAILABLE, BAD_GATEWAY, GATEWAY_TIMEOUT, PAYLOAD_TOO_LARGE
 */
export const forward = async (options: ForwardOptions): Promise<void> => {
  const { request, reply, route, upstream, body, caller } = options;
  const untilMs = performance.now() + options.waitSeconds * 1000;
  const repeatable = SAFE_METHODS.has(request.method) || options.hasIdempotencyKey;

  for (let attempt = 1; ; attempt += 1) {
    if (!upstream.takesRequests && !(await upstream.hold(untilMs, caller))) {
      if (caller.gone) return;
      throw unavailable();
    }
    const outcome = await attemptOnce(options);
    if (outcome.kind === 'answered') return;
    if (outcome.kind === 'failed') throw outcome.error;
    upstream.noteFailure();
    if (caller.gone) return;
    const isSpent = body.kind === 'stream' && body.consumed;
    const mayRepeat = !isSpent && (outcome.kind === 'not-sent' || repeatable);
    // What was never sent is held like any other request; what may have had part in a crash is sent a few times only.
    const attemptsLeft = outcome.kind === 'not-sent' || attempt < ATTEMPTS_MAX;
    if (mayRepeat && attemptsLeft && performance.now() < untilMs) continue;
    request.log.warn({ err: outcome.error, service: route.service, attempt }, 'a service did not answer');
    throw outcome.kind === 'not-sent'
      ? unavailable(outcome.error)
      : new AppError('BAD_GATEWAY', { cause: outcome.error });
  }

  function attemptOnce({ headers }: ForwardOptions): Promise<Outcome> {
    const timeoutSeconds = route.timeoutSeconds ?? TIMEOUT_SECONDS_DEFAULT;
    const exchange = new Exchange({
      reply,
      dialect: surfaces[route.surface].dialect,
      timeoutSeconds,
      onErrorCode: options.onErrorCode,
      vouched: route.credentials.length > 0,
    });
    caller.onGone(() => exchange.callerLeft());
    upstream.dispatch(
      {
        path: pathOf(request.raw.url ?? '/'),
        method: request.method,
        headers,
        body: body.kind === 'whole' ? body.bytes : body.kind === 'stream' ? body.open() : null,
        // Until the answer begins the exchange keeps time itself.
        headersTimeout: 0,
        bodyTimeout: timeoutSeconds * 1000,
      },
      exchange,
    );
    return exchange.outcome;
  }
};
