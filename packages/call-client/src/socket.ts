import { CallClientError, isClientError } from './errors.ts';
import { type Message, type RawFrame, readError, readFrame } from './frames.ts';
import { backoffMs, type Timing } from './timing.ts';

/** Close codes of a call's socket: those of RFC 6455 and its registry, and the API's own. */
export const closeCodes = {
  normal: 1000,
  unsupportedData: 1003,
  tooLarge: 1009,
  internalError: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
  badRequest: 4400,
  unauthorized: 4401,
  notFound: 4404,
  tooSlow: 4408,
  replaced: 4409,
  tooMany: 4429,
} as const;

/** Connecting again would end the same way. 4401 is not among them: another ticket may help. */
const FINAL_CODES: readonly number[] = [
  closeCodes.normal,
  closeCodes.unsupportedData,
  closeCodes.tooLarge,
  closeCodes.badRequest,
  closeCodes.notFound,
  closeCodes.replaced,
];
/** As browsers say it: the line broke. */
const ABNORMAL = 1006;
/** Whoever was told that it is too much waits at least this long. */
const TOO_MANY_MS = 5_000;
/** A ticket that is refused so soon after it was made was not refused for its age. */
const FRESH_MS = 60_000;

export type ConnectionState = 'connecting' | 'open' | 'reconnecting' | 'closed';

export interface ConnectionChange {
  readonly connection: ConnectionState;
  /** Of the last close, when there was one. */
  readonly closeCode?: number;
  /** How many attempts to connect again were made since the connection was lost. */
  readonly attempt?: number;
  /** Until the next attempt. */
  readonly delayMs?: number;
  /** Why it is closed for good, unless the call is over or `close()` asked for it. */
  readonly error?: CallClientError;
}

export interface FrameSocketOptions {
  /** An absolute ws or wss URL with its ticket. */
  readonly url: string;
  /** Gives a new one when the ticket is refused. */
  readonly renewUrl?: (() => Promise<string>) | undefined;
  readonly timing: Timing;
  /** A frame of the call's history: each once, with ascending sequence, whatever happens to connections. */
  onFrame(frame: RawFrame): void;
  /** A private frame. */
  onPrivate(frame: RawFrame): void;
  onConnection(change: ConnectionChange): void;
}

export interface FrameSocket {
  readonly connection: ConnectionState;
  /** Of the last frame that was seen. */
  readonly lastSequence: number;
  /** False when there is no connection that it could go out on. */
  send(message: Message): boolean;
  /** Ends it for good. */
  close(error?: CallClientError): void;
}

const withSince = (url: string, since: number): string => {
  const address = new URL(url);
  if (since > 0) address.searchParams.set('since', String(since));
  return address.href;
};

const isRefusal = (error: unknown): boolean =>
  isClientError(error) && error.status !== undefined && error.status >= 400 && error.status < 500;

const refusalOf = (code: number, reason: string, said: RawFrame | undefined): CallClientError => {
  if (said !== undefined) {
    const { code: word, message, details } = readError(said.data);
    return new CallClientError(word, message, { details: { ...details, closeCode: code } });
  }
  const details = { closeCode: code };
  if (code === closeCodes.replaced) {
    return new CallClientError('REPLACED', 'This call is followed in another window with the same address', {
      details,
    });
  }
  const word =
    code === closeCodes.unauthorized
      ? 'UNAUTHORIZED'
      : code === closeCodes.notFound
        ? 'CALL_NOT_FOUND'
        : 'CONNECTION_ERROR';
  return new CallClientError(word, reason || `The server closed the connection (${code})`, { details });
};

/**
 * One socket as far as whoever uses it can see: it reconnects by itself with backoff and resumes after the last frame
 * that was seen. The first connection is made at once.
 */
export const createFrameSocket = (options: FrameSocketOptions): FrameSocket => {
  const { timing, onFrame, onPrivate, onConnection } = options;
  let { url } = options;
  let connection: ConnectionState = 'connecting';
  let last = 0;
  /** The text of the frame with that number: one that comes twice is not mistaken for a private one. */
  let lastText = '';
  let current: WebSocket | undefined;
  /** Since when there is no connection. */
  let lostAt: number | undefined;
  let attempt = 0;
  /** When the ticket in `url` was made because the one before was refused; undefined as soon as it opened something. */
  let renewedAt: number | undefined;
  /** What the server said before it closed. */
  let refusal: RawFrame | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let lifeTimer: ReturnType<typeof setTimeout> | undefined;

  const change = (next: ConnectionChange): void => {
    connection = next.connection;
    onConnection(next);
  };

  const stop = (closeCode: number, error?: CallClientError): void => {
    if (connection === 'closed') return;
    clearTimeout(retryTimer);
    clearTimeout(lifeTimer);
    globalThis.removeEventListener?.('online', comeBackNow);
    const socket = current;
    current = undefined;
    socket?.close(closeCodes.normal);
    change({ connection: 'closed', closeCode, ...(error ? { error } : {}) });
  };

  /** Nothing was heard for a while: is anybody there? */
  const expectLife = (socket: WebSocket): void => {
    clearTimeout(lifeTimer);
    lifeTimer = setTimeout(() => {
      if (socket !== current) return;
      sendOn(socket, { type: 'ping', data: {} });
      lifeTimer = setTimeout(() => lose(socket, ABNORMAL, ''), timing.pongTimeoutMs);
    }, timing.pingEveryMs);
  };

  const sendOn = (socket: WebSocket, message: Message): boolean => {
    if (socket.readyState !== WebSocket.OPEN) return false;
    socket.send(JSON.stringify(message));
    return true;
  };

  const retry = (closeCode: number): void => {
    lostAt ??= Date.now();
    if (Date.now() - lostAt > timing.giveUpAfterMs) {
      stop(closeCode, refusalOf(closeCode, 'The connection was lost and did not come back', refusal));
      return;
    }
    attempt += 1;
    const delayMs = Math.max(
      backoffMs(attempt, timing),
      closeCode === closeCodes.tooMany ? Math.min(TOO_MANY_MS, timing.retryMaxMs) : 0,
    );
    clearTimeout(retryTimer);
    retryTimer = setTimeout(open, delayMs);
    change({ connection: 'reconnecting', closeCode, attempt, delayMs });
  };

  const renew = async (closeCode: number): Promise<void> => {
    if (options.renewUrl === undefined || (renewedAt ?? -Infinity) > Date.now() - FRESH_MS) {
      return stop(closeCode, refusalOf(closeCode, '', refusal));
    }
    lostAt ??= Date.now();
    change({ connection: 'reconnecting', closeCode, attempt, delayMs: 0 });
    try {
      const renewed = await options.renewUrl();
      if (isClosed()) return;
      url = renewed;
      renewedAt = Date.now();
      open();
    } catch (error) {
      if (isClosed()) return;
      if (!isRefusal(error)) return retry(closeCode);
      stop(closeCode, error as CallClientError);
    }
  };
  // A function, for TypeScript would take the state before an await for the state after it.
  const isClosed = (): boolean => connection === 'closed';

  const lose = (socket: WebSocket, code: number, reason: string): void => {
    if (socket !== current) return;
    current = undefined;
    clearTimeout(lifeTimer);
    // Whatever it still does is not heard any more.
    if (socket.readyState <= WebSocket.OPEN) socket.close();
    if (code === closeCodes.unauthorized) void renew(code);
    else if (code === closeCodes.normal) stop(code);
    else if (FINAL_CODES.includes(code)) stop(code, refusalOf(code, reason, refusal));
    else retry(code);
  };

  const hear = (socket: WebSocket, text: unknown): void => {
    const frame = readFrame(text);
    if (frame === undefined) return;
    expectLife(socket);
    // No frame has this number: it is said before a close, instead of what was asked for.
    if (frame.type === 'call.error' && frame.sequence === 0 && !hasCommand(frame)) {
      refusal = frame;
      return;
    }
    if (connection !== 'open') {
      attempt = 0;
      lostAt = undefined;
      refusal = undefined;
      renewedAt = undefined;
      change({ connection: 'open' });
      if (socket !== current) return;
    }
    if (frame.sequence > last && frame.type !== 'pong') {
      last = frame.sequence;
      lastText = String(text);
      onFrame(frame);
    } else if (frame.sequence >= last && text !== lastText) onPrivate(frame);
  };

  const open = (): void => {
    clearTimeout(retryTimer);
    if (current !== undefined || isClosed()) return;
    let socket: WebSocket;
    try {
      socket = new WebSocket(withSince(url, last));
    } catch (cause) {
      stop(ABNORMAL, new CallClientError('CONNECTION_ERROR', `${url} is no address of a socket`, { cause }));
      return;
    }
    current = socket;
    clearTimeout(lifeTimer);
    lifeTimer = setTimeout(() => lose(socket, ABNORMAL, ''), timing.connectTimeoutMs);
    socket.onopen = () => {
      // Whoever is up to date would hear nothing: the answer to this says that the ticket was good.
      sendOn(socket, { type: 'ping', data: {} });
    };
    socket.onmessage = (event) => {
      if (socket === current) hear(socket, event.data);
    };
    socket.onclose = (event) => lose(socket, event.code, event.reason);
    // A close follows, and says more.
    socket.onerror = () => undefined;
  };

  /** The network is back: no need to wait any longer. */
  const comeBackNow = (): void => {
    if (connection === 'reconnecting') open();
  };

  globalThis.addEventListener?.('online', comeBackNow);
  open();
  return {
    get connection() {
      return connection;
    },
    get lastSequence() {
      return last;
    },
    send: (message) => current !== undefined && connection === 'open' && sendOn(current, message),
    close: (error) => stop(closeCodes.normal, error),
  };
};

const hasCommand = (frame: RawFrame): boolean => {
  const { type, id } = readError(frame.data).details;
  return typeof type === 'string' || typeof id === 'string';
};
