import { type Clock, type CredentialKind, renderError, type Surface } from '@switchboard/contracts';
import { surfaceOfRequest, toHttpError } from '@switchboard/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { normalizeAddress } from '../credentials/ip-list.ts';
import { CallerWatch } from '../proxy/caller-watch.ts';
import { codeOfBody } from '../proxy/error-answers.ts';
import { limitLeftover } from '../proxy/request-body.ts';
import type { RequestLog } from './publisher.ts';
import type { SeenRequest } from './refusals.ts';

/** What becomes known of a request while it is handled. */
export interface Tracked {
  readonly caller: CallerWatch;
  readonly address: string;
  errorCode: string | null;
  credentialKind: CredentialKind | null;
  credentialId: string | null;
  /** When its credential was last found to be good, in milliseconds of the clock; 0 before it was. */
  checkedAtMs: number;
  idempotencyKey: string | null;
  /** True once the request took one of its credential's limit. */
  counted: boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every request of a routed surface. */
    tracked: Tracked | null;
  }
}

const USER_AGENT_CHARACTERS_MAX = 512;
const CLIENT_CLOSED_REQUEST = 499;

const round = (ms: number): number => Math.round(ms * 1000) / 1000;

/**
 * Begins to watch a request: notices when its caller goes away, and puts a record of it into the request log when it is
 * over, however it ended.
 *
 * @param endpoint the route's pattern; of an unknown path, the surface's prefix
 */
export const createTracker = (options: { requestLog: RequestLog; clock: Clock }) => {
  const { requestLog, clock } = options;
  return (request: FastifyRequest, reply: FastifyReply, surface: Surface, endpoint: string): Tracked => {
    const startedMs = performance.now();
    const tracked: Tracked = {
      caller: new CallerWatch(),
      address: normalizeAddress(request.ip),
      errorCode: null,
      credentialKind: null,
      credentialId: null,
      checkedAtMs: 0,
      idempotencyKey: null,
      counted: false,
    };
    request.tracked = tracked;
    const service = surface.logService;
    reply.raw.once('close', () => {
      const { raw } = reply;
      if (!raw.writableFinished) tracked.caller.left();
      limitLeftover(request.raw);
      if (service === null) return;
      const record: SeenRequest = {
        request_id: request.id,
        trace_id: request.work?.trace.traceId ?? '',
        method: request.method,
        endpoint,
        status: raw.writableEnded ? raw.statusCode : CLIENT_CLOSED_REQUEST,
        duration_ms: round(performance.now() - startedMs),
        error_code: tracked.errorCode,
        credential_kind: tracked.credentialKind,
        credential_id: tracked.credentialId,
        ip: tracked.address,
        user_agent: request.headers['user-agent']?.slice(0, USER_AGENT_CHARACTERS_MAX) ?? null,
        idempotency_key: tracked.idempotencyKey,
        counted: tracked.counted,
        completed_at: clock.now().toISOString(),
      };
      requestLog.add(service, record);
    });
    return tracked;
  };
};

/** Notes why a request failed, in the words that its caller sees. */
export const noteError = (request: FastifyRequest, thrown: unknown): void => {
  if (!request.tracked) return;
  const { dialect } = surfaceOfRequest(request);
  const body = renderError(dialect, toHttpError(thrown, request), request.server.kit.clock.now());
  request.tracked.errorCode = codeOfBody(dialect, body);
};

export type Tracker = ReturnType<typeof createTracker>;
