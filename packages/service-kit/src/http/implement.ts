import { Readable } from 'node:stream';
import multipart from '@fastify/multipart';
import {
  type AnswerHeaders,
  type AnswerOf,
  AppError,
  BODY_BYTES_MAX_DEFAULT,
  type BodyOf,
  errors,
  INTERNAL_TOKEN_HEADER,
  type ParamsOf,
  type Principal,
  principalId,
  type QueryOf,
  type RouteContract,
  requireRole,
  surfaces,
  type TraceContext,
} from '@switchboard/contracts';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { z } from 'zod';
import type { InternalTokenVerifier } from '../internal-token/verify.ts';
import type { Log } from '../log/create-log.ts';
import { faultMessage, toFieldFaults, unstorableFaults } from './field-faults.ts';
import { readIdempotencyKey } from './idempotency-key.ts';
import { dropRest, readMultipart, toFormError } from './read-multipart.ts';
import { isTooSlow } from './upload-speed.ts';

/** Who asks: a principal of the kinds that the route takes; undefined on a route that takes no credential. */
export type PrincipalOf<Route extends RouteContract> = Route['credentials'] extends readonly []
  ? undefined
  : Extract<Principal, { kind: Route['credentials'][number] }>;

/** From where a request came, as the gateway saw it. */
export interface Caller {
  readonly ip: string | null;
  readonly userAgent: string | null;
}

const USER_AGENT_CHARACTERS_MAX = 512;

const callerOf = ({ headers }: FastifyRequest): Caller => {
  const ip = headers['x-forwarded-for'];
  return {
    ip: typeof ip === 'string' && ip !== '' ? ip : null,
    userAgent: headers['user-agent']?.slice(0, USER_AGENT_CHARACTERS_MAX) ?? null,
  };
};

/** What the handler of a route is given, typed and checked by the route's contract. */
export interface HandlerContext<Route extends RouteContract> {
  readonly params: ParamsOf<Route>;
  readonly query: QueryOf<Route>;
  readonly body: BodyOf<Route>;
  readonly principal: PrincipalOf<Route>;
  /** Only on routes that are `idempotent`. */
  readonly idempotencyKey: string | undefined;
  readonly requestId: string;
  readonly trace: TraceContext;
  readonly caller: Caller;
  /** Its lines carry request id, trace id and principal id. */
  readonly log: Log;
  readonly req: FastifyRequest;
  readonly reply: FastifyReply;
}

export type Handler<Route extends RouteContract> = (
  ctx: HandlerContext<Route>,
) => Promise<AnswerOf<Route>> | AnswerOf<Route>;

/** What a handler gives back, as the code that sends any answer sees it. */
interface AnyAnswer {
  readonly status: number;
  readonly headers?: AnswerHeaders | undefined;
  readonly body?: unknown;
}

const readPrincipal = (
  request: FastifyRequest,
  route: RouteContract,
  verify: InternalTokenVerifier,
): Principal => {
  const token = request.headers[INTERNAL_TOKEN_HEADER];
  const principal = verify(typeof token === 'string' ? token : undefined);
  if (!route.credentials.includes(principal.kind)) throw new AppError('WRONG_CREDENTIAL_KIND');
  requireRole(route, principal);
  return principal;
};

const check = (schema: z.ZodType | undefined, value: unknown, root: 'params' | 'query' | 'body'): unknown => {
  if (!schema) return undefined;
  const result = schema.safeParse(value, { error: faultMessage, reportInput: true });
  if (result.success) return result.data;
  const faults = toFieldFaults(result.error, root);
  throw root === 'body' ? errors.invalidInput(faults) : errors.invalidParameter(faults);
};

const checkParameters = (
  request: FastifyRequest,
  route: RouteContract,
): { params: unknown; query: unknown } => {
  const unstorable = [...unstorableFaults(request.params), ...unstorableFaults(request.query)];
  if (unstorable.length > 0) throw errors.invalidParameter(unstorable);
  return {
    params: check(route.params, request.params, 'params'),
    query: check(route.query, request.query, 'query'),
  };
};

const sendAnswer = (reply: FastifyReply, route: RouteContract, answer: AnyAnswer): FastifyReply => {
  const schema = route.responses[answer.status]?.schema;
  // Parsed before anything is set, so that a mismatch becomes a clean INTERNAL_ERROR.
  const result = schema?.safeParse(answer.body);
  if (result && !result.success) {
    const faults = toFieldFaults(result.error, 'body').map(({ field, message }) => `${field}: ${message}`);
    const cause = new TypeError(
      `${route.id} answered ${answer.status} against its contract: ${faults.join('; ')}`,
    );
    throw new AppError('INTERNAL_ERROR', { cause });
  }
  reply.status(answer.status).headers(surfaces[route.surface].successHeaders);
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    reply.header(name, typeof value === 'string' ? value : [...value]);
  }
  if (answer.body instanceof Readable) return reply.send(answer.body);
  if (!result) return reply.send();
  const mediaType = route.responses[answer.status]?.mediaType;
  return mediaType === undefined
    ? reply.type('application/json; charset=utf-8').send(JSON.stringify(result.data))
    : reply.type(mediaType).send(result.data);
};

const verifierFor = (app: FastifyInstance, route: RouteContract): InternalTokenVerifier | undefined => {
  if (route.credentials.length === 0) return undefined;
  const verify = app.kit.verifyInternalToken;
  if (!verify)
    throw new TypeError(`${route.id} takes a credential: createHttpServer needs verifyInternalToken`);
  return verify;
};

/**
 * Implements a route of the contracts: method, path, body limit, credential, validation and the shape of the answer
 * come from the contract, the handler from here. Faults of the body are INVALID_INPUT, of query and parameters
 * INVALID_PARAMETER, each naming every field; an answer that does not fit its schema is INTERNAL_ERROR, and fields the
 * schema does not know never leave.
 *
 * @param app made by `createHttpServer`
 */
export const implement = <const Route extends RouteContract, const Answer extends AnswerOf<Route>>(
  app: FastifyInstance,
  route: Route,
  // Answer is a parameter of its own so that a literal status in a handler written in place stays a literal.
  handler: (ctx: HandlerContext<Route>) => Promise<Answer> | Answer,
): void => {
  const verify = verifierFor(app, route);
  const { log } = app.kit;
  const options: RouteOptions = {
    method: route.method,
    url: route.path,
    bodyLimit: route.bodyBytesMax ?? BODY_BYTES_MAX_DEFAULT,
    config: { contract: route },
    onRequest: (request, _reply, done) => {
      // Before the body is read: who may not ask must not make us read 35 MB.
      if (verify) {
        request.principal = readPrincipal(request, route, verify);
        if (request.work) request.work.principalId = principalId(request.principal);
      }
      done();
    },
    handler: async (request, reply) => {
      const { work } = request;
      if (!work) throw new TypeError('the request has no work context');
      const { params, query } = checkParameters(request, route);
      const answer: AnyAnswer = await handler({
        params: params as ParamsOf<Route>,
        query: query as QueryOf<Route>,
        body: check(route.body, request.body, 'body') as BodyOf<Route>,
        principal: request.principal as PrincipalOf<Route>,
        idempotencyKey: route.idempotent ? readIdempotencyKey(request.headers) : undefined,
        requestId: request.id,
        trace: work.trace,
        caller: callerOf(request),
        log,
        req: request,
        reply,
      });
      return sendAnswer(reply, route, answer);
    },
  };
  if (!route.consumes?.includes('multipart/form-data')) {
    app.route(options);
    return;
  }
  // In a scope of its own: the plugin adds hooks to every route that it can see.
  app.register(async (scope) => {
    await scope.register(multipart);
    scope.route({
      ...options,
      preValidation: async (request, reply) => {
        if (!request.isMultipart()) return;
        try {
          request.body = await readMultipart(request, route);
        } catch (error) {
          // A connection that is cut while the client still sends takes the answer with it.
          const isAllRead =
            !isTooSlow(error) && (await dropRest(request.raw, route.bodyBytesMax ?? BODY_BYTES_MAX_DEFAULT));
          if (!isAllRead) reply.header('connection', 'close');
          throw toFormError(error);
        }
      },
    });
  });
};
