import {
  BODY_BYTES_MAX_DEFAULT,
  formatTraceparent,
  type RouteContract,
  type ServiceName,
  surfaces,
} from '@switchboard/contracts';
import { type InternalTokenMinter, readIdempotencyKey } from '@switchboard/service-kit';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify';
import type { Admit } from '../../admission.ts';
import { forward } from '../../proxy/forward.ts';
import { CallerGone, takeBody } from '../../proxy/request-body.ts';
import type { HeaderFilter } from '../../proxy/request-headers.ts';
import type { Upstream } from '../../proxy/upstream.ts';
import { noteError, type Tracked, type Tracker } from '../../request-log/track.ts';

export interface ContractRouteDeps {
  readonly routes: readonly RouteContract[];
  readonly track: Tracker;
  readonly admit: Admit;
  readonly mintToken: InternalTokenMinter;
  readonly filterHeaders: HeaderFilter;
  readonly upstreams: Readonly<Record<ServiceName, Upstream>>;
  readonly waitSeconds: number;
}

const handlerOf = (route: RouteContract, deps: ContractRouteDeps): RouteHandlerMethod => {
  const { track, admit, mintToken, filterHeaders, waitSeconds } = deps;
  const surface = surfaces[route.surface];
  const upstream = deps.upstreams[route.service];
  const bodyBytesMax = route.bodyBytesMax ?? BODY_BYTES_MAX_DEFAULT;

  const pass = async (request: FastifyRequest, reply: FastifyReply, tracked: Tracked): Promise<void> => {
    const admission = await admit(request, reply, route, tracked);
    const idempotencyKey = route.idempotent ? readIdempotencyKey(request.headers) : undefined;
    tracked.idempotencyKey = idempotencyKey ?? null;
    const body = await takeBody(request.raw, reply.raw, bodyBytesMax);
    try {
      await forward({
        request,
        reply,
        route,
        upstream,
        body,
        headers: filterHeaders(request.raw.rawHeaders, request.headers.connection, {
          internalToken: admission ? mintToken(admission.principal, route.service) : undefined,
          traceparent: formatTraceparent(request.work?.trace ?? reply.server.kit.untraced),
          requestId: request.id,
          clientAddress: tracked.address,
          proto: request.protocol,
          host: request.host,
          idempotencyKey,
          hasBody: body.kind !== 'none',
        }),
        hasIdempotencyKey: idempotencyKey !== undefined,
        waitSeconds,
        caller: tracked.caller,
        onErrorCode: (code) => {
          tracked.errorCode = code;
        },
      });
    } finally {
      if (body.kind !== 'none') body.release();
    }
  };

  return async (request, reply) => {
    try {
      await pass(request, reply, track(request, reply, surface, route.path));
    } catch (error) {
      if (error instanceof CallerGone) return void reply.hijack();
      noteError(request, error);
      throw error;
    }
  };
};

/** Every route of the contracts. An endpoint that is added there is served from then on; nothing here knows any. */
export const registerContractRoutes = (app: FastifyInstance, deps: ContractRouteDeps): void => {
  for (const route of deps.routes) {
    app.route({
      method: route.method === 'GET' ? ['GET', 'HEAD'] : route.method,
      url: route.path,
      config: { contract: route },
      exposeHeadRoute: false,
      handler: handlerOf(route, deps),
    });
  }
};
