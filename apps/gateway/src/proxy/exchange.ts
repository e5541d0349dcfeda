import type { IncomingHttpHeaders } from 'node:http';
import { AppError, type Dialect, PAGE_ERROR_HEADER } from '@switchboard/contracts';
import type { FastifyReply } from 'fastify';
import type { Dispatcher } from 'undici';
import { ERROR_BYTES_MAX, readErrorCode } from './error-answers.ts';
import { CallerGone, type MayGoOn } from './request-body.ts';
import { outwardHeaders } from './response-headers.ts';

const AS_TEXT_BYTES_MAX = 16 * 1024;

/** How one attempt to have a request answered ended. */
export type Outcome =
  /** The caller has the answer, or is gone. */
  | { readonly kind: 'answered' }
  /** Not one byte went out: anything may be sent again. */
  | { readonly kind: 'not-sent'; readonly error: Error }
  /** The same, because its turn came so late that it has to be asked whether it may still be sent. */
  | { readonly kind: 'late' }
  /** The connection broke after the request went out: whether it had an effect is unknown. */
  | { readonly kind: 'broken'; readonly error: Error }
  | { readonly kind: 'failed'; readonly error: AppError };

/** It waited in line for a connection, and what was known of its caller is old. */
class TurnCameLate extends Error {}

/** The caller takes no more of the answer, and would hold the connection to the service for as long as he likes. */
class AnswerNotRead extends Error {}

const isConnectionFault = (error: Error): boolean => {
  const code = 'code' in error ? error.code : undefined;
  return (
    code === 'ECONNRESET' ||
    code === 'EPIPE' ||
    code === 'ECONNREFUSED' ||
    code === 'ECONNABORTED' ||
    code === 'UND_ERR_SOCKET' ||
    code === 'UND_ERR_CONNECT_TIMEOUT' ||
    code === 'UND_ERR_DESTROYED' ||
    code === 'UND_ERR_CLOSED' ||
    code === 'ENOTFOUND' ||
    code === 'EAI_AGAIN' ||
    code === 'EHOSTUNREACH' ||
    code === 'ENETUNREACH' ||
    code === 'ETIMEDOUT'
  );
};

export interface ExchangeOptions {
  readonly reply: FastifyReply;
  readonly dialect: Dialect;
  /** True: the service may answer an error with a page. */
  readonly takesPages: boolean;
  /** True: its cookies reach the caller. */
  readonly takesCookies: boolean;
  /** So long the answer may take to begin. */
  readonly timeoutMs: number;
  /** So long the caller may take none of an answer that is there for him. */
  readonly unreadMs: number;
  /** Asked when it is about to be sent. */
  readonly maySend: MayGoOn | null;
  /** Asked when its answer is about to be passed on; what it throws is the outcome instead. */
  readonly mayAnswer: MayGoOn | null;
  /** True: the gateway vouched for the caller, so a 401 from the service is the gateway's fault. */
  readonly vouched: boolean;
  /** Told the code of an error answer before the answer ends. */
  readonly onErrorCode: (code: string) => void;
  /** Called once, when the attempt is over. */
  readonly onEnd: (outcome: Outcome) => void;
}

/**
 * One attempt: passes the service's answer on to the caller as it comes. Written against undici's dispatch interface and
 * not with @fastify/reply-from, which cannot tell a request that was never sent from one that broke off, and so cannot
 * tell what is safe to repeat. Bytes go from socket to socket without a stream between. Nothing is written to the
 * caller before the first byte of the answer's body is here, so until then another attempt may follow.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #options: ExchangeOptions;
  #ended = false;
  #controller: Dispatcher.DispatchController | null = null;
  #timer: NodeJS.Timeout | undefined;
  #abortReason: Error | null = null;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #begun = false;
  /** The parts of an error answer, which is read before it is passed on; or the whole of a short answer. */
  #held: Buffer[] | null = null;
  #heldBytes = 0;
  #wholeBytes = -1;
  /** What came of the answer while it is asked whether it may be passed on. */
  #early: Buffer[] | null = null;
  /** The service has said everything. */
  #complete = false;
  #unreadTimer: NodeJS.Timeout | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    // From handing over until the answer begins; a pool without a free connection counts too.
    this.#timer = setTimeout(() => this.#abort(new AppError('GATEWAY_TIMEOUT')), options.timeoutMs);
  }

  /** The caller is gone: nobody needs the answer. */
  callerLeft(): void {
    this.#abort(new CallerGone());
  }

  #abort(reason: Error): void {
    if (this.#abortReason) return;
    this.#abortReason = reason;
    if (this.#controller) this.#controller.abort(reason);
    else this.#end(reason instanceof AppError ? { kind: 'failed', error: reason } : { kind: 'answered' });
  }

  #end(outcome: Outcome): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#unreadTimer);
    this.#options.onEnd(outcome);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#abortReason) controller.abort(this.#abortReason);
    else this.#askToSend(controller);
  }

  #askToSend(controller: Dispatcher.DispatchController): void {
    try {
      const asked = this.#options.maySend?.();
      if (!asked) return;
      // Bytes cannot be kept back here. It is asked again, and listened to, before the next attempt.
      asked.catch(() => {});
      controller.abort(new TurnCameLate());
    } catch (error) {
      controller.abort(error as Error);
    }
  }

  onBodySent(): void {
    // A slow upload is not a slow service.
    this.#timer?.refresh();
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    clearTimeout(this.#timer);
    if (status === 401 && this.#options.vouched) {
      controller.abort(
        new AppError('BAD_GATEWAY', {
          cause: new Error('the service refuses our token: is INTERNAL_TOKEN_SECRET the same everywhere?'),
        }),
      );
      return;
    }
    this.#status = status;
    this.#headers = headers;
    if (status >= 400) this.#held = [];
    const length = headers['content-length'];
    if (length !== undefined) this.#wholeBytes = Number(length);
  }

  #begin(): void {
    const { reply, takesCookies } = this.#options;
    if (!takesCookies) delete this.#headers['set-cookie'];
    // Throws when the service sent what is no header: then nothing is written yet, and 502 can be.
    reply.raw.writeHead(this.#status, outwardHeaders(this.#headers, reply.getHeaders()));
    reply.hijack();
    this.#begun = true;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#held) {
      this.#heldBytes += chunk.length;
      if (this.#heldBytes > ERROR_BYTES_MAX) controller.abort(new AppError('BAD_GATEWAY'));
      else this.#held.push(chunk);
      return;
    }
    if (!this.#begun && chunk.length === this.#wholeBytes) {
      // The whole body: goes out with the headers, in one write, when the end is confirmed.
      this.#held = [chunk];
      return;
    }
    if (this.#begun) {
      this.#write(controller, chunk);
      return;
    }
    // Of a service that closed its connection, all that it sent comes at once, pause or not.
    if (this.#early) {
      this.#early.push(chunk);
      return;
    }
    const asked = this.#options.mayAnswer?.();
    if (!asked) {
      this.#begin();
      this.#write(controller, chunk);
      return;
    }
    this.#early = [chunk];
    controller.pause();
    this.#when(asked, controller, () => {
      const bytes = Buffer.concat(this.#early ?? []);
      this.#early = null;
      this.#begin();
      const isTaken = this.#write(controller, bytes);
      if (this.#complete) this.#finish();
      else if (isTaken) controller.resume();
    });
  }

  /** Goes on when that was allowed, unless all is over by then. */
  #when(asked: Promise<void>, controller: Dispatcher.DispatchController, goOn: () => void): void {
    asked
      .then(() => {
        if (this.#ended) return;
        if (this.#abortReason) throw this.#abortReason;
        goOn();
      })
      .catch((error) => {
        // undici is told as long as it listens; it would tell nobody afterwards.
        if (this.#complete) this.#end(this.#outcomeOf(error));
        else controller.abort(error);
      });
  }

  /** False: the caller has yet to take it, and until then no more is read. */
  #write(controller: Dispatcher.DispatchController, chunk: Buffer): boolean {
    const { reply, unreadMs } = this.#options;
    if (reply.raw.write(chunk)) return true;
    if (this.#unreadTimer) return false;
    controller.pause();
    this.#unreadTimer = setTimeout(() => this.#abort(new AnswerNotRead()), unreadMs);
    reply.raw.once('drain', () => {
      clearTimeout(this.#unreadTimer);
      this.#unreadTimer = undefined;
      controller.resume();
    });
    return false;
  }

  #finish(): void {
    this.#options.reply.raw.end();
    this.#end({ kind: 'answered' });
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#complete = true;
    if (this.#begun) {
      this.#finish();
      return;
    }
    if (this.#early) return;
    const asked = this.#options.mayAnswer?.();
    if (asked) this.#when(asked, controller, () => this.#answerWhole());
    else this.#answerWhole();
  }

  /** An error, or an answer that is short: head and body at once. */
  #answerWhole(): void {
    const { reply, dialect, takesPages } = this.#options;
    const bytes = this.#held && this.#held.length !== 1 ? Buffer.concat(this.#held) : this.#held?.[0];
    const contentType = String(this.#headers['content-type'] ?? '');
    const isPage = takesPages && contentType.startsWith('text/html');
    if (this.#status >= 400 && reply.request.method !== 'HEAD' && !isPage) {
      const errorCode = readErrorCode(dialect, contentType, bytes ?? Buffer.alloc(0));
      if (errorCode === null) {
        const cause = new Error(`the service answered ${this.#status} in no dialect of ours`);
        this.#end({ kind: 'failed', error: new AppError('BAD_GATEWAY', { cause }) });
        return;
      }
      this.#options.onErrorCode(errorCode);
    }
    const pageError = this.#headers[PAGE_ERROR_HEADER];
    if (isPage && typeof pageError === 'string') this.#options.onErrorCode(pageError);
    this.#begin();
    // Node writes headers and a text in one piece, headers and bytes in two (writev). Latin-1 is bytes as text, 1:1.
    if (bytes && bytes.length <= AS_TEXT_BYTES_MAX) reply.raw.end(bytes.toString('latin1'), 'latin1');
    else reply.raw.end(bytes);
    this.#end({ kind: 'answered' });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#begun) {
      // Half an answer is with the caller: the only honest end is a broken connection.
      if (error !== this.#abortReason) this.#options.onErrorCode('BAD_GATEWAY');
      this.#options.reply.raw.destroy();
      this.#end({ kind: 'answered' });
      return;
    }
    this.#end(this.#outcomeOf(error));
  }

  #outcomeOf(error: Error): Outcome {
    if (error instanceof AppError) return { kind: 'failed', error };
    if (error instanceof TurnCameLate) return { kind: 'late' };
    if (error === this.#abortReason || error instanceof CallerGone) return { kind: 'answered' };
    if (error.name === 'InvalidArgumentError') {
      return {
        kind: 'failed',
        error: new AppError('INVALID_INPUT', { message: 'A header is not valid', cause: error }),
      };
    }
    if (!this.#controller) return { kind: 'not-sent', error };
    if (isConnectionFault(error)) return { kind: 'broken', error };
    return { kind: 'failed', error: new AppError('BAD_GATEWAY', { cause: error }) };
  }
}
