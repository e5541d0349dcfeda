import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from '@switchboard/stack/testing';

/** One callback as it came over the wire. */
export interface ReceivedCallback {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly at: number;
}

export interface Receiver {
  readonly url: string;
  readonly received: readonly ReceivedCallback[];
  /** Answers with this status from now on. */
  answerWith(status: number): void;
  /** Waits for the first callback whose `X-Webhook-ID` is `id`. */
  waitForCallback(id: string, timeoutMs?: number): Promise<ReceivedCallback>;
  close(): Promise<void>;
}

/** A partner's webhook receiver: a real HTTP server that keeps the raw bytes of what came. */
export const startReceiver = async (): Promise<Receiver> => {
  const received: ReceivedCallback[] = [];
  let status = 200;
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      received.push({
        path: req.url ?? '',
        headers: req.headers,
        body: Buffer.concat(chunks).toString('utf8'),
        at: Date.now(),
      });
      res.writeHead(status).end('OK');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/webhook/callback`,
    received,
    answerWith(next) {
      status = next;
    },
    waitForCallback: (id, timeoutMs = 60_000) =>
      waitFor(() => received.find((callback) => callback.headers['x-webhook-id'] === id), {
        what: `the callback ${id}`,
        timeoutMs,
      }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
