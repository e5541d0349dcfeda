import {
  BODY_BYTES_MAX_DEFAULT,
  formatTraceparent,
  type RouteContract,
  type ServiceName,
  surfaces,
} from '@switchboard/contracts';
import { type InternalTokenMinter, readIdempotencyKey } from '@switchboard/service-kit';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import type { Admissions } from '../../admission.ts';
import type { Admission } from '../../credentials/credential.ts';
import type { Limiter } from '../../limits/limiter.ts';
import { isForBrowsers } from '../../proxy/cookies.ts';
import { forward } from '../../proxy/forward.ts';
import { hiddenParametersOf, inwardPath } from '../../proxy/inward-path.ts';
import { CallerGone, type RequestBody, takeBody } from '../../proxy/request-body.ts';
import type { HeaderFilters } from '../../proxy/request-headers.ts';
import type { Upstream } from '../../proxy/upstream.ts';
import { noteError, type Tracked, type Tracker } from '../../request-log/track.ts';
import type { OwnAnswer } from './own-answer.ts';

export interface ContractRouteDeps {
  readonly routes: readonly RouteContract[];
  readonly track: Tracker;
  readonly admissions: Admissions;
  readonly limiter: Limiter;
  readonly mintToken: InternalTokenMinter;
  readonly headerFilters: HeaderFilters;
  readonly upstreams: Readonly<Record<ServiceName, Upstream>>;
  readonly waitSeconds: number;
  /** So long a caller may take none of an answer that is there for him. */
  readonly unreadSeconds: number;
  /** What the gateway answers itself, by route id. */
  readonly answers: Readonly<Record<string, OwnAnswer>>;
}

/** What becomes of a request that was let in: `done` is called once, with null when the caller has an answer or is gone. */
type Proceed = (
  request: FastifyRequest,
  reply: FastifyReply,
  tracked: Tracked,
  body: RequestBody,
  done: (error: unknown) => void,
) => void;

type InwardRoute = RouteContract & { readonly service: ServiceName };

const goesInward = (route: RouteContract): route is InwardRoute => route.service !== 'gateway';

const sendInward = (route: InwardRoute, deps: ContractRouteDeps): Proceed => {
  const { admissions, mintToken, headerFilters, waitSeconds, unreadSeconds } = deps;
  const upstream = deps.upstreams[route.service];
  const takesCookies = isForBrowsers(route);
  const filterHeaders = takesCookies ? headerFilters.withCookies : headerFilters.withoutCookies;
  const hiddenParameters = hiddenParametersOf(route);

  return (request, reply, tracked, body, done) => {
    const idempotencyKey = tracked.idempotencyKey ?? undefined;
    const headers = () =>
      filterHeaders(request.raw.rawHeaders, request.headers.connection, {
        internalToken: request.principal ? mintToken(request.principal, route.service) : undefined,
        traceparent: formatTraceparent(request.work?.trace ?? reply.server.kit.untraced),
        requestId: request.id,
        clientAddress: tracked.address,
        idempotencyKey,
        hasBody: body.kind !== 'none',
      });
    forward(
      {
        request,
        reply,
        route,
        upstream,
        body,
        headers,
        path: inwardPath(request.raw.url ?? '/', hiddenParameters),
        takesCookies,
        hasIdempotencyKey: idempotencyKey !== undefined,
        waitSeconds,
        unreadSeconds,
        mayGoOn: () => admissions.admitAgain(request, reply, route, tracked),
        caller: tracked.caller,
        onErrorCode: (code) => {
          tracked.errorCode = code;
          if (route.guesses?.codes.includes(code)) admissions.countGuess(tracked);
        },
      },
      (error) => {
        if (body.kind !== 'none') body.release();
        done(error);
      },
    );
  };
};

const answerHere = (route: RouteContract, { answers, admissions }: ContractRouteDeps): Proceed => {
  const answer = answers[route.id];
  if (!answer) throw new TypeError(`${route.id} is the gateway's own, and nothing here answers it`);
  return (request, reply, tracked, body, done) => {
    const bytes = body.kind === 'whole' ? body.bytes : null;
    if (body.kind !== 'none') body.release();
    const answerNow = async (): Promise<unknown> => {
      await admissions.admitAgain(request, reply, route, tracked);
      return answer(request, bytes);
    };
    answerNow().then((json) => {
      reply.type('application/json; charset=utf-8').send(JSON.stringify(json));
    }, done);
  };
};

const EMPTY = Buffer.alloc(0);

/** Whose share of the room for bodies it takes: of those that many hold together, the address's. */
const whoseBody = ({ credentialKind, credentialId, address }: Tracked): string =>
  credentialId === null || credentialKind === 'anon' ? address : credentialId;

const handlerOf = (route: RouteContract, proceed: Proceed, deps: ContractRouteDeps): RouteHandlerMethod => {
  const { track, admissions, limiter } = deps;
  const { admit } = admissions;
  const admitBody = admissions.bodyStepOf(route);
  const surface = surfaces[route.surface];
  const bodyBytesMax = route.bodyBytesMax ?? BODY_BYTES_MAX_DEFAULT;
  if (admitBody && bodyBytesMax > BODY_BYTES_MAX_DEFAULT) {
    throw new TypeError(`${route.id} checks a signature over its body, which is then to be held whole`);
  }

  // Callbacks, not promises: a request whose key is known waits for nothing but its answer. Six promises on its way
  // cost 80 µs of CPU a request instead of 70 (64-bit Linux, Node 26, with everything on).
  return (request, reply) => {
    const tracked = track(request, reply, surface, route.path);
    const fail = (error: unknown): void => {
      if (error instanceof CallerGone) return void reply.hijack();
      noteError(request, error);
      reply.send(error);
    };
    const end = (error: unknown): void => {
      if (error) fail(error);
      // Nobody is there to be answered.
      else if (!reply.sent) reply.hijack();
    };
    const takeIn = (admission: Admission | null): void => {
      tracked.idempotencyKey = (route.idempotent && readIdempotencyKey(request.headers)) || null;
      const body = takeBody(request.raw, reply.raw, bodyBytesMax, whoseBody(tracked));
      const send = (taken: RequestBody) => {
        const drop = (error: unknown): void => {
          // What never went on its way is released by nobody else, and would count against its caller for ever.
          if (taken.kind !== 'none') taken.release();
          fail(error);
        };
        const goOn = (): void => {
          try {
            proceed(request, reply, tracked, taken, end);
          } catch (error) {
            drop(error);
          }
        };
        const bytes = taken.kind === 'whole' ? taken.bytes : null;
        const count = (): void => {
          try {
            const counted = limiter.countAfterBody({ reply, route, tracked, admission }, bytes);
            if (counted) counted.then(goOn, drop);
            else goOn();
          } catch (error) {
            drop(error);
          }
        };
        if (admitBody) admitBody(request, reply, tracked, admission, bytes ?? EMPTY).then(count, drop);
        else count();
      };
      if (body instanceof Promise) body.then(send).catch(fail);
      else send(body);
    };
    try {
      const admission = admit(request, reply, route, tracked);
      if (admission instanceof Promise) admission.then(takeIn).catch(fail);
      else takeIn(admission);
    } catch (error) {
      fail(error);
    }
  };
};

/** Every route of the contracts. An endpoint that is added there is served from then on; nothing here knows any. */
export const registerContractRoutes = (app: FastifyInstance, deps: ContractRouteDeps): void => {
  for (const route of deps.routes) {
    const proceed = goesInward(route) ? sendInward(route, deps) : answerHere(route, deps);
    app.route({
      method: route.method === 'GET' ? ['GET', 'HEAD'] : route.method,
      url: route.path,
      config: { contract: route },
      exposeHeadRoute: false,
      handler: handlerOf(route, proceed, deps),
    });
  }
};
