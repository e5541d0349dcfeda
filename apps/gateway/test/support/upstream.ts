import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, createUuidV7Ids, partnerRoutes, systemClock } from '@switchboard/contracts';
import {
  createHttpServer,
  createIdTracing,
  createInternalTokenVerifier,
  createMetrics,
  createReadiness,
  createSilentLog,
  healthRoutes,
  implement,
} from '@switchboard/service-kit';
import { INTERNAL_TOKEN_SECRET } from './gateway.ts';

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly rawHeaders: readonly string[];
  readonly body: unknown;
}

const ids = createUuidV7Ids();

/** A small partner-service: some of the contracts' routes, implemented with the kit of every service. */
export const startPartnerService = async (
  options: { port?: number; tokenSecret?: string; clock?: Clock } = {},
) => {
  const seen: Seen[] = [];
  const readiness = createReadiness();
  const metrics = createMetrics({ service: 'partner-service' });
  const clock = options.clock ?? systemClock;
  const app = createHttpServer({
    config: { requestTimeoutSeconds: 30, idleTimeoutSeconds: 30, keepAliveSeconds: 30 },
    log: createSilentLog(),
    clock,
    metrics,
    tracing: createIdTracing(),
    readiness,
    verifyInternalToken: createInternalTokenVerifier({
      secrets: [options.tokenSecret ?? INTERNAL_TOKEN_SECRET],
      service: 'partner-service',
      clock,
    }),
  });
  app.addHook('preHandler', async (request) => {
    if (request.url.startsWith('/api')) {
      seen.push({
        method: request.method,
        url: request.raw.url ?? '',
        headers: request.headers,
        rawHeaders: request.raw.rawHeaders,
        body: request.body,
      });
    }
  });
  await app.register(healthRoutes, { readiness, metrics });
  implement(app, partnerRoutes.health, ({ principal }) => ({
    status: 200,
    body: {
      status: 'ok',
      environment: principal.environment,
      partner_name: principal.partner_name,
      timestamp: clock.now().toISOString(),
      version: 'v1',
    },
  }));
  implement(app, partnerRoutes.createCompany, ({ body }) => ({
    status: 201,
    body: { company_id: ids.next(), status: 'created', message: `Created ${body.name}` },
  }));
  implement(app, partnerRoutes.listCompanies, ({ query }) => ({
    status: 200,
    body: {
      companies: [] as never[],
      total: 0,
      limit: query.limit,
      offset: query.offset,
      next_cursor: null,
      partner_access: 'all_companies',
      message: 'This API key has access to all companies',
    },
  }));
  implement(app, partnerRoutes.analyzeCall, ({ body }) => ({
    status: 202,
    headers: { location: '/api/partner/v1/jobs/x/status' },
    body: {
      job_id: ids.next(),
      status: 'queued',
      estimated_time: '2-3 minutes',
      message: `${body.audio_file.length}`,
    },
  }));
  await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  readiness.markStarted();
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, seen, readiness, app, close: () => app.close() };
};
export type PartnerService = Awaited<ReturnType<typeof startPartnerService>>;

export interface RawUpstream {
  readonly url: string;
  readonly port: number;
  readonly sockets: ReadonlySet<Socket>;
  close(): Promise<void>;
}

/** A service that behaves as a test wants, ready by default: `listener` answers everything but /readyz. */
export const startRawUpstream = async (listener: RequestListener, port = 0): Promise<RawUpstream> => {
  const sockets = new Set<Socket>();
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    if (request.url === '/readyz') {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ready"}');
      return;
    }
    listener(request, response);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
