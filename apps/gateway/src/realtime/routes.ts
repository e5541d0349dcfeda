import type { Server } from 'node:http';
import websocket, { type WebSocket } from '@fastify/websocket';
import {
  AppError,
  closeCodes,
  errors,
  type RealtimeContract,
  surfaces,
  toAppError,
} from '@switchboard/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Admissions } from '../admission.ts';
import { noteError, type Tracker } from '../request-log/track.ts';
import { patternOf } from '../routes/unknown/refuse-unknown.ts';
import { CLOSE_TIMEOUT_MS, type RealtimeEdge } from './edge.ts';
import { createUpgradeTaker, type UpgradeTaker } from './upgrades.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Of a request that becomes a WebSocket. */
    upgradeReply: FastifyReply | null;
  }
}

const MESSAGE_BYTES_MAX = 64 * 1024;
/**
 * Of ws. Each part of a message that is not complete costs some hundred bytes beside its own, however small: a message of
 * ten thousand parts that is never ended would keep megabytes for as long as its socket is open.
 */
const webSocketOptions = {
  maxPayload: MESSAGE_BYTES_MAX,
  maxFragments: 128,
  maxBufferedChunks: 1024,
  perMessageDeflate: false,
  clientTracking: false,
  closeTimeout: CLOSE_TIMEOUT_MS,
};
const SINCE = /^\d{1,9}$/;

/** WebSocket requests to the realtime routes. */
export const realtimeUpgrades = (contracts: readonly RealtimeContract[]): UpgradeTaker => {
  const patterns = contracts.map(({ route }) => patternOf(route.path));
  return createUpgradeTaker(({ method, url = '', headers }) => {
    const path = url.split('?', 1)[0] ?? '';
    return (
      method === 'GET' &&
      headers.upgrade?.toLowerCase() === 'websocket' &&
      patterns.some((pattern) => pattern.test(path))
    );
  });
};

const sinceOf = ({ query }: FastifyRequest): number => {
  const { since } = query as Readonly<Record<string, unknown>>;
  if (since === undefined || since === '') return 0;
  if (typeof since === 'string' && SINCE.test(since)) return Number(since);
  throw errors.invalidParameter([{ field: 'since', message: 'must be the sequence of the last frame seen' }]);
};

/**
 * The HTTP exchange is over though its connection goes on: it counts as answered with 101 (metrics, request log, traffic
 * that a shutdown waits for), and nothing of it hangs on to the socket.
 */
const endExchange = (request: FastifyRequest, reply: FastifyReply): void => {
  const { raw } = reply;
  const { socket } = request.raw;
  if (raw.socket) raw.detachSocket(socket);
  raw.statusCode = 101;
  raw.end();
  raw.emit('close');
};

export interface RealtimeRoutesDeps {
  readonly edge: RealtimeEdge;
  readonly upgrades: UpgradeTaker;
  readonly track: Tracker;
  readonly admissions: Admissions;
}

/**
 * The routes on which topics are followed. Every WebSocket is accepted and then, if need be, refused with a frame and a
 * close code: a browser tells its page nothing of a refused handshake.
 *
 * Any page of any origin may connect. What lets it in is a ticket, a key or a token that the page itself presents, never
 * a cookie, so there is nothing that another page could make use of.
 */
export const registerRealtimeRoutes = async (
  app: FastifyInstance,
  deps: RealtimeRoutesDeps,
): Promise<void> => {
  const { edge, upgrades, track, admissions } = deps;

  const letIn = async (
    socket: WebSocket,
    request: FastifyRequest,
    reply: FastifyReply,
    contract: RealtimeContract,
  ): Promise<void> => {
    const { route } = contract;
    const tracked = track(request, reply, surfaces[route.surface], route.path);
    const id = String((request.params as Readonly<Record<string, unknown>>)[contract.topicField]);
    try {
      edge.assertOpen();
      const since = sinceOf(request);
      const admission = await admissions.admit(request, reply, route, tracked);
      if (!admission) throw new TypeError(`${route.id} takes no credential`);
      const { principal } = admission;
      const { credentialKind: kind, address } = tracked;
      await edge.follow({ socket, contract, id, since, principal, kind, address, request });
    } catch (thrown) {
      noteError(request, thrown);
      const error = toAppError(thrown);
      if (error.status >= 500) request.server.kit.log.warn({ err: error }, 'a WebSocket is refused');
      edge.refuse(socket, contract, id, error);
    }
  };

  await app.register(async (scope) => {
    scope.decorateRequest('upgradeReply', null);
    await scope.register(websocket, {
      options: {
        ...webSocketOptions,
        // Its listener goes to where only its own requests arrive; an emitter is all that it needs of a server.
        server: upgrades.emitter as Server,
      },
      preClose: (done) => {
        edge.close();
        done();
      },
    });
    scope.addHook('onResponse', async ({ raw }, reply) => {
      // Refused before it was accepted: nothing more can come of such a connection.
      if (reply.request.ws) raw.socket.end();
    });
    for (const contract of edge.contracts) {
      scope.route({
        method: ['GET', 'HEAD'],
        url: contract.route.path,
        config: { contract: contract.route },
        exposeHeadRoute: false,
        preHandler: (request, reply, done) => {
          if (request.ws && edge.isOverfull()) return done(new AppError('SERVICE_UNAVAILABLE'));
          request.upgradeReply = reply;
          done();
        },
        handler: (request, reply) => {
          track(request, reply, surfaces[contract.route.surface], contract.route.path);
          // Node closes no connection whose header is set to something else.
          const isLast = reply.getHeader('connection') === 'close' || !reply.raw.shouldKeepAlive;
          const connection = isLast ? 'upgrade, close' : 'upgrade';
          const error = new AppError('UPGRADE_REQUIRED', { headers: { upgrade: 'websocket', connection } });
          noteError(request, error);
          reply.send(error);
        },
        wsHandler: (socket, request) => {
          const reply = request.upgradeReply;
          // The plugin's listener keeps request and reply for as long as the socket lives.
          socket.removeAllListeners('error');
          edge.enter(socket);
          if (!reply) return socket.close(closeCodes.tryAgainLater);
          request.upgradeReply = null;
          return letIn(socket, request, reply, contract).finally(() => endExchange(request, reply));
        },
      });
    }
  });
};
