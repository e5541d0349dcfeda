import { waitFor } from '@switchboard/stack/testing';
import WebSocket from 'ws';

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

/** A program that follows a call: it keeps the text of every frame. Gives at once; an upgrade that fails is told by `closed`. */
export const openCallSocket = (url: string, headers: Readonly<Record<string, string>> = {}): CallSocket => {
  const raw = new WebSocket(url, { headers, perMessageDeflate: false, handshakeTimeout: 10_000 });
  const texts: string[] = [];
  const frames: Frame[] = [];
  let closed: { readonly code: number; readonly reason: string } | null = null;
  let fault = '';
  raw.on('message', (data: Buffer) => {
    const text = data.toString('utf8');
    texts.push(text);
    frames.push(JSON.parse(text) as Frame);
  });
  raw.on('error', (error) => {
    fault = error.message;
  });
  raw.on('close', (code, reason) => {
    closed = { code, reason: reason.toString() };
  });
  const seen = () =>
    `${frames.map(({ type }) => type).join(', ')}; closed: ${JSON.stringify(closed)} ${fault}`;
  return {
    texts,
    frames,
    raw,
    get closed() {
      return closed;
    },
    send: (message) => raw.send(typeof message === 'string' ? message : JSON.stringify(message)),
    waitForFrame: (type, timeoutMs = 10_000) =>
      waitFor(() => frames.find((frame) => frame.type === type), { what: `${type}`, timeoutMs }).catch(
        (error) => {
          throw new Error(`no ${type}; there came: ${seen()}`, { cause: error });
        },
      ),
    waitForClose: (timeoutMs = 10_000) =>
      waitFor(() => closed, { what: 'the socket to be closed', timeoutMs }).catch((error) => {
        throw new Error(`not closed; there came: ${seen()}`, { cause: error });
      }),
    async close() {
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
