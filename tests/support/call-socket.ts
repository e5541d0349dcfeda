import { waitFor } from '@switchboard/stack/testing';
import WebSocket from 'ws';

const PATIENT_MS = 45_000;
/** What a gateway says that can ask nobody right now: nobody was let in, and clients try again. */
const TRY_AGAIN = 1013;
const TRIES_MAX = 20;
const PAUSE_MS = 500;

/** A frame as a client reads it. */
export interface Frame {
  readonly type: string;
  readonly callId: string;
  readonly sequence: number;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface CallSocket {
  /** What came, to the letter, in the order in which it came. */
  readonly texts: readonly string[];
  readonly frames: readonly Frame[];
  readonly closed: { readonly code: number; readonly reason: string } | null;
  readonly raw: WebSocket;
  send(message: unknown): void;
  waitForFrame(type: string, timeoutMs?: number): Promise<Frame>;
  waitForClose(timeoutMs?: number): Promise<{ readonly code: number; readonly reason: string }>;
  close(): Promise<void>;
}

/**
 * A program that follows a call: it keeps the text of every frame. Gives at once; an upgrade that fails is told by `closed`.
 * It tries again when it is told to.
 */
export const openCallSocket = (url: string, headers: Readonly<Record<string, string>> = {}): CallSocket => {
  let raw: WebSocket;
  let again: NodeJS.Timeout | undefined;
  let isLeft = false;
  const texts: string[] = [];
  const frames: Frame[] = [];
  let closed: { readonly code: number; readonly reason: string } | null = null;
  let fault = '';
  const connect = (tries: number): void => {
    raw = new WebSocket(url, { headers, perMessageDeflate: false, handshakeTimeout: PATIENT_MS });
    texts.length = 0;
    frames.length = 0;
    raw.on('message', (data: Buffer) => {
      const text = data.toString('utf8');
      texts.push(text);
      frames.push(JSON.parse(text) as Frame);
    });
    raw.on('error', (error) => {
      fault = error.message;
    });
    raw.on('close', (code, reason) => {
      if (code === TRY_AGAIN && !isLeft && tries < TRIES_MAX)
        again = setTimeout(connect, PAUSE_MS, tries + 1);
      else closed = { code, reason: reason.toString() };
    });
  };
  connect(1);
  const seen = () =>
    `${frames.map(({ type }) => type).join(', ')}; closed: ${JSON.stringify(closed)} ${fault}`;
  return {
    texts,
    frames,
    get raw() {
      return raw;
    },
    get closed() {
      return closed;
    },
    send: (message) => raw.send(typeof message === 'string' ? message : JSON.stringify(message)),
    async waitForFrame(type, timeoutMs = PATIENT_MS) {
      const find = () => frames.find((frame) => frame.type === type);
      await waitFor(() => find() ?? closed, { what: `${type}`, timeoutMs }).catch((error) => {
        throw new Error(`no ${type}; there came: ${seen()}`, { cause: error });
      });
      const frame = find();
      if (!frame) throw new Error(`no ${type}; there came: ${seen()}`);
      return frame;
    },
    waitForClose: (timeoutMs = PATIENT_MS) =>
      waitFor(() => closed, { what: 'the socket to be closed', timeoutMs }).catch((error) => {
        throw new Error(`not closed; there came: ${seen()}`, { cause: error });
      }),
    async close() {
      isLeft = true;
      clearTimeout(again);
      if (raw.readyState === WebSocket.CLOSED) return;
      raw.terminate();
      await waitFor(() => closed, { what: 'our own end of the socket to close' });
    },
  };
};

/** The address of the same socket at another gateway, perhaps after a frame that was seen. */
export const socketAt = (gatewayUrl: string, wsUrl: string, since?: number): string => {
  const url = new URL(wsUrl);
  url.host = new URL(gatewayUrl).host;
  if (since !== undefined) url.searchParams.set('since', String(since));
  return url.href;
};
