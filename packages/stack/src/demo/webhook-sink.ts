import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { waitFor } from '../wait.ts';

/** A callback as it arrived. */
export interface ReceivedCallback {
  receivedAt: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** Which secret signed it; undefined when none of those we know did. */
  signedBy: string | undefined;
}

export interface SinkOptions {
  port: number;
  /** The secrets callbacks may be signed with, by a name to print. */
  secrets: Readonly<Record<string, string>>;
  onCallback: (callback: ReceivedCallback) => void;
}

export interface WebhookSink {
  url: string;
  /** Settles with the next callback of this job, or one that has arrived already. */
  waitForJob(jobId: string, timeoutMs: number): Promise<ReceivedCallback>;
  stop(): Promise<void>;
}

const CALLBACKS_KEPT = 100;
const BODY_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Stands where a partner's receiver would: takes callbacks, checks `X-Partner-Signature` over the exact bytes as the
 * partner guide says, and answers 200, or 401 when nobody we know signed it. `GET /` lists the latest.
 */
export async function startWebhookSink(options: SinkOptions): Promise<WebhookSink> {
  const kept: ReceivedCallback[] = [];
  const stopped = new AbortController();
  const server = createServer((request, response) => {
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (request.method === 'GET') return answer(200, { callbacks: kept });
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) request.destroy();
      else chunks.push(chunk);
    });
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      const callback: ReceivedCallback = {
        receivedAt: new Date().toISOString(),
        path: request.url ?? '/',
        headers: request.headers,
        body: body.toString('utf8'),
        signedBy: findSigner(body, request.headers['x-partner-signature'], options.secrets),
      };
      kept.unshift(callback);
      kept.length = Math.min(kept.length, CALLBACKS_KEPT);
      options.onCallback(callback);
      if (callback.signedBy) answer(200, { received: true });
      else answer(401, { received: false, error: 'X-Partner-Signature is not by a secret of this stack' });
    });
  });
  server.requestTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${options.port}/partner-callbacks`,
    async waitForJob(jobId, timeoutMs) {
      const find = () => kept.find((callback) => callback.headers['x-webhook-id'] === jobId);
      return waitFor(find, { what: `the callback of job ${jobId}`, timeoutMs, signal: stopped.signal });
    },
    stop() {
      stopped.abort();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** The name of the secret whose HMAC-SHA256 over these bytes the header carries in hex. */
function findSigner(
  body: Buffer,
  header: string | string[] | undefined,
  secrets: Readonly<Record<string, string>>,
): string | undefined {
  const given = Buffer.from(typeof header === 'string' ? header : '', 'utf8');
  return Object.keys(secrets).find((name) => {
    const expected = Buffer.from(
      createHmac('sha256', secrets[name] ?? '')
        .update(body)
        .digest('hex'),
      'utf8',
    );
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}
