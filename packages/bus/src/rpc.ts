import {
  AppError,
  type ErrorCode,
  type ErrorDetails,
  errorCatalogue,
  type RpcContract,
  toAppError,
} from '@switchboard/contracts';
import { headers as createHeaders, type Msg, type NatsConnection, type Subscription } from 'nats';
import type { z } from 'zod';
import type { Connection } from './connection.ts';
import type { Log, TraceHooks } from './log.ts';

const RPC_TIMEOUT_MS = 5_000;

export interface RequestOptions {
  /** Milliseconds until GATEWAY_TIMEOUT; default 5,000. */
  readonly timeoutMs?: number;
  readonly traceparent?: string;
  /** Of a question `perId`. */
  readonly id?: string;
}

export interface RpcContext {
  readonly traceparent: string | undefined;
}

export type RpcHandler<Request extends z.ZodType, Reply extends z.ZodType> = (
  input: z.output<Request>,
  ctx: RpcContext,
) => Promise<z.input<Reply>>;

export interface Responder {
  /** Takes no more questions and waits for the ones being answered. */
  stop(): Promise<void>;
}

type Answer =
  | { ok: true; data: unknown }
  | { ok: false; error: { code: string; message: string; details?: ErrorDetails } };

const failedAnswer = ({ code, message, details }: AppError): Answer => ({
  ok: false,
  error: { code, message, ...(details ? { details } : {}) },
});

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorCatalogue, code);

const receivedError = (error: { code: string; message: string; details?: ErrorDetails }): AppError =>
  new AppError(isErrorCode(error.code) ? error.code : 'INTERNAL_ERROR', {
    message: error.message,
    ...(error.details ? { details: error.details } : {}),
  });

const failedRequest = (rpc: RpcContract, error: unknown): AppError => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (error instanceof AppError) return error;
  if (code === 'TIMEOUT') {
    return new AppError('GATEWAY_TIMEOUT', { message: `${rpc.owner} did not answer in time`, cause: error });
  }
  if (code === 'MAX_PAYLOAD_EXCEEDED') return new AppError('PAYLOAD_TOO_LARGE', { cause: error });
  return new AppError('SERVICE_UNAVAILABLE', {
    message: `${rpc.owner} is not available right now`,
    cause: error,
  });
};

const TOKEN = /^[A-Za-z0-9_-]{1,100}$/;

/** @throws TypeError when the id is missing, superfluous or no part of a subject */
const subjectOf = ({ subject, perId }: RpcContract, id: string | undefined): string => {
  if (perId !== true && id === undefined) return subject;
  if (perId !== true || id === undefined || !TOKEN.test(id)) {
    throw new TypeError(`${subject} ${perId ? 'needs an id that fits a subject' : 'takes no id'}`);
  }
  return `${subject}.${id}`;
};

export const createRpc = (connection: Connection, log: Log, trace: TraceHooks) => {
  /**
   * Asks the owner of an rpc. AppError: what the owner threw, SERVICE_UNAVAILABLE when nobody answers there,
   * GATEWAY_TIMEOUT after `timeoutMs`.
   */
  const request = async <Request extends z.ZodType, Reply extends z.ZodType>(
    rpc: RpcContract<Request, Reply>,
    input: z.input<Request>,
    options: RequestOptions = {},
  ): Promise<z.output<Reply>> => {
    const checked = rpc.request.parse(input);
    const subject = subjectOf(rpc, options.id);
    const timeoutMs = options.timeoutMs ?? RPC_TIMEOUT_MS;
    const startedAtMs = performance.now();
    let reply: Msg;
    try {
      const nc = await connection.ready(timeoutMs);
      const headers = createHeaders();
      const traceparent = options.traceparent ?? trace.current();
      if (traceparent) headers.set('traceparent', traceparent);
      const leftMs = Math.max(1, timeoutMs - (performance.now() - startedAtMs));
      reply = await nc.request(subject, JSON.stringify(checked), { headers, timeout: leftMs });
    } catch (error) {
      throw failedRequest(rpc, error);
    }
    const answer = reply.json<Answer>();
    if (!answer.ok) throw receivedError(answer.error);
    const parsed = rpc.reply.safeParse(answer.data);
    if (!parsed.success)
      throw new AppError('BAD_GATEWAY', {
        message: `${rpc.owner} gave an answer of another shape`,
        cause: parsed.error,
      });
    return parsed.data;
  };

  const answerOf = async <Request extends z.ZodType, Reply extends z.ZodType>(
    rpc: RpcContract<Request, Reply>,
    handler: RpcHandler<Request, Reply>,
    msg: Msg,
  ): Promise<Answer> => {
    try {
      const input = rpc.request.safeParse(msg.json());
      if (!input.success) {
        const fields = input.error.issues.map((issue) => ({
          field: issue.path.join('.'),
          message: issue.message,
        }));
        throw new AppError('INVALID_INPUT', { details: { fields } });
      }
      const traceparent = msg.headers?.get('traceparent') || undefined;
      const output = await trace.run(traceparent, rpc.subject, () => handler(input.data, { traceparent }));
      return { ok: true, data: rpc.reply.parse(output) };
    } catch (error) {
      const appError = toAppError(error);
      if (appError.status >= 500)
        log.error({ err: error, subject: rpc.subject }, 'A question could not be answered');
      return failedAnswer(appError);
    }
  };

  /**
   * Answers an rpc. All replicas of the owner form one queue group: each question goes to one of them.
   *
   * @param options.id of a question `perId`: the thing that this process has in hand
   */
  const respond = <Request extends z.ZodType, Reply extends z.ZodType>(
    rpc: RpcContract<Request, Reply>,
    handler: RpcHandler<Request, Reply>,
    { id }: { readonly id?: string } = {},
  ): Responder => {
    const subject = subjectOf(rpc, id);
    const running = new Set<Promise<void>>();
    let subscription: Subscription | null = null;

    const answer = async (msg: Msg) => {
      const body = await answerOf(rpc, handler, msg);
      try {
        msg.respond(JSON.stringify(body));
      } catch (error) {
        log.error({ err: error, subject: rpc.subject }, 'An answer could not be sent');
        // Over max_payload: say so. (Or the connection closed under us; then nobody hears it, and nobody waits.)
        if (body.ok)
          msg.respond(JSON.stringify(failedAnswer(new AppError('INTERNAL_ERROR', { cause: error }))));
      }
    };
    const forget = connection.onOpen((nc: NatsConnection) => {
      subscription = nc.subscribe(subject, {
        queue: rpc.owner,
        callback: (error, msg) => {
          if (error)
            return log.error({ err: error, subject: rpc.subject }, 'The subscription for questions failed');
          const work = answer(msg).finally(() => running.delete(work));
          running.add(work);
        },
      });
    });
    return {
      async stop() {
        forget();
        if (subscription && connection.isConnected()) await subscription.drain().catch(() => undefined);
        else subscription?.unsubscribe();
        await Promise.all(running);
      },
    };
  };

  return { request, respond };
};
