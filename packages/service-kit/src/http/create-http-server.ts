import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import {
  AppError,
  BODY_BYTES_MAX_DEFAULT,
  type Clock,
  createUuidV7Ids,
  type Ids,
  type Principal,
  parseTraceparent,
  type RouteContract,
} from '@switchboard/contracts';
import {
  type FastifyHttpOptions,
  type FastifyInstance,
  type FastifyRequest,
  fastify,
  LogController,
} from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { ServerConfig } from '../config/blocks.ts';
import { runInWork, type WorkContext } from '../context/work-context.ts';
import type { Readiness } from '../health/readiness.ts';
import type { InternalTokenVerifier } from '../internal-token/verify.ts';
import type { Log } from '../log/create-log.ts';
import type { Metrics } from '../metrics/create-metrics.ts';
import { nextSpan } from '../tracing/trace-ids.ts';
import { createIdTracing, type Span, type Tracing } from '../tracing/tracing.ts';
import { addBodyParsers } from './body-parsers.ts';
import { answerError } from './http-errors.ts';
import { REQUEST_ID_HEADER, requestIdOf } from './request-id.ts';
import { createTraffic, type Traffic } from './traffic.ts';

export interface HttpServerDeps {
  readonly config: Pick<ServerConfig, 'requestTimeoutSeconds' | 'idleTimeoutSeconds' | 'keepAliveSeconds'>;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly readiness: Readiness;
  readonly ids?: Ids;
  /** Needed by `implement` for routes that take a credential. */
  readonly verifyInternalToken?: InternalTokenVerifier;
  /** False: no log line per request (the gateway has its request log). */
  readonly logRequests?: boolean;
  /** Words the refusal of an unknown address; NOT_FOUND when left out. */
  readonly onUnknownRoute?: (request: FastifyRequest) => AppError;
  /** What else Fastify shall know, `trustProxy` for instance. */
  readonly fastify?: FastifyHttpOptions<Server>;
}

/** What hooks, error handler and `implement` share; on every instance as `app.kit`. */
export interface HttpKit {
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly traffic: Traffic;
  readonly verifyInternalToken: InternalTokenVerifier | undefined;
  /** Stands in where a request failed before it had a trace. */
  readonly untraced: WorkContext['trace'];
}

declare module 'fastify' {
  interface FastifyInstance {
    readonly kit: HttpKit;
  }
  interface FastifyRequest {
    /** Undefined only for requests that Fastify refuses before any hook, such as a bad percent-encoding. */
    work: WorkContext | undefined;
    span: Span | undefined;
    principal: Principal | undefined;
  }
  interface FastifyContextConfig {
    contract?: RouteContract;
    /** True: no log line and no metrics for this route. */
    quiet?: boolean;
  }
}

const CLIENT_CLOSED_REQUEST = 499;

/** A request that is not HTTP gets an answer that is, and the connection ends. */
const refuseBadHttp = (error: Error & { code?: string }, socket: Socket, ids: Ids): void => {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, title] =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? [408, 'Request Timeout']
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? [431, 'Request Header Fields Too Large']
        : [400, 'Bad Request'];
  const body = JSON.stringify({ type: 'about:blank', title, status, code: 'INVALID_INPUT' });
  const head = [
    `HTTP/1.1 ${status} ${title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    `${REQUEST_ID_HEADER}: ${ids.next()}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
};

/** As long as a request line can be: an id that is too long is unknown, and not another address. */
const PARAMETER_CHARACTERS_MAX = 16_384;

interface Matched {
  readonly route: string;
  readonly quiet: boolean;
}

/** Read once per request: Fastify makes `routeOptions` anew at every look, 0.7 KB each. */
const matchedBy = (request: FastifyRequest): Matched => {
  const { url = 'unknown', config } = request.routeOptions;
  return { route: url, quiet: config.quiet === true };
};

/**
 * Fastify as every service uses it: explicit timeouts, JSON alone, errors in the dialect of the route's surface, request
 * id, trace, log line and metrics. Routes are added with `implement` or by hand; it does not listen.
 */
export const createHttpServer = (deps: HttpServerDeps): FastifyInstance => {
  const { config, log, clock, metrics, tracing, readiness, logRequests = true } = deps;
  const ids = deps.ids ?? createUuidV7Ids(clock);
  const traffic = createTraffic();
  const untraced = createIdTracing();
  const app = fastify({
    requestTimeout: config.requestTimeoutSeconds * 1000,
    connectionTimeout: config.idleTimeoutSeconds * 1000,
    keepAliveTimeout: config.keepAliveSeconds * 1000,
    bodyLimit: BODY_BYTES_MAX_DEFAULT,
    // While draining, requests are served (see lifecycle/drain-http.ts), not refused.
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: (request) => requestIdOf(request, ids),
    loggerInstance: log,
    // One logger for all: the fields of a request come from its work context (log/create-log.ts).
    childLoggerFactory: (logger) => logger,
    logController: new LogController({ disableRequestLogging: true }),
    clientErrorHandler: (error, socket) => refuseBadHttp(error, socket, ids),
    routerOptions: { maxParamLength: PARAMETER_CHARACTERS_MAX },
    frameworkErrors: (error, request, reply) => answerError(error, request, reply),
    ...deps.fastify,
  });
  app.decorate('kit', {
    log,
    clock,
    metrics,
    traffic,
    verifyInternalToken: deps.verifyInternalToken,
    untraced: nextSpan(null),
  });
  app.decorateRequest('work', undefined);
  app.decorateRequest('span', undefined);
  app.decorateRequest('principal', undefined);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  addBodyParsers(app);
  metrics.gauge('http_requests_in_flight', 'Requests that are being answered', () => traffic.inFlight);

  const finish = (
    request: FastifyRequest,
    { route, quiet }: Matched,
    status: number,
    span: Span,
    startedMs: number,
  ): void => {
    if (tracing.exporting) {
      span.set({ 'http.response.status_code': status });
      span.end(status >= 500 ? new Error(String(status)) : undefined);
    }
    if (quiet) return;
    const seconds = (performance.now() - startedMs) / 1000;
    const { method } = request;
    metrics.observeHttp({ method, route, status, seconds });
    if (!logRequests || !request.work) return;
    const latencyMs = Math.round(seconds * 1e6) / 1000;
    runInWork(request.work, () => log.info({ method, route, status, latencyMs }, 'request'));
  };

  app.addHook('onRequest', (request, reply, done) => {
    const startedMs = performance.now();
    const given = request.headers.traceparent;
    // Probes come every second and say nothing: their trace is ids alone.
    const matched = matchedBy(request);
    const { startSpan } = matched.quiet ? untraced : tracing;
    const span = startSpan(tracing.exporting ? `${request.method} ${matched.route}` : '', {
      kind: 'server',
      parent: parseTraceparent(typeof given === 'string' ? given : undefined),
      ...(tracing.exporting
        ? { attributes: { 'http.request.method': request.method, 'http.route': matched.route } }
        : {}),
    });
    const work: WorkContext = { trace: span.trace, requestId: request.id };
    request.work = work;
    request.span = span;
    reply.header(REQUEST_ID_HEADER, request.id);
    if (readiness.draining) reply.header('connection', 'close');
    traffic.begin(reply.raw);
    // 'close' comes after every request, answered or cut off; Fastify's onResponse leaves out those cut off.
    reply.raw.once('close', () => {
      traffic.end(reply.raw);
      finish(
        request,
        matched,
        reply.raw.writableEnded ? reply.raw.statusCode : CLIENT_CLOSED_REQUEST,
        span,
        startedMs,
      );
    });
    runInWork(work, () => {
      if (!request.is404) return done();
      // Before the body is read: an unknown address is 404 whatever was sent to it.
      done(deps.onUnknownRoute?.(request) ?? new AppError('NOT_FOUND'));
    });
  });
  app.setErrorHandler(answerError);
  return app;
};
